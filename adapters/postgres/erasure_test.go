package postgres_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/internal/pgtest"
)

// startSession is what identity.Sessions.Start does, in a transaction of ours.
const startSession = `
insert into identity.sessions (id, user_id, refresh_hash, expires_at, user_agent)
select $1, user_id, '', now() + interval '1 hour', 'Browser/1'
from identity.credentials where user_id = $2 for share`

// A session that is started while its owner is erased goes, too, and so does one that
// an erasure has left.
func TestNoSessionOutlastsAnErasure(t *testing.T) {
	t.Parallel()
	pool := openPool(t, pgtest.Platform(t))
	keys, person, session := postgres.NewPersonKeys(pool), newID(), newID()
	if _, err := pool.Exec(t.Context(), `insert into identity.credentials values ($1, 'hash')`, person); err != nil {
		t.Fatal(err)
	}
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), startSession, session, person); err != nil {
		t.Fatal(err)
	}
	type result struct {
		sessions []uuid.UUID
		err      error
	}
	done := make(chan result, 1)
	go func() {
		sessions, err := keys.Destroy(t.Context(), person)
		done <- result{sessions, err}
	}()
	for deadline := time.Now().Add(time.Minute); !scan[bool](t, pool, `
		select exists (select from pg_locks l join pg_stat_activity a using (pid)
			where not l.granted and a.datname = current_database())`); {
		if time.Now().After(deadline) {
			t.Fatal("the erasure waits for nobody")
		}
		time.Sleep(5 * time.Millisecond)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := <-done; got.err != nil || len(got.sessions) != 1 || got.sessions[0] != session {
		t.Errorf("ended %v, %v; want %s", got.sessions, got.err, session)
	}
	if n := scan[int](t, pool, `select count(*) from identity.sessions`); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

func TestASessionIsWhatAnErasureIsUnfinishedFor(t *testing.T) {
	t.Parallel()
	pool := openPool(t, pgtest.Platform(t))
	keys, person := postgres.NewPersonKeys(pool), newID()
	for _, sql := range []string{
		`insert into users (id, first_name, last_name, email, is_active, created_at, updated_at, version)
			values ($1, 'erased', 'erased', 'erased-' || $1::uuid || '@invalid', false, now(), now(), 1)`,
		`insert into identity.sessions (id, user_id, refresh_hash, expires_at) values (gen_random_uuid(), $1, '', now())`,
	} {
		if _, err := pool.Exec(t.Context(), sql, person); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := keys.Unfinished(t.Context(), 10); err != nil || len(list) != 1 || list[0] != person {
		t.Errorf("found %v, %v; want %s", list, err, person)
	}
	if _, err := keys.Destroy(t.Context(), person); err != nil {
		t.Fatal(err)
	}
	if list, err := keys.Unfinished(t.Context(), 10); err != nil || len(list) > 0 {
		t.Errorf("found %v, %v; want nobody", list, err)
	}
}
