package postgres_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/identity"
	"github.com/cartulary/cartulary/internal/pgtest"
)

func try(account, client byte) identity.Attempt {
	return identity.Attempt{
		Account: identity.AttemptKey{'a', account}, Client: identity.AttemptKey{'c', client},
		Pair: identity.AttemptKey{'p', account, client},
	}
}

func mustBegin(t *testing.T, s *postgres.Attempts, a identity.Attempt) identity.Admission {
	t.Helper()
	admission, err := s.Begin(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return admission
}

func mustEnd(t *testing.T, s *postgres.Attempts, a identity.Attempt, o identity.Outcome) int64 {
	t.Helper()
	admission := mustBegin(t, s, a)
	if !admission.Admitted {
		t.Fatalf("not admitted: %+v", admission)
	}
	refused, err := s.End(t.Context(), a, admission.At, o)
	if err != nil {
		t.Fatal(err)
	}
	return refused
}

func TestAttemptsOverSeveralProcesses(t *testing.T) {
	t.Parallel()
	url := pgtest.Platform(t)
	processes := []*postgres.Attempts{postgres.NewAttempts(openPool(t, url)), postgres.NewAttempts(openPool(t, url))}
	for i := range 10 {
		mustEnd(t, processes[i%2], try(1, byte(i)), identity.Failed)
	}
	restarted := postgres.NewAttempts(openPool(t, url))
	got := mustBegin(t, restarted, try(1, 99))
	if got.Admitted || got.Full != try(1, 99).Account || got.RetryAfter <= 14*time.Minute || got.RetryAfter > 15*time.Minute {
		t.Errorf("the eleventh on one account: %+v", got)
	}
	mustEnd(t, restarted, try(2, 99), identity.Proven) // another account
	if rows := scan[int](t, openPool(t, url), `select count(*) from identity.login_attempts where key = $1`,
		keyOf(try(1, 99).Pair)); rows != 0 {
		t.Error("a refused attempt left a row")
	}
}

func keyOf(k identity.AttemptKey) []byte { return k[:] }

func TestTheOwnersClientIsNotLockedOut(t *testing.T) {
	t.Parallel()
	s := postgres.NewAttempts(openPool(t, pgtest.Platform(t)))
	const owner, home, attacker = 1, 2, 3
	if err := s.Know(t.Context(), try(owner, home)); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		mustEnd(t, s, try(owner, attacker), identity.Failed)
	}
	if got := mustBegin(t, s, try(owner, attacker)); got.Admitted {
		t.Error("the attacker may go on")
	}
	for range 9 {
		mustEnd(t, s, try(owner, home), identity.Failed)
	}
	mustEnd(t, s, try(owner, home), identity.Proven) // which forgives those nine, and none of the others
	for range 10 {
		mustEnd(t, s, try(owner, home), identity.Failed)
	}
	for name, a := range map[string]identity.Attempt{"the attacker": try(owner, attacker), "home": try(owner, home), "elsewhere": try(owner, 4)} {
		if got := mustBegin(t, s, a); got.Admitted {
			t.Errorf("%s may go on", name)
		}
	}
}

func TestRefusalsAreCountedAndToldOfOnce(t *testing.T) {
	t.Parallel()
	s := postgres.NewAttempts(openPool(t, pgtest.Platform(t)))
	a := try(1, 1)
	if report, err := s.Refuse(t.Context(), a.Account); report != 0 || err != nil {
		t.Errorf("of nobody: %d (%v)", report, err)
	}
	mustEnd(t, s, a, identity.Failed)
	for i, want := range []int64{1, 0, 0, 0} {
		if report, err := s.Refuse(t.Context(), a.Account); report != want || err != nil {
			t.Errorf("refusal %d: report %d (%v), want %d", i+1, report, err, want)
		}
	}
	if refused := mustEnd(t, s, a, identity.Proven); refused != 0 {
		t.Errorf("a proof tells of %d refusals", refused)
	}
	for i, want := range []int64{3, 0} {
		if refused := mustEnd(t, s, a, identity.Failed); refused != want {
			t.Errorf("failure %d tells of %d refusals, want %d", i+1, refused, want)
		}
	}
}

// Many at once, in several processes, are no more than many in a row.
func TestAttemptsRace(t *testing.T) {
	t.Parallel()
	url := pgtest.Platform(t)
	pools := []*pgxpool.Pool{openPool(t, url), openPool(t, url)}
	var (
		group    sync.WaitGroup
		admitted atomic.Int64
	)
	for i := range 100 {
		s := postgres.NewAttempts(pools[i%2])
		group.Go(func() {
			a := try(1, byte(i%7)) // rows are locked in one order, whoever asks
			for {
				admission, err := s.Begin(t.Context(), a)
				switch {
				case err != nil:
					t.Error(err)
					return
				case admission.Busy:
					continue
				case !admission.Admitted:
					return
				}
				admitted.Add(1)
				if _, err := s.End(t.Context(), a, admission.At, identity.Failed); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if admitted.Load() != 10 {
		t.Errorf("%d were admitted, want 10", admitted.Load())
	}
}

func TestSweepingAttempts(t *testing.T) {
	t.Parallel()
	pool := openPool(t, pgtest.Platform(t))
	s := postgres.NewAttempts(pool)
	mustEnd(t, s, try(1, 1), identity.Failed)
	mustEnd(t, s, try(2, 2), identity.Proven)
	if n, err := s.Sweep(t.Context()); n != 0 || err != nil {
		t.Errorf("%d swept (%v), want none yet", n, err)
	}
	if _, err := pool.Exec(t.Context(), `update identity.login_attempts set expires_at = expires_at - interval '16 minutes'`); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Sweep(t.Context()); n != 5 || err != nil {
		t.Errorf("%d swept (%v), want all but the pair that is known", n, err)
	}
}
