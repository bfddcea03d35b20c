package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// ChangeProfile changes a user's own profile; a nil field stays as it is.
type ChangeProfile struct {
	UserID    uuid.UUID
	Email     *string
	FirstName *string
	LastName  *string
}

// errStale says that the profile changed between reading and deciding.
var errStale = errors.New("the profile changed meanwhile")

// ChangeProfile changes a profile; [ErrEmailTaken] if the new address belongs to
// another account.
func (a *App) ChangeProfile(ctx context.Context, meta Meta, c ChangeProfile) (Result[UserDetails], error) {
	result, err := a.changeProfile(ctx, meta, c)
	for retry := 1; retry <= maxRetries && errors.Is(err, errStale); retry++ {
		result, err = a.changeProfile(ctx, meta, c)
	}
	if errors.Is(err, errStale) {
		return result, fmt.Errorf("%w: %w", ErrConflict, err)
	}
	return result, err
}

// changeProfile makes one attempt. Which addresses' streams it must load depends
// on the profile, so that it reads the profile first and checks later that it
// still stands.
func (a *App) changeProfile(ctx context.Context, meta Meta, c ChangeProfile) (Result[UserDetails], error) {
	user := userStream(c.UserID)
	before, current, err := a.profile(ctx, user)
	if err != nil {
		return Result[UserDetails]{}, err
	}
	next, err := validPerson(or(c.Email, current.Email), or(c.FirstName, current.FirstName), or(c.LastName, current.LastName))
	if err != nil {
		return Result[UserDetails]{}, err
	}
	sealed, err := a.seal(ctx, c.UserID, next)
	if err != nil {
		return Result[UserDetails]{}, err
	}
	p := profileChange{
		user: user, before: before, current: current, next: next, sealed: sealed,
		from: emailStream(a.emailKey, current.Email), to: emailStream(a.emailKey, next.Email),
	}
	result, err := perform(ctx, a, events.PlatformLedger, meta, p.streams(), p.decide)
	return a.described(ctx, result, err)
}

// profileChange is a change from one profile to the next.
type profileChange struct {
	user          events.Stream
	before        User
	current, next events.Person
	sealed        events.Sealed // next
	from, to      events.Stream // the claims on the addresses
}

func (p profileChange) streams() []events.Stream {
	if p.from == p.to {
		return []events.Stream{p.user}
	}
	return []events.Stream{p.user, p.from, p.to}
}

func (p profileChange) decide(h *history) (decision[userOutcome], error) {
	state := fold(h, p.user, evolveUser)
	if state.Version != p.before.Version {
		return decision[userOutcome]{}, errStale
	}
	if p.next == p.current {
		return decision[userOutcome]{since: state.ChangedAt, outcome: func(time.Time) userOutcome {
			return userOutcome{
				ID: p.user.ID, Person: state.Person, CreatedAt: state.CreatedAt, UpdatedAt: state.UpdatedAt, Version: state.Version,
			}
		}}, nil
	}
	d := decision[userOutcome]{
		since: state.ChangedAt, // logins don't show in a profile
		changes: []Change{change(p.user, []events.UserEvent{
			events.UserProfileChanged{Person: p.sealed, Previous: state.Person},
		})},
		outcome: func(at time.Time) userOutcome {
			return userOutcome{
				ID: p.user.ID, Person: p.sealed, CreatedAt: state.CreatedAt, UpdatedAt: at, Version: state.Version + 1,
			}
		},
	}
	if p.from == p.to {
		return d, nil
	}
	claimed, err := fold(h, p.to, evolveEmail).claim(p.user.ID)
	released := fold(h, p.from, evolveEmail).release(p.user.ID)
	d.changes = append(d.changes, change(p.to, claimed), change(p.from, released))
	return d, err
}

// profile loads a user and opens the user's profile.
func (a *App) profile(ctx context.Context, stream events.Stream) (User, events.Person, error) {
	past, err := a.ledger.Load(ctx, events.PlatformLedger, stream.ID)
	if err != nil {
		return User{}, events.Person{}, err
	}
	user := fold(loaded(past), stream, evolveUser)
	if !user.Registered {
		return user, events.Person{}, ErrNotFound
	}
	keys, err := a.keys.Keys(ctx, stream.ID)
	if err != nil {
		return user, events.Person{}, err
	}
	var person events.Person
	return user, person, keys.Open(user.Person, &person)
}

func or(s *string, fallback string) string {
	if s == nil {
		return fallback
	}
	return *s
}
