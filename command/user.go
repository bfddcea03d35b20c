package command

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

const maxNameRunes = 100 // users.first_name, users.last_name

// User is an account, as far as commands decide on it.
type User struct {
	Registered bool // and not erased
	Erased     bool
	Person     events.Sealed
	CreatedAt  time.Time
	UpdatedAt  time.Time // of the last change of the profile
	ChangedAt  int64     // the version that change led to
	Version    int64
}

func userStream(id uuid.UUID) events.Stream {
	return events.Stream{Kind: events.KindUser, ID: id}
}

// evolveUser applies one event of a user's stream.
func evolveUser(u User, r events.Recorded) User {
	u.Version = r.StreamVersion
	event, _ := r.Event.(events.UserEvent)
	switch e := event.(type) {
	case events.UserRegistered:
		u.Registered, u.Person, u.CreatedAt, u.UpdatedAt = true, e.Person, r.At, r.At
		u.ChangedAt = r.StreamVersion
	case events.UserProfileChanged:
		u.Person, u.UpdatedAt, u.ChangedAt = e.Person, r.At, r.StreamVersion
	case events.UserErased:
		u.Registered, u.Erased = false, true
	case events.UserLoggedIn, events.UserLoginFailed, events.UserLoggedOut, events.UserLoggedOutEverywhere,
		events.UserPasswordChanged, events.UserTokenReused:
	}
	return u
}

// EmailClaim is who holds an e-mail address.
type EmailClaim struct {
	Holder uuid.UUID // uuid.Nil if the address is free
}

// evolveEmail applies one event of an address's stream.
func evolveEmail(c EmailClaim, r events.Recorded) EmailClaim {
	event, _ := r.Event.(events.EmailEvent)
	switch e := event.(type) {
	case events.EmailClaimed:
		c.Holder = e.UserID
	case events.EmailReleased:
		c.Holder = uuid.Nil
	case events.EmailLoginFailed:
	}
	return c
}

// claim gives the address to a user.
func (c EmailClaim) claim(user uuid.UUID) ([]events.EmailEvent, error) {
	switch c.Holder {
	case user:
		return nil, nil
	case uuid.Nil:
		return []events.EmailEvent{events.EmailClaimed{UserID: user}}, nil
	default:
		return nil, ErrEmailTaken
	}
}

// release frees the address if the user holds it.
func (c EmailClaim) release(user uuid.UUID) []events.EmailEvent {
	if c.Holder != user {
		return nil
	}
	return []events.EmailEvent{events.EmailReleased{UserID: user}}
}

// UserDetails describes an account to its owner.
type UserDetails struct {
	ID        uuid.UUID `json:"id"`
	FirstName string    `json:"first_name"`
	LastName  string    `json:"last_name"`
	Email     string    `json:"email"`
	IsActive  bool      `json:"is_active"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Version   int64     `json:"version"`
}

func userDetails(id uuid.UUID, p events.Person, created, updated time.Time, version int64) UserDetails {
	return UserDetails{
		ID: id, FirstName: p.FirstName, LastName: p.LastName, Email: p.Email, IsActive: true,
		CreatedAt: created, UpdatedAt: updated, Version: version,
	}
}

// validPerson checks and normalises a profile.
func validPerson(email, firstName, lastName string) (events.Person, error) {
	var v validation
	v.text(firstName, "first_name", maxNameRunes)
	v.text(lastName, "last_name", maxNameRunes)
	normalized, ok := NormalizeEmail(email)
	v.check(ok, "email", "must be an e-mail address such as name@example.org, of at most %d bytes", maxEmailBytes)
	if err := v.err(); err != nil {
		return events.Person{}, fmt.Errorf("profile: %w", err)
	}
	return events.Person{Email: normalized, FirstName: firstName, LastName: lastName}, nil
}
