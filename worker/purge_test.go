package worker_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
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
