package notary_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/notary"
	"github.com/cartulary/cartulary/proof"
)

func TestWhatGrowsIsSignedAndPublished(t *testing.T) {
	t.Parallel()
	o := setup(t)
	work(t, o.config(), always)
	ledgers := []uuid.UUID{uuid.New(), uuid.New(), uuid.New()}
	for _, size := range []int64{3, 10} {
		for _, id := range ledgers {
			o.grow(t, id, int(size))
		}
	}
	for _, id := range ledgers {
		o.until(t, "13 events are signed", func() bool { return o.published(t, id, 13) })
		if c := o.latest(t, id); c.Size != 13 {
			t.Errorf("the latest checkpoint is of %d events", c.Size)
		}
	}
}

// alarm is what a notary says that must not sign.
const alarm = "THE LEDGER IS NOT WHAT WAS SIGNED OR PUBLISHED BEFORE"

func TestARewrittenOrShortenedHistoryIsNotSigned(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"rewritten": `update ledger.tiles set hashes = set_byte(hashes, 70, get_byte(hashes, 70) # 1) where ledger_id = $1`,
		"shortened": `update ledger.heads set seq = 4, range = substr(range, 1, 32) where ledger_id = $1`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, bad, good := setup(t), uuid.New(), uuid.New()
			o.grow(t, bad, 8)
			stop := work(t, o.config(), always)
			o.until(t, "8 events are signed", func() bool { return o.published(t, bad, 8) })
			stop()
			if strings.Contains(o.logs.String(), alarm) {
				t.Fatalf("an honest ledger raised an alarm:\n%s", o.logs)
			}
			if name == "rewritten" {
				o.grow(t, bad, 8)
			}
			o.tamper(t, sql, bad)

			work(t, o.config(), always)
			o.until(t, "an alarm", func() bool { return strings.Contains(o.logs.String(), alarm) })
			for size := 1; size <= 5; size++ { // others are signed, round after round
				o.grow(t, good, 1)
				o.until(t, "others are signed", func() bool { return o.published(t, good, int64(size)) })
			}
			if last, err := o.Checkpoint(t.Context(), bad, 0); err != nil || last.Size != 8 {
				t.Errorf("signed up to %d, %v", last.Size, err)
			}
			if c := o.latest(t, bad); c.Size != 8 {
				t.Errorf("published up to %d", c.Size)
			}
			said := o.logs.String()
			if strings.Count(said, alarm) != 1 || !strings.Contains(said, "level=ERROR") || !strings.Contains(said, "ledger="+bad.String()) {
				t.Errorf("want one alarm a minute, of level ERROR, that names the ledger:\n%s", said)
			}
		})
	}
}

// crashing is everything that a notary does, of which one step kills it: before the
// step, or just after.
type crashing struct {
	notary.Ledgers
	notary.Objects

	send   func(context.Context, []proof.Signed) error
	step   string
	after  bool
	kill   context.CancelFunc
	killed atomic.Bool
}

var errKilled = errors.New("killed")

func (c *crashing) do(step string, f func() error) error {
	if c.killed.Load() || c.step == step && !c.after {
		return c.die()
	}
	err := f()
	if c.step == step && err == nil {
		return c.die()
	}
	return err
}

func (c *crashing) die() error {
	c.killed.Store(true)
	c.kill()
	return errKilled
}

func (c *crashing) Certify(ctx context.Context, id uuid.UUID, published tlog.Tree, sign func(tlog.Tree) ([]byte, error)) (made *proof.Signed, err error) {
	err = c.do("certify", func() error {
		made, err = c.Ledgers.Certify(ctx, id, published, sign)
		return err
	})
	return made, err
}

func (c *crashing) Keep(ctx context.Context, key, contentType string, data []byte) error {
	return c.do("put", func() error { return c.Objects.Keep(ctx, key, contentType, data) })
}

func (c *crashing) Replace(ctx context.Context, key, contentType string, data []byte) error {
	return c.do("replace", func() error { return c.Objects.Replace(ctx, key, contentType, data) })
}

func (c *crashing) publish(ctx context.Context, list []proof.Signed) error {
	return c.do("send", func() error { return c.send(ctx, list) })
}

func (c *crashing) Published(ctx context.Context, list []proof.Signed) error {
	return c.do("published", func() error { return c.Ledgers.Published(ctx, list) })
}

// crash lets a notary work until it dies at a step.
func (o *office) crash(t *testing.T, step string, after bool) {
	t.Helper()
	cfg := o.config()
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	c := &crashing{Ledgers: cfg.Ledgers, Objects: cfg.Objects, send: cfg.Publish, step: step, after: after, kill: kill}
	cfg.Ledgers, cfg.Objects, cfg.Publish = c, c, c.publish
	notary.New(cfg).Run(ctx, always)
	if !c.killed.Load() {
		t.Fatalf("it never came to %s", step)
	}
}

func TestWhatAKilledNotarySignedIsPublished(t *testing.T) {
	t.Parallel()
	o := setup(t)
	for _, step := range []string{"certify", "put", "replace", "send", "published"} {
		for _, after := range []bool{false, true} {
			a, b := uuid.New(), uuid.New()
			o.grow(t, a, 3)
			o.grow(t, b, 5)
			o.crash(t, step, after)
			o.grow(t, a, 1) // what was signed is not what is there now
			stop := work(t, o.config(), always)
			for id, sizes := range map[uuid.UUID][]int64{a: {3, 4}, b: {5}} {
				size := sizes[len(sizes)-1]
				o.until(t, step, func() bool { return o.published(t, id, size) })
				if c := o.latest(t, id); c.Size != size {
					t.Errorf("%s: the latest checkpoint is of %d events, want %d", step, c.Size, size)
				}
				for _, size := range sizes {
					if _, err := o.Checkpoint(t.Context(), id, size); err == nil && !o.published(t, id, size) {
						t.Errorf("%s: the checkpoint of %d events was signed and not published", step, size)
					}
				}
			}
			stop()
			if waiting, err := o.Unpublished(t.Context(), uuid.Nil, 0, 100); err != nil || len(waiting) > 0 {
				t.Errorf("%s: %d checkpoints wait, %v", step, len(waiting), err)
			}
		}
	}
}

func TestCheckpointsWaitForTheObjectStore(t *testing.T) {
	t.Parallel()
	o, id := setup(t), uuid.New()
	o.server.Kill()
	o.grow(t, id, 2)
	work(t, o.config(), always)
	o.until(t, "it is said that checkpoints wait", func() bool { return strings.Contains(o.logs.String(), "checkpoints wait to be published") })
	if o.sends(id, 2) != 0 {
		t.Error("a checkpoint is on Kafka that is not in the object store")
	}
	o.server.Restart(t)
	o.until(t, "2 events are published", func() bool { return o.published(t, id, 2) })
	o.until(t, "it is said that it goes on", func() bool { return strings.Contains(o.logs.String(), "are published again") })
}

func TestWhoIsDeposedSignsNothing(t *testing.T) {
	t.Parallel()
	o, id := setup(t), uuid.New()
	o.grow(t, id, 2)
	for asked := range int64(3) { // leads for that many questions
		var questions atomic.Int64
		notary.New(o.config()).Run(t.Context(), func() bool { return questions.Add(1) <= asked })
		if c, err := o.Checkpoint(t.Context(), id, 0); !errors.Is(err, proof.ErrNotSigned) {
			t.Errorf("deposed after %d questions, it signed %d events, %v", asked, c.Size, err)
		}
	}
	var questions atomic.Int64
	notary.New(o.config()).Run(t.Context(), func() bool { return questions.Add(1) <= 3 })
	if !o.published(t, id, 2) {
		t.Error("nothing was signed while it led")
	}
}

// desk is the ledgers as one of several notaries sees them, who must be alone.
type desk struct {
	notary.Ledgers

	who    int64
	leader *atomic.Int64 // who certified last
	inside *atomic.Int64
	t      *testing.T
}

func (d *desk) Certify(ctx context.Context, id uuid.UUID, published tlog.Tree, sign func(tlog.Tree) ([]byte, error)) (*proof.Signed, error) {
	if d.inside.Add(1) != 1 {
		d.t.Error("two notaries certify at once")
	}
	defer d.inside.Add(-1)
	d.leader.Store(d.who)
	return d.Ledgers.Certify(ctx, id, published, sign)
}

func TestOfTwoNotariesOneLeads(t *testing.T) {
	t.Parallel()
	o, id := setup(t), uuid.New()
	var leader, inside atomic.Int64
	resign := map[int64]func(){}
	for who := int64(1); who <= 2; who++ {
		cfg := o.config()
		cfg.Ledgers = &desk{Ledgers: o.Proofs, who: who, leader: &leader, inside: &inside, t: t}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- postgres.Lead(ctx, o.pool, "notary", cfg.Logger, func(ctx context.Context, l *postgres.Leadership) error {
				notary.New(cfg).Run(ctx, l.Valid)
				return nil
			})
		}()
		resign[who] = func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("notary %d ended with %v", who, err)
			}
		}
	}
	size := int64(0)
	reign := func() int64 {
		first := leader.Load()
		for range 20 {
			size++
			o.grow(t, id, 1)
			o.until(t, "the ledger is signed", func() bool { return o.published(t, id, size) })
			if first == 0 {
				first = leader.Load()
			}
			if now := leader.Load(); now != first {
				t.Fatalf("notary %d signs while %d leads", now, first)
			}
			if n := o.sends(id, size); n != 1 {
				t.Errorf("the checkpoint of %d events was sent %d times", size, n)
			}
		}
		return first
	}
	first := reign()
	resign[first]()
	leader.Store(0)
	second := reign()
	if second == first {
		t.Error("who resigned still signs")
	}
	resign[second]()
}
