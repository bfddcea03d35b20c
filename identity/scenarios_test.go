package identity_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/identity"
)

// scene is what a scenario acts on: an account with two sessions, and a stranger.
type scene struct {
	w          *world
	p          process
	ada, bob   uuid.UUID
	one, other identity.SignedIn
}

func (s scene) claims(in identity.SignedIn) identity.Claims {
	return identity.Claims{UserID: in.UserID, SessionID: in.SessionID}
}

func (s scene) change(ctx context.Context, current, next string) error {
	_, err := s.p.ChangePassword(ctx, meta(), s.claims(s.one), identity.PasswordChange{Current: current, New: next})
	return err
}

// Given ada with two sessions and bob with none, when something is done, then these
// events are recorded, and these of ada's sessions are good.
func TestScenarios(t *testing.T) {
	t.Parallel()
	const next = "another stable of proper horses"
	for name, test := range map[string]struct {
		when       func(ctx context.Context, s scene) error
		err        error
		then       []events.Type
		one, other bool
	}{
		"an address is taken": {
			when: func(ctx context.Context, s scene) error {
				_, err := s.p.Register(ctx, meta(), registration("ADA@Example.org"))
				return err
			},
			err: command.ErrEmailTaken, one: true, other: true,
		},
		"a weak password": {
			when: func(ctx context.Context, s scene) error {
				r := registration("new@example.org")
				r.Password = "password1"
				_, err := s.p.Register(ctx, meta(), r)
				return err
			},
			err: &command.InvalidError{}, one: true, other: true,
		},
		"a login": {
			when: func(ctx context.Context, s scene) error {
				_, err := s.p.Login(ctx, meta(), " Ada@EXAMPLE.org", goodPassword, meta().Origin)
				return err
			},
			then: []events.Type{events.TypeUserLoggedIn}, one: true, other: true,
		},
		"a login with a wrong password": {
			when: func(ctx context.Context, s scene) error {
				_, err := s.p.Login(ctx, meta(), "ada@example.org", "a wrong one", meta().Origin)
				return err
			},
			err: identity.ErrCredentials, then: []events.Type{events.TypeUserLoginFailed}, one: true, other: true,
		},
		"a login with an unknown address": {
			when: func(ctx context.Context, s scene) error {
				_, err := s.p.Login(ctx, meta(), "eve@example.org", goodPassword, meta().Origin)
				return err
			},
			err: identity.ErrCredentials, then: []events.Type{events.TypeEmailLoginFailed}, one: true, other: true,
		},
		"a login with no address": {
			when: func(ctx context.Context, s scene) error {
				_, err := s.p.Login(ctx, meta(), "eve", goodPassword, meta().Origin)
				return err
			},
			err: identity.ErrCredentials, then: []events.Type{events.TypeEmailLoginFailed}, one: true, other: true,
		},
		"a refresh": {
			when: func(ctx context.Context, s scene) error {
				_, err := s.p.Refresh(ctx, meta(), s.one.Tokens.Refresh)
				return err
			},
			one: true, other: true,
		},
		"a spent refresh token": {
			when: func(ctx context.Context, s scene) error {
				if _, err := s.p.Refresh(ctx, meta(), s.one.Tokens.Refresh); err != nil {
					return err
				}
				_, err := s.p.Refresh(ctx, meta(), s.one.Tokens.Refresh)
				return err
			},
			err: identity.ErrTokenReused, then: []events.Type{events.TypeUserTokenReused}, other: true,
		},
		"an access token instead of a refresh token": {
			when: func(ctx context.Context, s scene) error {
				_, err := s.p.Refresh(ctx, meta(), s.one.Tokens.Access)
				return err
			},
			err: identity.ErrTokenInvalid, one: true, other: true,
		},
		"a logout, twice": {
			when: func(ctx context.Context, s scene) error {
				_, err1 := s.p.Logout(ctx, meta(), s.claims(s.one))
				_, err2 := s.p.Logout(ctx, meta(), s.claims(s.one))
				return errors.Join(err1, err2)
			},
			then: []events.Type{events.TypeUserLoggedOut}, other: true,
		},
		"the other session ended": {
			when: func(ctx context.Context, s scene) error {
				_, err := s.p.EndSession(ctx, meta(), s.claims(s.one), s.other.SessionID)
				return err
			},
			then: []events.Type{events.TypeUserLoggedOut}, one: true,
		},
		"somebody else's session ended": {
			when: func(ctx context.Context, s scene) error {
				_, err := s.p.EndSession(ctx, meta(), identity.Claims{UserID: s.bob, SessionID: uuid.New()}, s.other.SessionID)
				return err
			},
			err: identity.ErrNotFound, one: true, other: true,
		},
		"a logout everywhere": {
			when: func(ctx context.Context, s scene) error {
				_, err := s.p.LogoutEverywhere(ctx, meta(), s.claims(s.one))
				return err
			},
			then: []events.Type{events.TypeUserLoggedOutEverywhere},
		},
		"another password": {
			when: func(ctx context.Context, s scene) error { return s.change(ctx, goodPassword, next) },
			then: []events.Type{events.TypeUserPasswordChanged}, one: true,
		},
		"another password, with a wrong one": {
			when: func(ctx context.Context, s scene) error { return s.change(ctx, "a wrong one", next) },
			err:  identity.ErrCredentials, then: []events.Type{events.TypeUserLoginFailed}, one: true, other: true,
		},
		"another password that is the same": {
			when: func(ctx context.Context, s scene) error { return s.change(ctx, goodPassword, goodPassword) },
			err:  &command.InvalidError{}, one: true, other: true,
		},
		"another password that is made of the name": {
			when: func(ctx context.Context, s scene) error { return s.change(ctx, goodPassword, "lovelace!!") },
			err:  &command.InvalidError{}, one: true, other: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			s := scene{w: w, p: w.start(w.signer)}
			s.ada, s.bob = w.registered(s.p, "ada@example.org"), w.registered(s.p, "bob@example.org")
			s.one, s.other = w.signIn(s.p), w.signIn(s.p)
			before := len(w.recorded())
			if err := test.when(t.Context(), s); !errors.Is(err, test.err) {
				t.Fatalf("got %v, want %v", err, test.err)
			}
			if got := w.types(before); !slices.Equal(got, test.then) {
				t.Errorf("recorded %v, want %v", got, test.then)
			}
			for in, want := range map[*identity.SignedIn]bool{&s.one: test.one, &s.other: test.other} {
				claims, err := s.p.Authenticate(t.Context(), in.Tokens.Access)
				if (err == nil) != want || err == nil && (claims.UserID != s.ada || claims.SessionID != in.SessionID) {
					t.Errorf("session %s: %+v, %v; want it good: %t", in.SessionID, claims, err, want)
				}
			}
		})
	}
}
