package worker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/internal/pgtest"
	"github.com/cartulary/cartulary/worker"
)

var errAway = errors.New("the store is away")

// away is a store that can't read some keys.
type away struct {
	worker.Objects

	keys map[string]bool
}

func (a away) Verify(ctx context.Context, key string) (command.Digest, error) {
	if a.keys[key] {
		return command.Digest{}, errAway
	}
	return a.Objects.Verify(ctx, key)
}

// hurry makes everything due that was put off.
func (b *testBundle) hurry(t *testing.T) {
	t.Helper()
	if _, err := b.pool.Exec(t.Context(), `update work.deferred set due_at = now()`); err != nil {
		t.Fatal(err)
	}
}

// attempts returns how often what was put off has failed, and when the last of it is due.
func (b *testBundle) attempts(t *testing.T) (attempts int, due time.Time) {
	t.Helper()
	if err := b.pool.QueryRow(t.Context(), `select max(attempts), max(due_at) from work.deferred`).Scan(&attempts, &due); err != nil {
		t.Fatal(err)
	}
	return attempts, due
}

// What can't be done now is put off, and others go on; it outlives the process, comes
// again ever later, but half a minute later at most, and is done once it can be.
func TestWhatFailsForAReasonOutsideIsPutOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	content := []byte("behind the unreadable one")
	stuck, other := b.upload(t, []byte("unreadable"), []byte("unreadable")), b.upload(t, content, content)
	sick := b.workerOver(away{b.store, map[string]bool{stuck.S3Path: true}})
	broken := events.Message{ID: uuid.New(), Ledger: b.tenant, Body: []byte("{")} // or from a newer version of the platform
	before := time.Now()
	if err := sick.Handle(t.Context(), append([]events.Message{broken}, b.trail(t)...)); err != nil {
		t.Fatal(err)
	}
	if f := b.file(t, other.Digest); f.Status != command.FileReady {
		t.Errorf("the file behind is %s", f.Status)
	}
	for failed := 1; failed <= 7; failed++ {
		attempts, due := b.attempts(t)
		longest := min(time.Second<<(failed-1), 30*time.Second)
		if attempts != failed || due.Before(before.Add(longest/2)) || due.After(time.Now().Add(longest)) {
			t.Errorf("after %d failures: %d attempts, due after %s", failed, attempts, due.Sub(before))
		}
		b.hurry(t)
		before = time.Now()
		if n, err := sick.Redrive(t.Context()); n != 0 || err != nil {
			t.Errorf("%d done, %v", n, err)
		}
	}
	if count, oldest, err := sick.Deferrals.Failing(t.Context(), "worker"); count != 2 || time.Since(oldest) > time.Minute || err != nil {
		t.Errorf("%d fail, the oldest since %s, %v", count, oldest, err)
	}
	if f := b.file(t, stuck.Digest); f.Status != command.FileProcessing {
		t.Errorf("the unreadable file is %s", f.Status)
	}

	b.hurry(t)
	if n, err := b.worker.Redrive(t.Context()); n != 1 || err != nil { // another process
		t.Errorf("%d done, %v", n, err)
	}
	if f := b.file(t, stuck.Digest); f.Status != command.FileReady {
		t.Errorf("once it can be read: %s", f.Status)
	}
	if count, _, err := b.worker.Deferrals.Failing(t.Context(), "worker"); count != 1 || err != nil {
		t.Errorf("%d are kept, want the broken one; %v", count, err)
	}
}

// While even that is not possible, the message comes again.
func TestWhatCanNotBePutOffFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.upload(t, []byte("x"), []byte("x"))
	sick := b.workerOver(away{b.store, map[string]bool{c.S3Path: true}})
	owner, err := pgx.Connect(t.Context(), pgtest.Owner(t, b.pool.Config().ConnString()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = owner.Close(context.WithoutCancel(t.Context())) })
	alter := func(statement string) {
		t.Helper()
		if _, err := owner.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	alter(`alter table work.deferred rename to lost`)
	if err := sick.Handle(t.Context(), b.trail(t)); !errors.Is(err, errAway) {
		t.Errorf("got %v", err)
	}
	alter(`alter table work.lost rename to deferred`)
	if err := sick.Handle(t.Context(), b.trail(t)); err != nil {
		t.Error(err)
	}
}

// Of several workers one takes an event; when that one is gone, another does.
func TestADeferredEventIsTakenOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := b.worker.Deferrals
	m := events.Message{ID: uuid.New(), Ledger: b.tenant, Body: []byte("{}")}
	for range 2 { // delivered twice
		if err := d.Defer(t.Context(), "q", m, 1, "away", 0); err != nil {
			t.Fatal(err)
		}
	}
	take := func(queue string, lease time.Duration, want bool) {
		t.Helper()
		got, found, err := d.Due(t.Context(), queue, lease)
		if err != nil || found != want || found && (got.ID != m.ID || string(got.Body) != "{}" || got.Ledger != b.tenant) {
			t.Errorf("%+v, %t, %v", got, found, err)
		}
	}
	take("other", time.Hour, false)
	take("q", 0, true)
	take("q", time.Hour, true)
	take("q", time.Hour, false)
	if err := d.Done(t.Context(), "q", m.ID); err != nil {
		t.Fatal(err)
	}
	b.hurry(t)
	take("q", time.Hour, false)
}
