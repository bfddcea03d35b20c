package postgres_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/identity"
	"github.com/cartulary/cartulary/internal/pgtest"
)

func TestCredentials(t *testing.T) {
	t.Parallel()
	c := postgres.NewCredentials(openPool(t, pgtest.Platform(t)))
	user := newID()
	if _, err := c.Hash(t.Context(), user); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("hash of nobody: %v, want %v", err, identity.ErrNotFound)
	}
	for _, hash := range []string{"$argon2id$v=19$first", "$argon2id$v=19$second"} {
		if err := c.Save(t.Context(), user, hash); err != nil {
			t.Fatal(err)
		}
		if got, err := c.Hash(t.Context(), user); got != hash || err != nil {
			t.Errorf("hash %q (%v), want %q", got, err, hash)
		}
	}
	for range 2 { // again is no harm
		if err := c.Delete(t.Context(), user); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Hash(t.Context(), user); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("hash after it was deleted: %v, want %v", err, identity.ErrNotFound)
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	s := postgres.NewSecrets(openPool(t, pgtest.Platform(t)))
	if got, err := s.Secret(t.Context(), "email_claims"); len(got) != 32 || err != nil {
		t.Errorf("secret of %d bytes (%v), want 32", len(got), err)
	}
	if _, err := s.Secret(t.Context(), "none"); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("secret that is not there: %v, want %v", err, identity.ErrNotFound)
	}
}

func TestPersonKeys(t *testing.T) {
	t.Parallel()
	pool := openPool(t, pgtest.Platform(t))
	keys, elsewhere := postgres.NewPersonKeys(pool), postgres.NewPersonKeys(pool)
	person, other := newID(), newID()
	var group sync.WaitGroup
	drawn := make([]events.Key, 16)
	for i := range drawn {
		group.Go(func() {
			var err error
			if drawn[i], err = keys.Create(t.Context(), person); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, key := range drawn {
		if key != drawn[0] || key == (events.Key{}) {
			t.Fatal("those who asked at once got different keys")
		}
	}
	for range 2 { // from the table, then from memory
		got, err := elsewhere.Keys(t.Context(), person, other, person)
		if err != nil || len(got) != 1 || got[person] != drawn[0] {
			t.Errorf("keys %v (%v)", got, err)
		}
	}
	if err := elsewhere.Delete(t.Context(), person); err != nil {
		t.Fatal(err)
	}
	if got, err := elsewhere.Keys(t.Context(), person); err != nil || len(got) != 0 {
		t.Errorf("keys after the person was erased: %v (%v)", got, err)
	}
	if again, err := keys.Create(t.Context(), person); err != nil || again == drawn[0] {
		t.Errorf("an erased person got the same key again (%v)", err)
	}
}

const passwordHash = "$argon2id$v=19$of a password"

// users are sessions of users who have a password.
type users struct {
	*postgres.Sessions

	credentials *postgres.Credentials
}

func newUsers(t *testing.T) users {
	t.Helper()
	pool := openPool(t, pgtest.Platform(t))
	return users{postgres.NewSessions(pool), postgres.NewCredentials(pool)}
}

func newSession(t *testing.T, s users, user uuid.UUID, lifetime time.Duration) identity.Session {
	t.Helper()
	if err := s.credentials.Save(t.Context(), user, passwordHash); err != nil {
		t.Fatal(err)
	}
	n := identity.Session{ID: newID(), UserID: user, RefreshHash: hash("0"), ExpiresAt: time.Now().Add(lifetime)}
	if err := s.Start(t.Context(), n, passwordHash); err != nil {
		t.Fatal(err)
	}
	return n
}

func hash(s string) []byte { return []byte(strings.Repeat(s, 32)) }

func wantActive(t *testing.T, s users, id uuid.UUID, want bool) {
	t.Helper()
	if got, err := s.Active(t.Context(), id); got != want || err != nil {
		t.Errorf("session active: %v (%v), want %v", got, err, want)
	}
}

func TestSessionsRotate(t *testing.T) {
	t.Parallel()
	s := newUsers(t)
	n, later := newSession(t, s, newID(), time.Hour), time.Now().Add(2*time.Hour)
	wantActive(t, s, n.ID, true)
	for i, pair := range []string{"01", "12", "23"} {
		if err := s.Rotate(t.Context(), n.ID, hash(pair[:1]), hash(pair[1:]), later); err != nil {
			t.Fatalf("rotation %d: %v", i+1, err)
		}
	}
	wantActive(t, s, n.ID, true)
	if err := s.Rotate(t.Context(), n.ID, hash("1"), hash("4"), later); !errors.Is(err, identity.ErrTokenReused) {
		t.Errorf("a spent token: %v, want %v", err, identity.ErrTokenReused)
	}
	wantActive(t, s, n.ID, false)
	for _, spent := range []string{"3", "1"} { // the newest is no good either
		err := s.Rotate(t.Context(), n.ID, hash(spent), hash("4"), later)
		if !errors.Is(err, identity.ErrSessionEnded) {
			t.Errorf("after the session ended: %v, want %v", err, identity.ErrSessionEnded)
		}
	}
	if err := s.Rotate(t.Context(), newID(), hash("0"), hash("1"), later); !errors.Is(err, identity.ErrSessionEnded) {
		t.Errorf("no session: %v, want %v", err, identity.ErrSessionEnded)
	}
}

func TestSessionsRotateRace(t *testing.T) {
	t.Parallel()
	s := newUsers(t)
	n := newSession(t, s, newID(), time.Hour)
	var (
		group sync.WaitGroup
		won   atomic.Int64
	)
	for range 16 {
		group.Go(func() {
			err := s.Rotate(t.Context(), n.ID, hash("0"), hash("1"), time.Now().Add(time.Hour))
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, identity.ErrTokenReused) && !errors.Is(err, identity.ErrSessionEnded):
				t.Error(err)
			}
		})
	}
	group.Wait()
	if won.Load() != 1 {
		t.Errorf("%d won, want 1", won.Load())
	}
	wantActive(t, s, n.ID, false)
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	s := newUsers(t)
	user := newID()
	revoked, one, two := newSession(t, s, user, time.Hour), newSession(t, s, user, time.Hour), newSession(t, s, user, time.Hour)
	other, expired := newSession(t, s, newID(), time.Hour), newSession(t, s, newID(), -time.Minute)
	wantActive(t, s, newID(), false)
	wantActive(t, s, expired.ID, false)
	for range 2 { // again is no harm
		if err := s.Revoke(t.Context(), revoked.ID); err != nil {
			t.Fatal(err)
		}
	}
	wantActive(t, s, revoked.ID, false)
	wantActive(t, s, one.ID, true)
	if ended, err := s.RevokeAll(t.Context(), user); err != nil || len(ended) != 2 {
		t.Fatalf("ended %v (%v)", ended, err)
	}
	wantActive(t, s, one.ID, false)
	wantActive(t, s, two.ID, false)
	wantActive(t, s, other.ID, true)
	err := s.Rotate(t.Context(), expired.ID, hash("0"), hash("1"), time.Now().Add(time.Hour))
	if !errors.Is(err, identity.ErrSessionEnded) {
		t.Errorf("an expired session: %v, want %v", err, identity.ErrSessionEnded)
	}
	if n, err := s.Sweep(t.Context(), time.Now()); n != 1 || err != nil {
		t.Errorf("%d swept (%v), want 1", n, err)
	}
}

func TestSessionsOfAUser(t *testing.T) {
	t.Parallel()
	s := newUsers(t)
	user := newID()
	first, second, gone := newSession(t, s, user, time.Hour), newSession(t, s, user, time.Hour), newSession(t, s, user, time.Hour)
	expired, others := newSession(t, s, user, -time.Minute), newSession(t, s, newID(), time.Hour)
	if err := errors.Join(s.Revoke(t.Context(), gone.ID),
		s.Rotate(t.Context(), first.ID, hash("0"), hash("1"), time.Now().Add(time.Hour))); err != nil {
		t.Fatal(err)
	}
	list, err := s.OfUser(t.Context(), user, 10)
	if err != nil || len(list) != 2 || list[0].ID != first.ID || list[1].ID != second.ID {
		t.Errorf("got %+v (%v), want the one refreshed last, then the other", list, err)
	}
	if list, err := s.OfUser(t.Context(), user, 1); err != nil || len(list) != 1 {
		t.Errorf("got %+v (%v), want one", list, err)
	}
	for id, want := range map[uuid.UUID]bool{first.ID: true, gone.ID: false, expired.ID: false, others.ID: false, newID(): false} {
		if got, err := s.Owns(t.Context(), user, id); got != want || err != nil {
			t.Errorf("owns %s: %v (%v), want %v", id, got, err, want)
		}
	}
}

func TestAPasswordIsReplacedOnceAndEndsOtherSessions(t *testing.T) {
	t.Parallel()
	s := newUsers(t)
	user := newID()
	kept, ended, other := newSession(t, s, user, time.Hour), newSession(t, s, user, time.Hour), newSession(t, s, newID(), time.Hour)
	var (
		group sync.WaitGroup
		won   atomic.Int64
	)
	for i := range 8 {
		group.Go(func() {
			list, err := s.credentials.Replace(t.Context(), user, passwordHash, "next "+strings.Repeat("x", i), kept.ID)
			switch {
			case err == nil:
				won.Add(1)
				if len(list) != 1 || list[0] != ended.ID {
					t.Errorf("ended %v, want %s", list, ended.ID)
				}
			case !errors.Is(err, identity.ErrNotFound):
				t.Error(err)
			}
		})
	}
	group.Wait()
	if won.Load() != 1 {
		t.Errorf("%d replaced the password, want 1", won.Load())
	}
	wantActive(t, s, kept.ID, true)
	wantActive(t, s, ended.ID, false)
	wantActive(t, s, other.ID, true)
	late := identity.Session{ID: newID(), UserID: user, RefreshHash: hash("0"), ExpiresAt: time.Now().Add(time.Hour)}
	if err := s.Start(t.Context(), late, passwordHash); !errors.Is(err, identity.ErrCredentials) {
		t.Errorf("a session with the password before: %v, want %v", err, identity.ErrCredentials)
	}
	wantActive(t, s, late.ID, false)
}
