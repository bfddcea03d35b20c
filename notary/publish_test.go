package notary_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/notary"
	"github.com/cartulary/cartulary/proof"
)

// held is what a notary says of a checkpoint that it can't publish.
const held = "A CHECKPOINT CAN'T BE PUBLISHED"

// before is a ledger that comes before all others.
var before = uuid.UUID{15: 1}

// sign signs what a ledger holds, and publishes nothing.
func (o *office) sign(t *testing.T, id uuid.UUID) {
	t.Helper()
	_, err := o.Certify(t.Context(), id, tlog.Tree{}, func(tree tlog.Tree) ([]byte, error) {
		return proof.Checkpoint{Origin: proof.Origin(o.key.Name(), id), Size: tree.N, Root: tree.Hash}.Sign(o.key)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// occupied is an object store where something else is in the places of a ledger's first
// checkpoints.
type occupied struct {
	notary.Objects

	size int64 // up to that one
}

func (o occupied) Keep(ctx context.Context, key, contentType string, data []byte) error {
	var size int64
	if _, err := fmt.Sscanf(key, "audit/"+before.String()+"/checkpoints/%d", &size); err == nil && size <= o.size {
		return s3.ErrDiffers
	}
	return o.Objects.Keep(ctx, key, contentType, data)
}

func TestCheckpointsInWhosePlaceIsSomethingElseHoldUpNothing(t *testing.T) {
	t.Parallel()
	o, id := setup(t), uuid.New()
	const bad = 260 // more than a notary takes at once
	for range bad {
		o.grow(t, before, 1)
		o.sign(t, before)
	}
	if err := o.store.Replace(t.Context(), notary.Key(before, bad), "text/plain", []byte("something else")); err != nil {
		t.Fatal(err)
	}
	o.grow(t, before, 1)
	o.grow(t, id, 2)
	cfg := o.config()
	cfg.Objects = occupied{o.store, bad - 1}
	work(t, cfg, always)
	o.until(t, "others are published", func() bool { return o.published(t, id, 2) })
	o.until(t, "what the ledger holds since is published", func() bool { return o.published(t, before, bad+1) })
	o.grow(t, id, 1)
	o.until(t, "others are published in the next round", func() bool { return o.published(t, id, 3) })
	if c := o.latest(t, before); c.Size != bad+1 {
		t.Errorf("the latest checkpoint is of %d events", c.Size)
	}
	said := o.logs.String()
	for size := range int64(bad) {
		if o.sends(before, size+1) != 0 {
			t.Errorf("the checkpoint of %d events is on Kafka and not in the object store", size+1)
		}
		told := fmt.Sprintf("ledger=%s checkpoint=%d ", before, size+1)
		if strings.Count(said, told) != 1 {
			t.Errorf("told %d times a minute: %s", strings.Count(said, told), told)
		}
	}
	if strings.Count(said, held) != bad || strings.Count(said, "level=ERROR") != bad {
		t.Errorf("want %d errors:\n%s", bad, said)
	}
}

// picky is an object store that fails whenever it is asked something of one ledger.
type picky struct {
	notary.Objects

	step string
	well atomic.Bool
}

var errPicky = errors.New("not that one")

func (p *picky) refuses(step, key string) bool {
	return !p.well.Load() && p.step == step && strings.Contains(key, before.String())
}

func (p *picky) Read(ctx context.Context, key string, limit int64) ([]byte, error) {
	if p.refuses("read", key) {
		return nil, errPicky
	}
	return p.Objects.Read(ctx, key, limit)
}

func (p *picky) Keep(ctx context.Context, key, contentType string, data []byte) error {
	if p.refuses("keep", key) {
		return errPicky
	}
	return p.Objects.Keep(ctx, key, contentType, data)
}

func (p *picky) Replace(ctx context.Context, key, contentType string, data []byte) error {
	if p.refuses("replace", key) {
		return errPicky
	}
	return p.Objects.Replace(ctx, key, contentType, data)
}

func TestWhatTheStoreFailsAtHoldsUpNothing(t *testing.T) {
	t.Parallel()
	o := setup(t)
	for _, step := range []string{"read", "keep", "replace"} {
		o.grow(t, before, 1)
		size := int64(1)
		if c, err := o.Checkpoint(t.Context(), before, 0); err == nil {
			size = c.Size + 1
		}
		cfg := o.config()
		p := &picky{Objects: o.store, step: step}
		cfg.Objects = p
		stop := work(t, cfg, always)
		o.goesOn(t)
		if o.sends(before, size) != 0 {
			t.Errorf("%s: sent to Kafka before it was stored", step)
		}
		if said := o.logs.String(); !strings.Contains(said, "checkpoints wait to be published") || !strings.Contains(said, before.String()) {
			t.Errorf("%s: it is not told what waits:\n%s", step, said)
		}
		p.well.Store(true)
		o.until(t, step, func() bool { return o.published(t, before, size) })
		stop()
	}
}
