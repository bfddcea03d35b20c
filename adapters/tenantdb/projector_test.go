package tenantdb_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/projections"
)

func TestApplyBringsEventsIntoBothDatabases(t *testing.T) {
	w := newWorld(t)
	p := w.projector()
	user, registered := w.register()
	tenant, founded := w.found(user)
	document := uuid.New()
	w.apply(p, registered, founded, w.record(tenant, user, upload(document, "draft")...))
	w.apply(p, w.record(tenant, user, rename(document, "final")))
	w.awaitAll(tenant)
	w.awaitAll(events.PlatformLedger)
	if diff := cmp.Diff([]string{"final"}, w.names(tenant)); diff != "" {
		t.Error(diff)
	}
}

func TestRedeliveryInAnyOrderChangesNothing(t *testing.T) {
	w := newWorld(t)
	p := w.projector()
	user, registered := w.register()
	tenant, list := w.found(user)
	for range 20 {
		document := uuid.New()
		list = append(list, w.record(tenant, user, append(upload(document, "draft"), rename(document, "final"))...)...)
	}
	w.apply(p, registered, list)
	w.awaitAll(tenant)
	want := w.dump(tenant)
	for range 20 {
		again := slices.Concat(list, list)
		rand.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		w.apply(p, again[:1+rand.IntN(len(again))])
	}
	if diff := cmp.Diff(want, w.dump(tenant)); diff != "" {
		t.Error(diff)
	}
}

func TestDuplicatesOnTheWayChangeNothing(t *testing.T) {
	w := newWorld(t)
	user, registered := w.register()
	live, other := w.projector(), w.projector()
	tenant, list := w.found(user)
	for range 50 {
		document := uuid.New()
		list = append(list, w.record(tenant, user, append(upload(document, "draft"), rename(document, "final"))...)...)
	}
	w.apply(live, registered)
	// Each event comes one to five times, in batches of any size, to two projectors at once.
	var stream []events.Message
	for i, m := range list {
		stream = append(stream, m)
		for range rand.IntN(5) {
			stream = append(stream, list[rand.IntN(i+1)])
		}
	}
	var both sync.WaitGroup
	for _, p := range []*tenantdb.Projector{live, other} {
		both.Go(func() {
			for rest := stream; len(rest) > 0; {
				n := 1 + rand.IntN(min(len(rest), 30))
				if err := p.Apply(t.Context(), slices.Clone(rest[:n])); err != nil {
					t.Error(err)
					return
				}
				rest = rest[n:]
			}
		})
	}
	both.Wait()
	w.awaitAll(tenant)
	if got := len(w.names(tenant)); got != 50 {
		t.Errorf("%d documents, want 50", got)
	}
	if n := w.count(tenant, `select count(*) from trail`); n != int64(len(list)) {
		t.Errorf("%d events in the trail, want %d", n, len(list))
	}
}

func TestGapIsFilledFromTheLedger(t *testing.T) {
	w := newWorld(t)
	p := w.projector(func(c *tenantdb.ProjectorConfig) { c.MaxBatch = 3 })
	user, registered := w.register()
	tenant, _ := w.found(user)
	document := uuid.New()
	w.record(tenant, user, upload(document, "draft")...)
	w.record(tenant, user, fact{tenant, events.TenantChanged{Name: "Renamed"}})
	for range 10 {
		w.record(tenant, user, rename(document, "lost"))
	}
	w.apply(p, registered, w.record(tenant, user, rename(document, "final")))
	w.awaitAll(tenant)
	if diff := cmp.Diff([]string{"final"}, w.names(tenant)); diff != "" {
		t.Error(diff)
	}
	var name string
	if err := w.db.QueryRow(t.Context(), `select name from tenants where id = $1`, tenant).Scan(&name); err != nil || name != "Renamed" {
		t.Errorf("tenant %q, %v", name, err)
	}
}

func TestGapWithinABatchIsFilled(t *testing.T) {
	w := newWorld(t)
	p := w.projector()
	user, registered := w.register()
	tenant, list := w.found(user)
	for range 10 {
		list = append(list, w.record(tenant, user, upload(uuid.New(), "a")...)...)
	}
	w.apply(p, registered, slices.DeleteFunc(slices.Clone(list), func(m events.Message) bool { return m.Seq%4 == 2 }))
	w.awaitAll(tenant)
	if n := w.count(tenant, `select count(*) from trail`); n != int64(len(list)) {
		t.Errorf("%d events in the trail, want %d", n, len(list))
	}
}

func TestMembershipWaitsForItsUser(t *testing.T) {
	w := newWorld(t)
	p := w.projector()
	user, registered := w.register()
	tenant, founded := w.found(user)
	w.apply(p, founded)
	if parked := p.Parked(); len(parked) != 1 || parked[0].Reason != tenantdb.ReasonWaiting || parked[0].Database != tenantdb.PlatformDatabase {
		t.Fatalf("parked %+v", parked)
	}
	w.await(events.DatabaseName(tenant), tenant, 3) // which waits for nobody
	w.apply(p, registered)
	w.awaitAll(tenant)
	w.until("nothing is parked", func() bool { return len(p.Parked()) == 0 })
}

func TestTenantWithoutDatabaseCatchesUpWhenProvisioned(t *testing.T) {
	w := newWorld(t)
	p := w.projector()
	user, registered := w.register()
	tenant := uuid.New()
	facts := founding(tenant, user)
	w.apply(p, registered)
	w.apply(p, w.record(tenant, user, facts[:2]...))
	if parked := p.Parked(); len(parked) != 1 || parked[0].Reason != tenantdb.ReasonNotProvisioned {
		t.Fatalf("parked %+v", parked)
	}
	if err := w.made.Provision(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	w.apply(p, w.record(tenant, user, facts[2]))
	w.awaitAll(tenant)
}

func TestAPurgedTenantIsParkedNoLonger(t *testing.T) {
	w := newWorld(t)
	user, registered := w.register()
	tenant, founded := w.found(user)
	if err := w.made.Provision(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	p := w.projector(w.looking)
	w.apply(p, registered, founded)
	w.awaitAll(tenant)
	if err := w.made.Drop(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	gone := w.record(tenant, uuid.Nil, fact{tenant, events.TenantDeleted{}}, fact{tenant, events.TenantPurged{}})
	w.apply(p, gone)
	w.await(tenantdb.PlatformDatabase, tenant, gone[len(gone)-1].Seq)
	w.until("nothing is parked", func() bool { return len(p.Parked()) == 0 })
}

func TestPoisonParksItsTenantAndIsNeverSkipped(t *testing.T) {
	tooLong := strings.Repeat("x", 300)
	for name, poison := range map[string]fact{
		"that the database refuses": rename(uuid.Nil, tooLong),
		"that nobody knows":         {},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := w.projector()
			user, registered := w.register()
			sick, a := w.found(user)
			well, b := w.found(user)
			document := uuid.New()
			a = append(a, w.record(sick, user, upload(document, "good")...)...)
			poison.stream = document
			var bad []events.Message
			if poison.event == nil {
				bad = w.recordUnknown(sick, user, document)
			} else {
				bad = w.record(sick, user, poison)
			}
			after := w.record(sick, user, upload(uuid.New(), "after")...)
			w.apply(p, registered, a, bad, after, b, w.record(well, user, upload(document, "well")...))
			w.awaitAll(well)
			w.until("the poison is found", func() bool {
				return slices.ContainsFunc(p.Parked(), func(e tenantdb.Parked) bool {
					return e.Reason == tenantdb.ReasonPoison && e.Seq == bad[0].Seq && e.Database == events.DatabaseName(sick)
				})
			})
			w.await(events.DatabaseName(sick), sick, bad[0].Seq-1)
			if diff := cmp.Diff([]string{"good"}, w.names(sick)); diff != "" {
				t.Error(diff)
			}
			// When the event can be applied after all
			if poison.event == nil {
				return
			}
			w.tenantExec(sick, `alter table documents alter filename type text; alter table document_versions alter filename type text`)
			w.awaitAll(sick)
			w.until("nothing is parked", func() bool { return len(p.Parked()) == 0 })
			if diff := cmp.Diff([]string{"after", tooLong}, w.names(sick)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLockedTenantDoesNotDelayOthers(t *testing.T) {
	w := newWorld(t)
	p := w.projector(func(c *tenantdb.ProjectorConfig) { c.Patience = 50 * time.Millisecond })
	user, registered := w.register()
	sick, a := w.found(user)
	well, b := w.found(user)
	w.apply(p, registered, a, b)
	conn, release, err := w.pools.Tenant(t.Context(), sick)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `lock table documents`); err != nil {
		t.Fatal(err)
	}
	w.apply(p, w.record(sick, user, upload(uuid.New(), "later")...), w.record(well, user, upload(uuid.New(), "now")...))
	w.awaitAll(well)
	w.until("the locked tenant, and no other, is parked", func() bool {
		parked := p.Parked()
		return len(parked) == 1 && parked[0].Ledger == sick && parked[0].Reason == tenantdb.ReasonUnavailable
	})
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.awaitAll(sick)
}

func TestWhatAKilledProjectorHeldBackIsFound(t *testing.T) {
	w := newWorld(t)
	user, registered := w.register()
	tenant, _ := w.found(user)
	w.record(tenant, user, upload(uuid.New(), "held back")...)
	// Given a projector that took all that and was killed before it could apply it.
	p := w.projector(w.looking)
	w.apply(p, registered)
	w.awaitAll(tenant)
	if diff := cmp.Diff([]string{"held back"}, w.names(tenant)); diff != "" {
		t.Error(diff)
	}
}

func TestProgressIsTold(t *testing.T) {
	w := newWorld(t)
	told := make(chan projections.Progress, 100)
	p := w.projector(func(c *tenantdb.ProjectorConfig) { c.OnProgress = func(p projections.Progress) { told <- p } })
	user, registered := w.register()
	tenant, founded := w.found(user)
	w.apply(p, registered, founded)
	document := uuid.New()
	w.apply(p, w.record(tenant, user, upload(document, "a")...)) // which means nothing to the main database
	want := map[projections.Progress]bool{
		{Database: tenantdb.PlatformDatabase, Ledger: events.PlatformLedger, Seq: 2}: true,
		{Database: tenantdb.PlatformDatabase, Ledger: tenant, Seq: 6}:                true,
		{Database: events.DatabaseName(tenant), Ledger: tenant, Seq: 6}:              true,
	}
	for len(want) > 0 {
		select {
		case got := <-told:
			delete(want, got)
		case <-time.After(20 * time.Second):
			t.Fatalf("never told: %v", want)
		}
	}
}

func TestApplyFailsWithItsContext(t *testing.T) {
	w := newWorld(t)
	p := w.projector(w.looking)
	user, _ := w.register()
	tenant, founded := w.found(user)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Apply(ctx, founded); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	refuseSick(t, p)
	w.awaitAll(tenant) // brought up by the same
}

// Each takes checkpoints to be where it left them itself, which is wrong at
// every turn but the first.
func TestProjectorsTakeTurns(t *testing.T) {
	w := newWorld(t)
	user, registered := w.register()
	tenant, founded := w.found(user)
	turns := []*tenantdb.Projector{w.projector(), w.projector()}
	w.apply(turns[0], registered, founded)
	document := uuid.New()
	for i := range 10 {
		list := w.record(tenant, user, upload(uuid.New(), strconv.Itoa(i))...)
		if i == 0 {
			list = append(list, w.record(tenant, user, upload(document, "draft")...)...)
		}
		list = append(list, w.record(tenant, user, rename(document, fmt.Sprint("version ", i)))...)
		w.apply(turns[i%2], list)
		if i%3 == 0 {
			w.apply(turns[(i+1)%2], list) // once more
		}
		if got := w.count(tenant, `select max(seq) from trail`); got != w.heads[tenant] {
			t.Fatalf("turn %d: trail ends with event %d, want %d", i, got, w.heads[tenant])
		}
	}
	for _, p := range turns {
		refuseSick(t, p)
	}
	if got := w.count(tenant, `select count(*) from documents where filename in ('version 9', '9')`); got != 2 {
		t.Errorf("%d documents as they should be, want 2", got)
	}
}

// refuseSick fails the test if anything is parked for another reason than that it
// is being brought up from the ledger.
func refuseSick(t *testing.T, p *tenantdb.Projector) {
	t.Helper()
	for _, parked := range p.Parked() {
		if parked.Reason != tenantdb.ReasonBehind {
			t.Errorf("parked %+v", parked)
		}
	}
}
