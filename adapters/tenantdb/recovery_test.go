package tenantdb_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/events"
)

// busy records what a busy tenant does.
func (w *world) busy(tenant, user uuid.UUID) (list []events.Message) {
	w.Helper()
	var documents []uuid.UUID
	for i := range 60 {
		document := uuid.New()
		documents = append(documents, document)
		list = append(list, w.record(tenant, user, upload(document, "draft")...)...)
		list = append(list, w.record(tenant, user, rename(documents[rand.IntN(len(documents))], "renamed"))...)
		if i%10 == 0 {
			list = append(list, w.record(tenant, user, fact{tenant, events.TenantChanged{Name: "Engines"}})...)
		}
	}
	return list
}

func TestRebuiltEqualsLive(t *testing.T) {
	w := newWorld(t)
	user, registered := w.register()
	tenant, list := w.found(user)
	list = append(list, w.busy(tenant, user)...)
	live, stop := w.start()
	w.apply(live, registered)
	for rest := list; len(rest) > 0; {
		n := 1 + rand.IntN(min(len(rest), 40))
		w.apply(live, rest[:n])
		rest = rest[n:]
	}
	w.awaitAll(tenant)
	stop()
	want := w.dump(tenant)

	// When all read models of the tenant are gone
	w.exec(`drop database ` + events.DatabaseName(tenant) + ` with (force)`)
	w.exec(`delete from user_tenant_associations`)
	w.exec(`delete from tenants`)
	w.exec(`delete from checkpoints where ledger_id = $1`, tenant)
	if err := w.made.Provision(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	w.projector(w.looking)
	time.Sleep(1100 * time.Millisecond) // for as long a connection is trusted: these are dead
	w.awaitAll(tenant)
	if diff := cmp.Diff(want, w.dump(tenant)); diff != "" {
		t.Error(diff)
	}
}

// Connections are cut at random, as by a restart of the server, while batches are
// redelivered until they succeed.
func TestCutConnectionsLoseAndDoubleNothing(t *testing.T) {
	w := newWorld(t)
	p := w.projector(w.looking, func(c *tenantdb.ProjectorConfig) { c.MaxBatch = 7 })
	user, registered := w.register()
	tenant, list := w.found(user)
	list = append(list, w.busy(tenant, user)...)
	done := make(chan struct{})
	var cutting sync.WaitGroup
	cutting.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(3 * time.Millisecond):
			}
			// Errors are what it is about: this connection may be cut off by itself.
			_, _ = w.db.Exec(t.Context(), `
				select pg_terminate_backend(pid) from pg_stat_activity
				where datname in (current_database(), $1) and random() < 0.2 and pid <> pg_backend_pid()`,
				events.DatabaseName(tenant))
		}
	})
	stream := slices.Concat(registered, list)
	for rest := stream; len(rest) > 0; {
		n := 1 + rand.IntN(min(len(rest), 25))
		w.until("the batch is applied", func() bool { return p.Apply(t.Context(), slices.Clone(rest[:n])) == nil })
		rest = rest[n:]
	}
	close(done)
	cutting.Wait()
	w.awaitAll(tenant)
	w.until("nothing is parked", func() bool { return len(p.Parked()) == 0 })
	if n := w.count(tenant, `select count(*) from trail`); n != int64(len(list)) {
		t.Errorf("%d events in the trail, want %d", n, len(list))
	}
	if got := len(w.names(tenant)); got != 60 {
		t.Errorf("%d documents, want 60", got)
	}
}

func TestApplyFailsWhileTheMainDatabaseCannotBeUsed(t *testing.T) {
	w := newWorld(t)
	p := w.projector()
	user, registered := w.register()
	tenant, founded := w.found(user)
	w.apply(p, registered)
	w.exec(`alter table checkpoints rename to away`)
	if err := p.Apply(t.Context(), founded); err == nil {
		t.Error("no error")
	}
	w.await(events.DatabaseName(tenant), tenant, 3) // which depends on no other
	w.exec(`alter table away rename to checkpoints`)
	w.apply(p, founded)
	w.awaitAll(tenant)
}
