package events

import "github.com/google/uuid"

// UserEvent is a fact about one user.
//
//sumtype:decl
type UserEvent interface {
	Event
	userEvent()
}

// Names of user events.
const (
	TypeUserRegistered     Type = "user.registered"
	TypeUserProfileChanged Type = "user.profile_changed"
	TypeUserLoggedIn       Type = "user.logged_in"
	TypeUserLoggedOut      Type = "user.logged_out"
)

// UserRegistered records that a person opened an account.
type UserRegistered struct {
	Person Sealed `json:"person"` // of a [Person]
}

// UserProfileChanged records a person's new profile.
type UserProfileChanged struct {
	Person   Sealed `json:"person"`   // of a [Person], as it is now
	Previous Sealed `json:"previous"` // of a [Person], as it was
}

// UserLoggedIn records the start of a session.
type UserLoggedIn struct {
	Origin    Sealed    `json:"origin"` // of an [Origin]
	SessionID uuid.UUID `json:"session_id"`
}

// UserLoggedOut records that a session was ended by its user.
type UserLoggedOut struct {
	SessionID uuid.UUID `json:"session_id"`
}

// EmailEvent is a fact about the claim on one normalised e-mail address.
//
//sumtype:decl
type EmailEvent interface {
	Event
	emailEvent()
}

// Names of e-mail claim events.
const (
	TypeEmailClaimed  Type = "email.claimed"
	TypeEmailReleased Type = "email.released"
)

// EmailClaimed records that the address belongs to a user from here on.
type EmailClaimed struct {
	UserID uuid.UUID `json:"user_id"`
}

// EmailReleased records that the address is free again.
type EmailReleased struct {
	UserID uuid.UUID `json:"user_id"`
}

// EventType implements [Event].
func (UserRegistered) EventType() Type { return TypeUserRegistered }

// EventType implements [Event].
func (UserProfileChanged) EventType() Type { return TypeUserProfileChanged }

// EventType implements [Event].
func (UserLoggedIn) EventType() Type { return TypeUserLoggedIn }

// EventType implements [Event].
func (UserLoggedOut) EventType() Type { return TypeUserLoggedOut }

// EventType implements [Event].
func (EmailClaimed) EventType() Type { return TypeEmailClaimed }

// EventType implements [Event].
func (EmailReleased) EventType() Type { return TypeEmailReleased }

func (UserRegistered) userEvent()     {}
func (UserProfileChanged) userEvent() {}
func (UserLoggedIn) userEvent()       {}
func (UserLoggedOut) userEvent()      {}
func (EmailClaimed) emailEvent()      {}
func (EmailReleased) emailEvent()     {}
