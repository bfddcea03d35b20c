package tenantdb_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/events"
)

// While tables are swapped again and again, events come in and readers read on
// connections with prepared statements: no read fails or sees time go back, and
// no event is lost or doubled.
func TestReadsAndEventsGoOnWhileTablesAreSwapped(t *testing.T) {
	w := newWorld(t)
	p := w.projector(w.looking)
	tenant, user := w.furnished(p, 20)
	stopped := make(chan struct{})
	var busy sync.WaitGroup
	for range 3 {
		busy.Go(func() { w.readOn(stopped, tenant) })
	}
	busy.Go(func() {
		for !isClosed(stopped) {
			if err := p.Apply(t.Context(), w.record(tenant, user, upload(uuid.New(), "more")...)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 4 {
		if r := w.rebuild(tenant, swapping); !r.Equal() || !r.Swapped {
			t.Errorf("got %+v, %v", r, r.Err)
		}
		if r := w.rebuildPlatform(swapping); !r.Equal() || !r.Swapped {
			t.Errorf("got %+v, %v", r, r.Err)
		}
	}
	close(stopped)
	busy.Wait()
	w.awaitAll(tenant)
	if r := w.rebuild(tenant); !r.Equal() || r.Swapped {
		t.Errorf("got %+v, %v", r, r.Err)
	}
	if n := w.count(tenant, `select count(*) from trail`); n != w.heads[tenant] {
		t.Errorf("%d events in the trail, %d in the ledger", n, w.heads[tenant])
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// readOn reads a tenant's trail and documents until stopped is closed.
func (w *world) readOn(stopped <-chan struct{}, tenant uuid.UUID) {
	conn, release, err := w.pools.Tenant(w.Context(), tenant)
	if err != nil {
		w.Error(err)
		return
	}
	defer release()
	var last, lastDocuments int64
	for !isClosed(stopped) {
		var seen, documents int64
		if err := conn.QueryRow(w.Context(), `select count(*) from trail`).Scan(&seen); err != nil {
			w.Error(err)
			return
		}
		err := conn.QueryRow(w.Context(), `
			select count(*) from documents d join files f on f.id = d.file_id`).Scan(&documents)
		if err != nil {
			w.Error(err)
			return
		}
		if seen < last || documents < lastDocuments {
			w.Errorf("time went back: %d after %d events, %d after %d documents", seen, last, documents, lastDocuments)
			return
		}
		last, lastDocuments = seen, documents
	}
}

// served is a source that hands over, at each call, what is listed for it.
type served struct{ calls [][][]events.Message }

func (s *served) Follow(_ context.Context, _ func(uuid.UUID) bool, yield func([]events.Message) error) error {
	if len(s.calls) == 0 {
		return nil
	}
	call := s.calls[0]
	s.calls = s.calls[1:]
	for _, messages := range call {
		if err := yield(messages); err != nil {
			return err
		}
	}
	return nil
}

func (*served) Close() {}

// The source may be far ahead of the live tables when these are compared.
func TestWhatIsBeyondTheLiveTablesWaits(t *testing.T) {
	w := newWorld(t)
	p := w.projector()
	tenant, user := w.furnished(p, 1)
	begin, err := w.Read(t.Context(), tenant, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	more := w.record(tenant, user, slices.Concat(upload(uuid.New(), "b"), upload(uuid.New(), "c"), upload(uuid.New(), "d"))...)
	w.apply(p, more[:3])
	w.await(events.DatabaseName(tenant), tenant, more[2].Seq)
	r := w.rebuild(tenant, swapping, func(c *tenantdb.RebuildConfig) {
		c.Source = func(context.Context) (tenantdb.Source, error) {
			return &served{[][][]events.Message{{begin}, {more[:2], more[2:4], more[4:6], more[6:]}}}, nil
		}
	})
	if !r.Equal() || !r.Swapped {
		t.Fatalf("got %+v, %v", r, r.Err)
	}
	if names := w.names(tenant); len(names) != 4 {
		t.Errorf("got %v", names)
	}
}
