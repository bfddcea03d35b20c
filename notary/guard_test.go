package notary_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/notary"
	"github.com/cartulary/cartulary/proof"
)

// shelf is the object store as the guard sees it.
type shelf struct{ *s3.Store }

func (s shelf) List(ctx context.Context, prefix string, found func(key, tag string) error) error {
	return s.Store.List(ctx, prefix, func(o s3.Object) error { return found(o.Key, o.MD5) })
}

// guard returns a guard that compares until the test ends.
func (o *office) guard(t *testing.T) *notary.Guard {
	t.Helper()
	return o.guardOf(t, shelf{o.store})
}

func (o *office) guardOf(t *testing.T, published notary.Published) *notary.Guard {
	t.Helper()
	g := notary.NewGuard(published, o.Proofs, nil, 5*time.Millisecond, slog.New(slog.NewTextHandler(o.logs, nil)))
	if g.Verdict(t.Context()) == nil {
		t.Error("ledgers are served that were never compared")
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return g
}

// disagrees waits for a verdict that gives the reason.
func (o *office) disagrees(t *testing.T, g *notary.Guard, ledger uuid.UUID, reason string) {
	t.Helper()
	o.until(t, reason, func() bool {
		d, ok := errors.AsType[*notary.DisagreementError](g.Verdict(t.Context()))
		return ok && d.Ledger == ledger && strings.Contains(d.Error(), reason)
	})
	o.until(t, "an alarm", func() bool { return strings.Contains(o.logs.String(), "level=ERROR") })
}

// signed returns an office with a published checkpoint of a ledger's 9 events, of
// which there are 12 now.
func signed(t *testing.T) (*office, uuid.UUID) {
	t.Helper()
	o, id := setup(t), uuid.New()
	o.grow(t, id, 9)
	o.workUntil(t, id, 9)
	o.grow(t, id, 3)
	return o, id
}

// slow is a shelf that gives nothing out before two ask for something.
type slow struct {
	shelf

	mu   sync.Mutex
	read map[string]int // how often, by key
	two  chan struct{}
	once sync.Once
}

func (s *slow) Read(ctx context.Context, key string, limit int64) ([]byte, error) {
	s.mu.Lock()
	s.read[key]++
	if len(s.read) == 2 {
		s.once.Do(func() { close(s.two) })
	}
	s.mu.Unlock()
	select {
	case <-s.two:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return s.shelf.Read(ctx, key, limit)
}

func (s *slow) times(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read[key]
}

func TestTheGuardReadsSeveralAtOnceAndOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	o, a, b := setup(t), uuid.New(), uuid.New()
	o.grow(t, a, 1)
	o.grow(t, b, 1)
	work(t, o.config(), always)
	for _, id := range []uuid.UUID{a, b} {
		o.until(t, "it is published", func() bool { return o.published(t, id, 1) })
	}
	s := &slow{shelf: shelf{o.store}, read: make(map[string]int), two: make(chan struct{})}
	g := o.guardOf(t, s)
	o.until(t, "agreement", func() bool { return g.Verdict(t.Context()) == nil })
	o.grow(t, a, 1)
	o.until(t, "what is published since is read", func() bool { return s.times("audit/latest/"+a.String()) == 2 })
	if n := s.times("audit/latest/" + b.String()); n != 1 {
		t.Errorf("what did not change was read %d times", n)
	}
}

func TestTheGuardAgreesWithHonestLedgers(t *testing.T) {
	t.Parallel()
	o, id := signed(t)
	if err := o.store.Replace(t.Context(), "audit/latest/readme", "text/plain", []byte("somebody else's")); err != nil {
		t.Fatal(err)
	}
	g := o.guard(t)
	o.until(t, "agreement", func() bool { return g.Verdict(t.Context()) == nil })
	// What is signed and published while it looks is agreed with as well.
	work(t, o.config(), always)
	o.until(t, "12 events are published", func() bool { return o.published(t, id, 12) })
	// What can't be reached changes no verdict, and is told.
	o.server.Kill()
	o.until(t, "a warning", func() bool { return strings.Contains(o.logs.String(), "ledgers not compared") })
	if err := g.Verdict(t.Context()); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestTheGuardFindsLedgersThatAreNotWhatWasPublished(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sql, reason     string
		held, published int64
	}{
		"set back":  {`update ledger.heads set seq = 8, range = substr(range, 1, 32) where ledger_id = $1`, "it holds fewer", 8, 9},
		"gone":      {`delete from ledger.heads where ledger_id = $1`, "it holds fewer", 0, 9},
		"rewritten": {`update ledger.tiles set hashes = set_byte(hashes, 0, get_byte(hashes, 0) # 1) where ledger_id = $1`, "tiles", 12, 9},
		"cut off":   {`delete from ledger.events where ledger_id = $1 and seq > 11`, "its head is of 12 events, its last one is 11", 12, 9},
		"forgetful": {`delete from ledger.checkpoint_keys where $1::uuid is not null`, "the database knows no key that signed it", 12, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, id := signed(t)
			g := o.guard(t)
			o.until(t, "agreement", func() bool { return g.Verdict(t.Context()) == nil })
			o.tamper(t, c.sql, id)
			o.disagrees(t, g, id, c.reason)
			d, _ := errors.AsType[*notary.DisagreementError](g.Verdict(t.Context()))
			if d.Held != c.held || d.Size != c.published {
				t.Errorf("it holds %d events, %d were published", d.Held, d.Size)
			}
			line := fmt.Sprintf("ledger=%s holds=%d published=%d ledgers=1 remedy=", id, c.held, c.published)
			if !strings.Contains(o.logs.String(), line) {
				t.Errorf("not logged: %s", line)
			}
		})
	}
}

func TestTheGuardFindsAnotherHistory(t *testing.T) {
	t.Parallel()
	o, id := signed(t)
	other := proof.Checkpoint{Origin: proof.Origin(o.key.Name(), id), Size: 12, Root: tlog.Hash{1}}
	replace := func(c proof.Checkpoint) {
		t.Helper()
		note, err := c.Sign(o.key)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.store.Replace(t.Context(), "audit/latest/"+id.String(), "text/plain", note); err != nil {
			t.Fatal(err)
		}
	}
	replace(other)
	g := o.guard(t)
	o.disagrees(t, g, id, "its root is another")
	other.Origin = proof.Origin(o.key.Name(), uuid.New())
	replace(other)
	o.disagrees(t, g, id, "speaks of another ledger")
	// A guard that was told of a disagreement agrees again once there is none.
	root, err := o.RootAt(t.Context(), id, 12)
	if err != nil {
		t.Fatal(err)
	}
	replace(proof.Checkpoint{Origin: proof.Origin(o.key.Name(), id), Size: 12, Root: root})
	o.until(t, "agreement", func() bool { return g.Verdict(t.Context()) == nil })
}
