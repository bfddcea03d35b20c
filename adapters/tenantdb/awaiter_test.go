package tenantdb_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/projections"
)

// awaiter returns an awaiter on a main database, which holds ledgers up to those
// events.
func awaiter(t *testing.T, reached map[uuid.UUID]int64) *tenantdb.Awaiter {
	t.Helper()
	db := platform(t)
	for ledger, seq := range reached {
		for _, p := range projections.Platform() {
			if !p.Reads(ledger) {
				continue
			}
			if _, err := db.Exec(t.Context(), `insert into checkpoints values ($1, $2, $3)`, ledger, p.Name, seq); err != nil {
				t.Fatal(err)
			}
		}
	}
	pools := tenantdb.New(tenantdb.Config{Platform: db})
	t.Cleanup(pools.Close)
	a := tenantdb.NewAwaiter(pools)
	t.Cleanup(a.Close)
	return a
}

func TestAwaitReturnsOnAHint(t *testing.T) {
	a := awaiter(t, nil)
	ledger := uuid.New()
	hint := projections.Progress{Database: tenantdb.PlatformDatabase, Ledger: ledger, Seq: 7}
	var waiting sync.WaitGroup
	for seq := range int64(7) {
		for range 20 {
			waiting.Go(func() {
				if err := a.Await(t.Context(), tenantdb.PlatformDatabase, ledger, seq+1); err != nil {
					t.Error(err)
				}
			})
		}
	}
	a.Projected(hint)
	waiting.Wait()
	// What is known costs nobody a question.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Await(ctx, tenantdb.PlatformDatabase, ledger, 7); err != nil {
		t.Error(err)
	}
}

func TestAwaitFindsOutWhenHintsAreLost(t *testing.T) {
	ledger := uuid.New()
	a := awaiter(t, map[uuid.UUID]int64{ledger: 5, events.PlatformLedger: 9})
	for range 2 {
		if err := a.Await(t.Context(), tenantdb.PlatformDatabase, ledger, 5); err != nil {
			t.Error(err)
		}
		if err := a.Await(t.Context(), tenantdb.PlatformDatabase, events.PlatformLedger, 9); err != nil {
			t.Error(err)
		}
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	ledger := uuid.New()
	a := awaiter(t, map[uuid.UUID]int64{ledger: 5})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if err := a.Await(ctx, tenantdb.PlatformDatabase, ledger, 6); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want a deadline exceeded", err)
	}
	// A tenant whose database is not there keeps callers waiting, no more.
	ctx, cancel = context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if err := a.Await(ctx, events.DatabaseName(ledger), ledger, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want a deadline exceeded", err)
	}
}

func TestAwaitRefusesADatabaseOfAnotherTenant(t *testing.T) {
	a := awaiter(t, nil)
	for _, database := range []string{"", events.DatabaseName(uuid.New()), events.DatabaseName(events.PlatformLedger)} {
		err := a.Await(t.Context(), database, events.PlatformLedger, 1)
		if !errors.Is(err, tenantdb.ErrUnknownDatabase) {
			t.Errorf("%q: error %v, want ErrUnknownDatabase", database, err)
		}
	}
}

func TestManyWaitWhileProgressIsMade(t *testing.T) {
	a := awaiter(t, nil)
	ledger := uuid.New()
	var group sync.WaitGroup
	for i := range int64(200) {
		group.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if i%10 == 0 { // some give up
				cancel()
			}
			if err := a.Await(ctx, tenantdb.PlatformDatabase, ledger, i+1); err != nil && i%10 != 0 {
				t.Error(err)
			}
		})
		group.Go(func() {
			a.Projected(projections.Progress{Database: tenantdb.PlatformDatabase, Ledger: ledger, Seq: i + 1})
		})
	}
	group.Wait()
}
