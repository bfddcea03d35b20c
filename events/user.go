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
	TypeUserRegistered          Type = "user.registered"
	TypeUserProfileChanged      Type = "user.profile_changed"
	TypeUserLoggedIn            Type = "user.logged_in"
	TypeUserLoginFailed         Type = "user.login_failed"
	TypeUserLoggedOut           Type = "user.logged_out"
	TypeUserLoggedOutEverywhere Type = "user.logged_out_everywhere"
	TypeUserPasswordChanged     Type = "user.password_changed"
	TypeUserTokenReused         Type = "user.token_reused" //nolint:gosec // a name, no credential
	TypeUserErased              Type = "user.erased"
)

// UserRegistered records that a person opened an account.
type UserRegistered struct {
	Person Sealed `json:"person"` // a sealed [Person]
}

// UserProfileChanged records a person's new profile.
type UserProfileChanged struct {
	Person   Sealed `json:"person"`   // a sealed [Person], as it is now
	Previous Sealed `json:"previous"` // a sealed [Person], as it was
}

// UserLoggedIn records the start of a session.
type UserLoggedIn struct {
	Origin    Sealed    `json:"origin"` // a sealed [Origin]
	SessionID uuid.UUID `json:"session_id"`
}

// UserLoggedOut records that a session was ended by its user.
type UserLoggedOut struct {
	SessionID uuid.UUID `json:"session_id"`
}

// UserLoggedOutEverywhere records that a user ended all sessions at once.
type UserLoggedOutEverywhere struct {
	SessionID uuid.UUID `json:"session_id"` // from which it was asked for
}

// UserPasswordChanged records that a user chose another password, which ended all
// other sessions.
type UserPasswordChanged struct {
	SessionID uuid.UUID `json:"session_id"` // from which it was asked for, and which goes on
}

// UserTokenReused records that a refresh token was brought once more after it was
// spent, which ended its session: one of the two who brought it has no right to it.
type UserTokenReused struct {
	Origin    Sealed    `json:"origin"` // a sealed [Origin]; the subject is the account's owner, whoever it was
	SessionID uuid.UUID `json:"session_id"`
}

// LoginFailure says why somebody did not prove to be who they said they were.
type LoginFailure string

// Why logins fail.
const (
	LoginWrongPassword   LoginFailure = "wrong_password"
	LoginAccountClosed   LoginFailure = "account_closed"     // the password was right
	LoginUnknownAddress  LoginFailure = "unknown_address"    // no account has it
	LoginThrottled       LoginFailure = "throttled"          // nothing was looked at
	LoginPasswordConfirm LoginFailure = "wrong_confirmation" // of the password, in a session
)

// UserLoginFailed records that somebody failed to prove to be the user.
type UserLoginFailed struct {
	Origin Sealed       `json:"origin"` // a sealed [Origin]; the subject is the account's owner, whoever it was
	Reason LoginFailure `json:"reason"`
	// Throttled counts attempts on the account that were refused unseen since the
	// last that was recorded.
	Throttled int64 `json:"throttled" jsonschema:"minimum=0"`
}

// UserErased records that the person behind the account is forgotten: the key to all
// that the trail says of them is about to be destroyed.
type UserErased struct{}

// EmailEvent is a fact about the claim on one normalised e-mail address.
//
//sumtype:decl
type EmailEvent interface {
	Event
	emailEvent()
}

// Names of e-mail claim events.
const (
	TypeEmailClaimed     Type = "email.claimed"
	TypeEmailReleased    Type = "email.released"
	TypeEmailLoginFailed Type = "email.login_failed"
)

// EmailClaimed records that the address belongs to a user from here on.
type EmailClaimed struct {
	UserID uuid.UUID `json:"user_id"`
}

// EmailReleased records that the address is free again.
type EmailReleased struct {
	UserID uuid.UUID `json:"user_id"`
}

// EmailLoginFailed records that somebody tried to sign in with an address that no
// account has. Where that came from is the envelope's origin, of a stranger.
type EmailLoginFailed struct {
	Reason LoginFailure `json:"reason"`
	// Throttled counts attempts with the address that were refused unseen since the
	// last that was recorded.
	Throttled int64 `json:"throttled" jsonschema:"minimum=0"`
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
func (UserLoginFailed) EventType() Type { return TypeUserLoginFailed }

// EventType implements [Event].
func (UserTokenReused) EventType() Type { return TypeUserTokenReused }

// EventType implements [Event].
func (UserLoggedOutEverywhere) EventType() Type { return TypeUserLoggedOutEverywhere }

// EventType implements [Event].
func (UserPasswordChanged) EventType() Type { return TypeUserPasswordChanged }

// EventType implements [Event].
func (EmailLoginFailed) EventType() Type { return TypeEmailLoginFailed }

// EventType implements [Event].
func (UserErased) EventType() Type { return TypeUserErased }

// EventType implements [Event].
func (EmailClaimed) EventType() Type { return TypeEmailClaimed }

// EventType implements [Event].
func (EmailReleased) EventType() Type { return TypeEmailReleased }

func (UserRegistered) userEvent()          {}
func (UserProfileChanged) userEvent()      {}
func (UserLoggedIn) userEvent()            {}
func (UserTokenReused) userEvent()         {}
func (UserLoggedOut) userEvent()           {}
func (UserLoginFailed) userEvent()         {}
func (UserLoggedOutEverywhere) userEvent() {}
func (UserPasswordChanged) userEvent()     {}
func (UserErased) userEvent()              {}
func (EmailLoginFailed) emailEvent()       {}
func (EmailClaimed) emailEvent()           {}
func (EmailReleased) emailEvent()          {}
