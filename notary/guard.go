package notary

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/proof"
)

// Published is what was published, as the guard reads it.
type Published interface {
	// List calls found with the keys that begin with prefix, and with a tag of what each
	// object holds, which is another when that is; "" if there is none.
	List(ctx context.Context, prefix string, found func(key, tag string) error) error
	// Read returns the first limit bytes of an object.
	Read(ctx context.Context, key string, limit int64) ([]byte, error)
}

// Roots are the ledgers as the guard sees them.
type Roots interface {
	// RootAt returns the root of a ledger's first size events. It fails with
	// proof.ErrRange if it does not hold as many, with proof.ErrTiles or proof.ErrNoEvent
	// if it is not whole.
	RootAt(ctx context.Context, ledger uuid.UUID, size int64) (tlog.Hash, error)
	// Size returns how many events a ledger holds, by its head.
	Size(ctx context.Context, ledger uuid.UUID) (int64, error)
	Signers
}

// Guard compares ledgers with what was published of them.
type Guard struct {
	published Published
	roots     Roots
	keys      proof.Keys // trusted besides those that the database names
	logger    *slog.Logger
	every     time.Duration

	mu      sync.Mutex
	verdict error
	read    map[string]object // by key: what was read before
}

// object is what an object held when it had the tag.
type object struct {
	tag  string
	data []byte
}

// atOnce is how many ledgers are compared at once.
const atOnce = 4

// errUnchecked is the verdict before there is one.
var errUnchecked = errors.New("the ledgers have not been compared with what was published yet")

// NewGuard returns a guard that compares at the given interval. keys are
// trusted besides those that the database names as signers'.
func NewGuard(published Published, roots Roots, keys proof.Keys, every time.Duration, logger *slog.Logger) *Guard {
	return &Guard{
		published: published, roots: roots, keys: keys, every: every, logger: logger, verdict: errUnchecked, read: make(map[string]object),
	}
}

// Verdict returns why the ledgers must not be served, as of the last comparison.
func (g *Guard) Verdict(context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.verdict
}

// Run compares until ctx ends. What can't be reached changes no verdict.
func (g *Guard) Run(ctx context.Context) {
	const soon = time.Second // until there is a verdict
	for {
		pause := g.every
		verdict, err := g.compare(ctx)
		switch {
		case err != nil:
			pause = min(soon, g.every)
			if ctx.Err() == nil {
				g.logger.LogAttrs(ctx, slog.LevelWarn, "guard: ledgers not compared with what was published", slog.Any("error", err))
			}
		default:
			g.pronounce(ctx, verdict)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// remedy is what operators are told to do.
const remedy = "take this process out of service; if the database was set back, restore a later backup; " +
	"what else can be done: docs/operations.md, The signing key"

// pronounce gives a verdict, and raises an alarm if ledgers are not what was published:
// one, and how many there are.
func (g *Guard) pronounce(ctx context.Context, found []*DisagreementError) {
	var verdict error
	if len(found) > 0 {
		first := slices.MinFunc(found, func(a, b *DisagreementError) int { return bytes.Compare(a.Ledger[:], b.Ledger[:]) })
		verdict = first
		g.logger.LogAttrs(ctx, slog.LevelError, "guard: A LEDGER IS NOT WHAT WAS PUBLISHED", slog.Any("error", first),
			slog.String("ledger", first.Ledger.String()), slog.Int64("holds", first.Held), slog.Int64("published", first.Size),
			slog.Int("ledgers", len(found)), slog.String("remedy", remedy))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.verdict = verdict
}

// DisagreementError says that a ledger is not what was published of it.
type DisagreementError struct {
	Ledger uuid.UUID
	Held   int64 // events of the ledger, as the guard saw it
	Size   int64 // of the checkpoint; 0 if that can't be trusted
	Reason string
}

func (d *DisagreementError) Error() string {
	return fmt.Sprintf("ledger %s is not what was published at %d events: %s", d.Ledger, d.Size, d.Reason)
}

// compare holds every ledger's latest published checkpoint against the ledger, and
// returns what disagrees. It fails if it can't tell and nothing is known to disagree.
func (g *Guard) compare(ctx context.Context) ([]*DisagreementError, error) {
	keys, err := trusted(ctx, g.roots, g.keys)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var found []*DisagreementError
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	err = g.published.List(ctx, latestPrefix, func(key, tag string) error {
		group.Go(func() error {
			signed, err := g.signed(ctx, key, tag)
			if err != nil {
				return err
			}
			err = g.judge(ctx, strings.TrimPrefix(key, latestPrefix), signed, keys)
			d, ok := errors.AsType[*DisagreementError](err)
			if !ok {
				return err
			}
			if d.Held, err = g.roots.Size(ctx, d.Ledger); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			found = append(found, d)
			return nil
		})
		return ctx.Err()
	})
	err = cmp.Or(group.Wait(), err) // who failed first cuts the list short
	if len(found) > 0 {
		return found, nil
	}
	return nil, err
}

// signed returns what an object holds, which is read again only when its tag is another.
func (g *Guard) signed(ctx context.Context, key, tag string) ([]byte, error) {
	g.mu.Lock()
	known, ok := g.read[key]
	g.mu.Unlock()
	if ok && tag != "" && tag == known.tag {
		return known.data, nil
	}
	data, err := g.published.Read(ctx, key, maxLatest)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.read[key] = object{tag, data}
	return data, nil
}

// judge fails with a [*DisagreementError] or because it can't tell.
func (g *Guard) judge(ctx context.Context, name string, signed []byte, keys proof.Keys) error {
	id, err := uuid.Parse(name)
	if err != nil {
		return nil //nolint:nilerr // an object of somebody else's
	}
	c, err := openLatest(id, signed, keys)
	if err != nil {
		return err
	}
	root, err := g.roots.RootAt(ctx, id, c.Size)
	switch {
	case errors.Is(err, proof.ErrRange):
		return &DisagreementError{Ledger: id, Size: c.Size, Reason: "it holds fewer; was the database set back to an earlier time?"}
	case errors.Is(err, proof.ErrTiles), errors.Is(err, proof.ErrNoEvent):
		return &DisagreementError{Ledger: id, Size: c.Size, Reason: err.Error()}
	case err != nil:
		return err
	case root != c.Root:
		return &DisagreementError{Ledger: id, Size: c.Size, Reason: "its root is another: its history was rewritten"}
	}
	return nil
}
