package worker_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/worker"
)

// area is a store as the purger sees it.
type area struct{ *s3.Store }

func (a area) List(ctx context.Context, prefix string, found func(worker.StagedObject) error) error {
	return a.Store.List(ctx, prefix, func(o s3.Object) error {
		return found(worker.StagedObject{Key: o.Key, Modified: o.LastModified})
	})
}

// failing fails as often as it is told before it works.
type failing struct {
	*tenantdb.Provisioner

	times int
}

func (f *failing) Drop(ctx context.Context, tenant uuid.UUID) error {
	if f.times--; f.times >= 0 {
		return errors.New("planted")
	}
	return f.Provisioner.Drop(ctx, tenant)
}

func TestAClosedTenantIsPurgedAfterItsGrace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	content := []byte("some bytes")
	b.upload(t, content, content)
	if err := b.worker.Handle(t.Context(), b.trail(t)); err != nil {
		t.Fatal(err)
	}
	begun := command.ResumablePrefix(b.tenant) + uuid.Must(uuid.NewV7()).String() + "/" // an upload that never ended
	if _, _, err := b.store.AppendChunks(t.Context(), begun, 0, bytes.NewReader(content), nil); err != nil {
		t.Fatal(err)
	}
	neighbour := uuid.New()
	if _, err := b.store.Put(t.Context(), command.StagingPath(neighbour, uuid.New()), "text/plain", bytes.NewReader(content), 1<<20); err != nil {
		t.Fatal(err)
	}
	databases := &failing{Provisioner: tenantdb.NewProvisioner(b.pool), times: 1}
	purger := worker.Purger{
		App: b.app, Databases: databases, Objects: area{b.store}, Logger: slog.New(slog.DiscardHandler),
		Closed: func(context.Context, time.Time, int) ([]uuid.UUID, error) {
			return []uuid.UUID{b.tenant, uuid.New()}, nil
		},
	}
	objects := func(tenant uuid.UUID) (n int) {
		err := b.store.List(t.Context(), command.TenantPrefix(tenant), func(s3.Object) error { n++; return nil })
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	exists := func() (found bool) {
		err := b.pool.QueryRow(t.Context(), `select exists (select from pg_database where datname = $1)`,
			events.DatabaseName(b.tenant)).Scan(&found)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}

	// An open tenant is left alone, whoever lists it, and so is one in its grace.
	if err := purger.Sweep(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.app.DeleteTenant(t.Context(), b.meta(), command.DeleteTenant{TenantID: b.tenant, Actor: b.admin}); err != nil {
		t.Fatal(err)
	}
	if err := purger.Sweep(t.Context(), time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if objects(b.tenant) != 3 || !exists() { // the file, as it was received and as it is kept, and the chunk
		t.Fatal("something is gone before its time")
	}

	// What is cut off between two steps goes on where it stopped.
	if err := purger.Sweep(t.Context(), time.Now().Add(time.Hour)); err == nil {
		t.Fatal("the planted failure went unnoticed")
	}
	for range 2 {
		if err := purger.Sweep(t.Context(), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if n := objects(b.tenant); n != 0 || exists() {
		t.Errorf("%d objects are left; database there: %t", n, exists())
	}
	if objects(neighbour) != 1 {
		t.Error("a neighbour's object is gone")
	}
	trail := b.trail(t)
	purged := 0
	for _, m := range trail {
		if r, err := events.Decode(m.Body); err != nil {
			t.Fatal(err)
		} else if r.Type == events.TypeTenantPurged {
			purged++
		}
	}
	if purged != 1 {
		t.Errorf("the trail tells of %d purges", purged)
	}

	// Old news does not bring the database back.
	if err := b.worker.Handle(t.Context(), trail[:1]); err != nil {
		t.Fatal(err)
	}
	if exists() {
		t.Error("the database was made anew")
	}
}

// One closed tenant whose database can't be dropped keeps no other from being purged.
func TestATenantThatCanNotBePurgedHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	second := uuid.New()
	_, err := b.app.CreateTenant(t.Context(), b.meta(), command.CreateTenant{TenantID: second, Name: "Bolts", Actor: b.admin})
	if err != nil {
		t.Fatal(err)
	}
	tenants := []uuid.UUID{b.tenant, second}
	for _, id := range tenants {
		if _, err := b.app.DeleteTenant(t.Context(), b.meta(), command.DeleteTenant{TenantID: id, Actor: b.admin}); err != nil {
			t.Fatal(err)
		}
	}
	purger := worker.Purger{
		App: b.app, Databases: &failing{Provisioner: tenantdb.NewProvisioner(b.pool), times: 1}, Objects: area{b.store},
		Logger: slog.New(slog.DiscardHandler),
		Closed: func(context.Context, time.Time, int) ([]uuid.UUID, error) { return tenants, nil },
	}
	err = purger.Sweep(t.Context(), time.Now().Add(time.Hour))
	if err == nil || !strings.Contains(err.Error(), "1 tenants failed") || !strings.Contains(err.Error(), b.tenant.String()) {
		t.Errorf("the sweep says %v", err)
	}
	for n, id := range tenants {
		tenant, err := b.app.TenantByID(t.Context(), id)
		if err != nil || tenant.Purged != (n == 1) {
			t.Errorf("tenant %d: purged %t, %v", n, tenant.Purged, err)
		}
	}
}

// dropped counts how often a database was to be dropped.
type dropped int

func (d *dropped) Drop(context.Context, uuid.UUID) error {
	*d++
	return nil
}

// Commands don't let a tenant be closed in which something is held. Should one have
// been, its bytes are there still.
func TestAClosedTenantThatIsHeldIsNotPurged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.app.DeleteTenant(t.Context(), b.meta(), command.DeleteTenant{TenantID: b.tenant, Actor: b.admin}); err != nil {
		t.Fatal(err)
	}
	holds := events.Stream{Kind: events.KindHold, ID: uuid.NewSHA1(b.tenant, []byte("holds"))}
	record := func(version int64, e events.Event) {
		if _, err := b.ledger.Append(t.Context(), command.Append{
			Ledger: b.tenant, Meta: b.meta(), Changes: []command.Change{{Stream: holds, Expected: version, Events: []events.Event{e}}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.store.Put(t.Context(), command.StagingPath(b.tenant, uuid.New()), "text/plain", strings.NewReader("x"), 1); err != nil {
		t.Fatal(err)
	}
	var (
		drops dropped
		log   bytes.Buffer
	)
	purger := worker.Purger{
		App: b.app, Databases: &drops, Objects: area{b.store}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Closed: func(context.Context, time.Time, int) ([]uuid.UUID, error) { return []uuid.UUID{b.tenant}, nil },
	}
	document := uuid.New()
	for version, event := range []events.Event{
		events.TenantHoldPlaced{Reason: "Case 1"},
		events.DocumentHoldPlaced{DocumentID: document, Reason: "Case 2"},
		events.TenantHoldReleased{Previous: "Case 1"},
	} {
		record(int64(version), event)
		if err := purger.Sweep(t.Context(), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		left := 0
		err := b.store.List(t.Context(), command.TenantPrefix(b.tenant), func(s3.Object) error { left++; return nil })
		if err != nil || left != 1 || drops != 0 {
			t.Errorf("%T: %d objects are left, %v; the database was dropped %d times", event, left, err, drops)
		}
		if !strings.Contains(log.String(), "a legal hold keeps a closed tenant from being purged") {
			t.Errorf("%T: the log says %q", event, log.String())
		}
		log.Reset()
	}
	record(3, events.DocumentHoldReleased{DocumentID: document, Previous: "Case 2"})
	if err := purger.Sweep(t.Context(), time.Now().Add(time.Hour)); err != nil || drops != 1 {
		t.Errorf("nothing is held any more: %v, the database was dropped %d times", err, drops)
	}
}
