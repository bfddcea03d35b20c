package identity_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/token"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/identity"
)

func TestOfAHundredRegistrationsOneWins(t *testing.T) {
	t.Parallel()
	w := setup(t)
	processes := []process{w.start(w.signer), w.start(w.signer)}
	spellings := []string{
		"\u00fcn\u00ef@b\u00fccher.example", "\u00dcN\u00cf@B\u00dcCHER.EXAMPLE", "u\u0308ni\u0308@bu\u0308cher.example",
		"\u00fcn\u00ef@xn--bcher-kva.example", " \uff55\u0308n\u00ef@b\u00fccher\u3002example", "\u00dcn\u00ef@XN--BCHER-KVA.example",
	}
	var (
		group sync.WaitGroup
		won   atomic.Int64
	)
	for i := range 100 {
		group.Go(func() {
			_, err := processes[i%2].Register(t.Context(), meta(), registration(spellings[i%len(spellings)]))
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, command.ErrEmailTaken):
				t.Errorf("%s: %v", spellings[i%len(spellings)], err)
			}
		})
	}
	group.Wait()
	var credentials int
	w.must(w.pool.QueryRow(t.Context(), `select count(*) from identity.credentials`).Scan(&credentials))
	if won.Load() != 1 || credentials != 1 || len(w.recorded()) != 2 {
		t.Errorf("%d won, %d hashes were kept, %d events recorded; want 1, 1, 2", won.Load(), credentials, len(w.recorded()))
	}
}

func TestOfTwoRefreshesOneWins(t *testing.T) {
	t.Parallel()
	w := setup(t)
	processes := []process{w.start(w.signer), w.start(w.signer)}
	w.registered(processes[0], "ada@example.org")
	for range 10 {
		in := w.signIn(processes[0])
		var (
			group sync.WaitGroup
			won   atomic.Pointer[identity.Tokens]
			lost  atomic.Int64
		)
		for _, p := range processes {
			group.Go(func() {
				tokens, err := p.Refresh(t.Context(), meta(), in.Tokens.Refresh)
				switch {
				case err == nil:
					won.Store(&tokens)
				case errors.Is(err, identity.ErrTokenReused), errors.Is(err, identity.ErrSessionEnded):
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		group.Wait()
		if won.Load() == nil || lost.Load() != 1 {
			t.Fatalf("won: %v; %d lost", won.Load(), lost.Load())
		}
		// A token that was used twice was stolen once: the session is over for both.
		if _, err := processes[0].Refresh(t.Context(), meta(), won.Load().Refresh); !errors.Is(err, identity.ErrSessionEnded) {
			t.Errorf("the winner goes on: %v", err)
		}
	}
}

// However logins with the old password race with the change, none of their sessions
// is left.
func TestNoSessionOfTheOldPasswordSurvivesItsChange(t *testing.T) {
	t.Parallel()
	w := setup(t)
	processes := []process{w.start(w.signer), w.start(w.signer)}
	user := w.registered(processes[0], "ada@example.org")
	mine := w.signIn(processes[0])
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			_, err := processes[i%2].Login(t.Context(), meta(), "ada@example.org", goodPassword, events.Origin{Address: home})
			if err != nil && !errors.Is(err, identity.ErrCredentials) {
				if _, throttled := errors.AsType[*identity.ThrottledError](err); !throttled {
					t.Error(err)
				}
			}
		})
	}
	group.Go(func() {
		_, err := processes[0].ChangePassword(t.Context(), meta(), identity.Claims{UserID: user, SessionID: mine.SessionID},
			identity.PasswordChange{Current: goodPassword, New: "another stable of proper horses"})
		if err != nil {
			t.Error(err)
		}
	})
	group.Wait()
	list, err := processes[0].ActiveSessions(t.Context(), user)
	if err != nil || len(list) != 1 || list[0].ID != mine.SessionID {
		t.Errorf("sessions %+v (%v), want %s alone", list, err, mine.SessionID)
	}
}

// Many guesses at once, of several processes, are no more than ten.
func TestOfAHundredGuessesTenAreLookedAt(t *testing.T) {
	t.Parallel()
	w := setup(t)
	processes := []process{w.start(w.signer), w.start(w.signer)}
	w.registered(processes[0], "ada@example.org")
	var (
		group             sync.WaitGroup
		looked, throttled atomic.Int64
	)
	for i := range 100 {
		group.Go(func() {
			from := events.Origin{Address: fmt.Sprintf("198.51.100.%d", i)}
			_, err := processes[i%2].Login(t.Context(), meta(), "ada@example.org", "a wrong one", from)
			var refused *identity.ThrottledError
			switch {
			case errors.Is(err, identity.ErrCredentials):
				looked.Add(1)
			case errors.As(err, &refused):
				throttled.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	if looked.Load() != 10 || throttled.Load() != 90 {
		t.Errorf("%d passwords were looked at, %d refused; want 10, 90", looked.Load(), throttled.Load())
	}
	failed := 0
	for _, r := range w.recorded() {
		if r.Type == events.TypeUserLoginFailed {
			failed++
		}
	}
	if failed != 11 {
		t.Errorf("%d failures were recorded, want 10 and one refusal", failed)
	}
	w.signIn(processes[1]) // the owner, at home
}

// Who leaves before the answer has not made an attempt less.
func TestLeavingEarlyIsNoWayRound(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.start(w.signer)
	w.registered(p, "ada@example.org")
	for range 30 {
		ctx, leave := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, leave)
		_, err := p.Login(ctx, meta(), "ada@example.org", "a wrong one", events.Origin{Address: "198.51.100.1"})
		if err == nil {
			t.Fatal("signed in with a wrong password")
		}
		leave()
	}
	looked := 0
	for _, r := range w.recorded() {
		if e, ok := r.Event.(events.UserLoginFailed); ok && e.Reason == events.LoginWrongPassword {
			looked++
		}
	}
	if looked > 10 {
		t.Errorf("%d passwords were looked at", looked)
	}
}

func TestOtherProcessesRefuseAnEndedSessionWithinASecond(t *testing.T) {
	t.Parallel()
	w := setup(t)
	here, there := w.start(w.signer), w.start(w.signer)
	user := w.registered(here, "ada@example.org")
	for name, end := range map[string]func(session uuid.UUID) error{
		"logout": func(id uuid.UUID) error {
			_, err := here.Logout(t.Context(), meta(), identity.Claims{UserID: user, SessionID: id})
			return err
		},
		"logout everywhere": func(id uuid.UUID) error {
			_, err := here.LogoutEverywhere(t.Context(), meta(), identity.Claims{UserID: user, SessionID: id})
			return err
		},
	} {
		in := w.signIn(here)
		for _, p := range []process{here, there} {
			if _, err := p.Authenticate(t.Context(), in.Tokens.Access); err != nil {
				t.Fatal(err)
			}
		}
		w.must(end(in.SessionID)) // Redis is away: nobody is told
		ended := time.Now()
		if _, err := here.Authenticate(t.Context(), in.Tokens.Access); !errors.Is(err, identity.ErrSessionEnded) {
			t.Errorf("%s: here, at once: %v", name, err)
		}
		gone := within(10*time.Second, func() bool {
			_, err := there.Authenticate(t.Context(), in.Tokens.Access)
			return errors.Is(err, identity.ErrSessionEnded)
		})
		if took := time.Since(ended); !gone || took > time.Second {
			t.Errorf("%s: refused elsewhere: %t, after %v", name, gone, took)
		}
		if told := <-here.revoked; told != in.SessionID {
			t.Errorf("%s: others are told of %s", name, told)
		}
	}
}

func TestTokensOfABygoneSecretAreGood(t *testing.T) {
	t.Parallel()
	w := setup(t)
	before := w.start(w.signer)
	w.registered(before, "ada@example.org")
	in := w.signIn(before)
	rotated, err := token.New(token.Config{
		Secret: []byte("another secret, which came after the first one"), Previous: [][]byte{[]byte(secret)},
	})
	w.must(err)
	after := w.start(rotated)
	if _, err := after.Authenticate(t.Context(), in.Tokens.Access); err != nil {
		t.Errorf("an access token: %v", err)
	}
	renewed, err := after.Refresh(t.Context(), meta(), in.Tokens.Refresh)
	w.must(err)
	if _, err := before.Authenticate(t.Context(), renewed.Access); !errors.Is(err, identity.ErrTokenInvalid) {
		t.Errorf("a token of the new secret under the old one alone: %v", err)
	}
}

func TestARegistrationThatIsRepeated(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.start(w.signer)
	keyed := meta()
	keyed.Keyed = true
	first, err := p.Register(t.Context(), keyed, registration("ada@example.org"))
	w.must(err)
	again, err := p.Register(t.Context(), keyed, registration("ada@example.org"))
	if err != nil || !again.Replayed || again.Value != first.Value {
		t.Errorf("got %+v, %v; want %+v", again, err, first)
	}
	other := registration("ada@example.org")
	other.Password = "another stable of proper horses"
	if _, err := p.Register(t.Context(), keyed, other); !errors.Is(err, command.ErrCommandReused) {
		t.Errorf("with another password: %v", err)
	}
}
