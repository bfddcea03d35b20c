package tenantdb_test

import (
	"context"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/events"
)

// destroy erases a person, as far as a projector does not see to it, and returns the
// event.
func (w *world) destroy(user uuid.UUID) []events.Message {
	w.Helper()
	list := w.record(events.PlatformLedger, user, fact{user, events.UserErased{}})
	w.exec(`delete from identity.person_keys where user_id = $1`, user)
	w.forgetInShadow(user)
	return list
}

func (w *world) forgetInShadow(user uuid.UUID) {
	w.Helper()
	if err := tenantdb.ForgetInShadow(w.Context(), w.db, user); err != nil {
		w.Error(err)
	}
}

func (w *world) unforgotten() []uuid.UUID {
	w.Helper()
	list, err := tenantdb.UnforgottenInShadow(w.Context(), w.db, 10)
	if err != nil {
		w.Error(err)
	}
	return list
}

func TestAPersonIsForgottenInAShadowThatWasLeft(t *testing.T) {
	w := newWorld(t)
	p := w.projector()
	_, user := w.furnished(p, 1)
	w.forgetInShadow(user) // there is none
	if r := w.rebuildPlatform(func(c *tenantdb.RebuildConfig) { c.Keep = true }); r.Err != nil {
		t.Fatal(r.Err)
	}
	shown := func() string { return dumpTables(t, w.db, "cartulary_shadow.users") }
	if text := shown(); !strings.Contains(text, "Lovelace") || len(w.unforgotten()) > 0 {
		t.Fatalf("the shadow holds %s", text)
	}
	w.apply(p, w.destroy(user))
	if text := shown(); strings.Contains(text, "Lovelace") || strings.Contains(text, "@example.org") || !strings.Contains(text, user.String()) {
		t.Errorf("the shadow holds %s", text)
	}
	w.awaitAll(events.PlatformLedger)
	if list := w.unforgotten(); len(list) > 0 {
		t.Errorf("%v are to be forgotten, and are", list)
	}
	// Somebody writes the row with a key that was read before, and dies.
	w.exec(`update cartulary_shadow.users set last_name = 'Lovelace', email = 'ada@example.org', is_active = true`)
	if list := w.unforgotten(); len(list) != 1 || list[0] != user {
		t.Errorf("found %v, want %s", list, user)
	}
	w.forgetInShadow(user)
	if text := shown(); strings.Contains(text, "Lovelace") || len(w.unforgotten()) > 0 {
		t.Errorf("the shadow holds %s", text)
	}
}

// hoarded are keys that stay at hand when they are destroyed, as in a process that has
// just read them.
type hoarded struct {
	*world
	mu   *sync.Mutex
	kept events.Keys
}

func (h hoarded) Keys(ctx context.Context, persons ...uuid.UUID) (events.Keys, error) {
	keys, err := h.world.Keys(ctx, persons...)
	h.mu.Lock()
	defer h.mu.Unlock()
	maps.Copy(h.kept, keys)
	return maps.Clone(h.kept), err
}

// overtaken is a ledger in which something happens once it was read.
type overtaken struct {
	*world
	then func()
}

func (o overtaken) Read(ctx context.Context, ledger uuid.UUID, after int64, limit int) ([]events.Message, error) {
	list, err := o.world.Read(ctx, ledger, after, limit)
	if ledger == events.PlatformLedger {
		o.then()
	}
	return list, err
}

func TestAPersonWhoIsErasedDuringARebuildIsForgottenWhenItIsSwapped(t *testing.T) {
	w := newWorld(t)
	p := w.projector()
	_, user := w.furnished(p, 1)
	keys := hoarded{w, &sync.Mutex{}, events.Keys{}}
	if _, err := keys.Keys(t.Context(), user); err != nil {
		t.Fatal(err)
	}
	erase := sync.OnceFunc(func() {
		w.apply(p, w.destroy(user))
		w.awaitAll(events.PlatformLedger)
	})
	source := tenantdb.NewLedgerSource(overtaken{w, erase}, w.listHeads)
	r := w.rebuildPlatform(swapping, func(c *tenantdb.RebuildConfig) {
		c.Keys = keys
		c.Source = func(context.Context) (tenantdb.Source, error) { return source, nil }
	})
	if !r.Equal() || !r.Swapped {
		t.Errorf("got %+v, %v", r, r.Err)
	}
	if text := w.dump(events.PlatformLedger); strings.Contains(text, "Lovelace") || !strings.Contains(text, user.String()) {
		t.Errorf("live rows: %s", text)
	}
}
