package proof

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"
)

// Batch is a stretch of a ledger, with what is recorded of it elsewhere.
type Batch struct {
	Rows        []Row       // in order; what is missing is found
	Hashes      []tlog.Hash // of the events from First on, as recorded in tiles; may be fewer than rows
	First       int64
	Checkpoints []Noted // of sizes in the stretch, or beyond it, by size
}

// Noted is a checkpoint as it is kept.
type Noted struct {
	Note    []byte       // signed
	Columns *NoteColumns // that stand beside the note; nil if nothing does
}

// NoteColumns repeat what a signed note says.
type NoteColumns struct {
	Size int64
	Root []byte
}

// Source hands out a ledger's batches, from event 1 on, until yield fails.
type Source func(ctx context.Context, yield func(*Batch) error) error

// Audit is what a ledger is checked against.
type Audit struct {
	Ledger uuid.UUID
	Keys   Keys
	Known  []Checkpoint // from elsewhere; opened already

	// Head, if not nil, returns the tree that the ledger claims to be.
	Head func() (tlog.Tree, error)
	// Tiled is how many events tiles must record: a tile that is missing among them is
	// found. 0 if nothing has to be recorded.
	Tiled int64
	// Marks are sizes, in order, whose roots are wanted.
	Marks []int64
}

// Report says what was checked.
type Report struct {
	Ledger      uuid.UUID
	Events      int64
	Root        tlog.Hash // of all events; zero if there is none
	Checkpoints int       // that the events agree with
	Signed      int64     // the size of the largest of them
	Marks       map[int64]tlog.Hash
}

// FindingError says what is wrong with a ledger: the first thing that was found.
type FindingError struct {
	Ledger uuid.UUID
	Seq    int64 // the first bad event, or where it must be looked for; 0 if it is none of them
	Reason string
}

func (f *FindingError) Error() string {
	if f.Seq == 0 {
		return fmt.Sprintf("ledger %s: %s", f.Ledger, f.Reason)
	}
	return fmt.Sprintf("ledger %s: event %d: %s", f.Ledger, f.Seq, f.Reason)
}

// work is a batch on its way.
type work struct {
	*Batch

	leaves  []tlog.Hash
	times   []string
	reasons map[int]string // what is wrong with a row by itself
	done    chan struct{}
}

// Run reads a whole ledger, in bounded memory, hashing on all cores. It fails with a
// [*FindingError] when the ledger is not what it should be, and with other errors when it
// can't be read.
func (a *Audit) Run(ctx context.Context, source Source) (Report, error) {
	workers := runtime.GOMAXPROCS(0)
	hash := make(chan *work, workers)
	ordered := make(chan *work, workers)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(hash)
		defer close(ordered)
		return source(ctx, func(b *Batch) error {
			w := &work{Batch: b, done: make(chan struct{})}
			for _, c := range []chan *work{hash, ordered} {
				select {
				case c <- w:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
	})
	for range workers {
		group.Go(func() error {
			r := reader{ledger: a.Ledger}
			for w := range hash {
				r.digest(w)
				close(w.done)
			}
			return nil
		})
	}
	t := newTally(a)
	group.Go(func() error {
		for w := range ordered {
			<-w.done
			if err := t.add(w); err != nil {
				return err
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return t.report, err
	}
	return t.finish()
}

// digest hashes and checks each row by itself.
func (r *reader) digest(w *work) {
	w.leaves = make([]tlog.Hash, len(w.Rows))
	w.times = make([]string, len(w.Rows))
	for i, row := range w.Rows {
		w.leaves[i] = LeafHash(row.Body)
		at, reason := r.check(row)
		w.times[i] = at
		if reason != "" {
			if w.reasons == nil {
				w.reasons = make(map[int]string)
			}
			w.reasons[i] = reason
		}
	}
}

// errOther says that a checkpoint is not one of the ledger's.
var errOther = errors.New("it speaks of another ledger")

// open reads a checkpoint of the ledger.
func (a *Audit) open(kept Noted) (Checkpoint, error) {
	c, err := OpenCheckpoint(kept.Note, a.Keys)
	if err != nil {
		return c, err
	}
	if of, err := c.Ledger(); err != nil || of != a.Ledger {
		return c, errOther
	}
	if k := kept.Columns; k != nil && (k.Size != c.Size || !bytes.Equal(k.Root, c.Root[:])) {
		return c, fmt.Errorf("its columns say size %d and root %.64x, what was signed says %d and %x", k.Size, k.Root, c.Size, c.Root)
	}
	return c, nil
}
