package tenantdb_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/events"
)

func TestTenantsThatAreDoneGetEventsWhileOthersAreFinished(t *testing.T) {
	w := newWorld(t)
	p := w.projector()
	first, user := w.furnished(p, 3)
	second, other := w.furnished(p, 3)
	swapped := map[uuid.UUID]bool{}
	err := tenantdb.NewRebuild(w.rebuildConfig(swapping)).Tenants(w.Context(), []uuid.UUID{first, second},
		func(r tenantdb.Rebuilt) {
			if !r.Equal() {
				t.Errorf("got %+v, %v", r, r.Err)
			}
			swapped[r.Ledger] = r.Swapped
			w.apply(p, w.record(first, user, upload(uuid.New(), "late")...))
			w.apply(p, w.record(second, other, upload(uuid.New(), "late")...))
		})
	if err != nil || !swapped[first] || !swapped[second] {
		t.Errorf("got %v, %v", swapped, err)
	}
	for _, tenant := range []uuid.UUID{first, second} {
		w.awaitAll(tenant)
		if r := w.rebuild(tenant); !r.Equal() {
			t.Errorf("got %+v, %v", r, r.Err)
		}
	}
}

func TestManyTenantsAreRebuiltWhileTheyAreAtWork(t *testing.T) {
	w := newWorld(t)
	p, stop := w.start()
	defer stop()
	tenants := make([]uuid.UUID, 9)
	users := make([]uuid.UUID, len(tenants))
	for i := range tenants {
		tenants[i], users[i] = w.furnished(p, 2)
	}
	ended := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		for n := 0; n < 400 && !isClosed(ended); n++ {
			i := n % len(tenants)
			w.apply(p, w.record(tenants[i], users[i], upload(uuid.New(), "meanwhile")...))
		}
	})
	seen := map[uuid.UUID]bool{}
	err := tenantdb.NewRebuild(w.rebuildConfig(swapping)).Tenants(t.Context(), tenants, func(r tenantdb.Rebuilt) {
		if !r.Equal() || !r.Swapped {
			t.Errorf("got %+v, %v", r, r.Err)
		}
		seen[r.Ledger] = true
	})
	close(ended)
	work.Wait()
	if err != nil || len(seen) != len(tenants) {
		t.Fatalf("%d tenants, %v", len(seen), err)
	}
	for _, tenant := range tenants {
		w.awaitAll(tenant)
		if r := w.rebuild(tenant); !r.Equal() {
			t.Errorf("got %+v, %v", r, r.Err)
		}
	}
}

func TestPoisonStopsARebuildOfItsTenantOnly(t *testing.T) {
	w := newWorld(t)
	p := w.projector()
	sick, user := w.furnished(p, 1)
	well, _ := w.furnished(p, 1)
	w.recordUnknown(sick, user, uuid.New())
	results := make(map[string]tenantdb.Rebuilt)
	err := tenantdb.NewRebuild(w.rebuildConfig(swapping)).Tenants(t.Context(), []uuid.UUID{sick, well},
		func(r tenantdb.Rebuilt) { results[r.Database] = r })
	if err != nil {
		t.Fatal(err)
	}
	var unknown *events.UnknownError
	if r := results[events.DatabaseName(sick)]; !errors.As(r.Err, &unknown) || r.Swapped {
		t.Errorf("got %+v, %v", r, r.Err)
	}
	if r := results[events.DatabaseName(well)]; !r.Equal() || !r.Swapped {
		t.Errorf("got %+v, %v", r, r.Err)
	}
}
