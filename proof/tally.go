package proof

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/transparency-dev/merkle/compact"
	"golang.org/x/mod/sumdb/tlog"
)

// tally adds up a ledger, event by event.
type tally struct {
	audit    *Audit
	report   Report
	tree     *compact.Range // of the events
	due      []Checkpoint   // that the ledger has not come to yet, by size
	marks    []int64        // likewise
	previous string         // the last event's time

	// The first event that is not as recorded in the tiles, and the tree that the
	// tiles record. Which of the two is right shows at the next checkpoint.
	doubt      int64 // 0: none
	tiles      *compact.Range
	incomplete bool  // the tiles do not go on
	missing    int64 // the first event that they must record, and do not; 0: none
}

func newTally(a *Audit) *tally {
	t := &tally{
		audit: a, tree: merkle.NewEmptyRange(0), marks: slices.Clone(a.Marks),
		report: Report{Ledger: a.Ledger, Marks: make(map[int64]tlog.Hash)},
	}
	for _, c := range a.Known {
		t.expect(c)
	}
	return t
}

// expect awaits a checkpoint.
func (t *tally) expect(c Checkpoint) {
	i, _ := slices.BinarySearchFunc(t.due, c, func(a, b Checkpoint) int { return cmp.Compare(a.Size, b.Size) })
	t.due = slices.Insert(t.due, i, c)
}

func (t *tally) find(seq int64, format string, args ...any) error {
	if t.doubt != 0 && t.doubt < seq {
		return &FindingError{Ledger: t.audit.Ledger, Seq: t.doubt, Reason: fmt.Sprintf(
			"it is not the event whose hash the tiles record; and "+format+" at event %d", append(args, seq)...)}
	}
	return &FindingError{Ledger: t.audit.Ledger, Seq: seq, Reason: fmt.Sprintf(format, args...)}
}

// add takes the next batch.
func (t *tally) add(w *work) error {
	var bad error
	for _, kept := range w.Checkpoints {
		c, err := t.audit.open(kept)
		switch {
		case err == nil && c.Size < t.report.Events:
			err = fmt.Errorf("it comes too late: of %d events", c.Size)
			fallthrough
		case err != nil && bad == nil:
			// Whatever is wrong before it is found first.
			bad = t.find(max(c.Size, t.report.Events+1), "a checkpoint here is not to be trusted: %v", err)
		case err == nil:
			t.expect(c)
		}
	}
	for i, row := range w.Rows {
		if err := t.event(w, i, row); err != nil {
			return err
		}
	}
	return bad
}

// event takes the next event.
func (t *tally) event(w *work, i int, row Row) error {
	next := t.report.Events + 1
	switch reason := w.reasons[i]; {
	case row.Seq > next:
		return t.find(next, "it is missing; event %d follows", row.Seq)
	case row.Seq < next:
		return t.find(row.Seq, "it is there more than once")
	case reason != "":
		return t.find(next, "%s", reason)
	case w.times[i] < t.previous:
		return t.find(next, "its time, %s, is before that of the event before it", w.times[i])
	}
	t.previous = w.times[i]
	t.record(w, next, w.leaves[i])
	leaf := w.leaves[i]
	if err := t.tree.Append(leaf[:], nil); err != nil {
		return fmt.Errorf("add event %d: %w", next, err)
	}
	t.report.Events = next
	if len(t.marks) > 0 && t.marks[0] == next {
		root, err := rootOf(t.tree)
		if err != nil {
			return err
		}
		t.report.Marks[next], t.marks = root, t.marks[1:]
	}
	for len(t.due) > 0 && t.due[0].Size == next {
		if err := t.settle(t.due[0].Size, t.due[0].Root, "the signed checkpoint"); err != nil {
			return err
		}
		t.due = t.due[1:]
		t.report.Checkpoints++
		t.report.Signed = next
	}
	return nil
}

// record compares an event with what the tiles record of it.
func (t *tally) record(w *work, seq int64, leaf tlog.Hash) {
	n := seq - w.First
	if n < 0 || n >= int64(len(w.Hashes)) {
		t.incomplete = true
		if t.missing == 0 && seq <= t.audit.Tiled {
			t.missing = seq
		}
		return
	}
	recorded := w.Hashes[n]
	if t.doubt == 0 && recorded != leaf && !t.incomplete {
		t.doubt = seq
		t.tiles = merkle.NewEmptyRange(0)
		_ = t.tiles.AppendRange(t.tree, nil) // both begin at 0
	}
	if t.doubt != 0 {
		_ = t.tiles.Append(recorded[:], nil) // a range from 0 takes any leaf
	}
}

// settle compares the events with a root that is known.
func (t *tally) settle(size int64, want tlog.Hash, whose string) error {
	root, err := rootOf(t.tree)
	if err != nil {
		return err
	}
	if root == want {
		if t.doubt != 0 {
			return &FindingError{Ledger: t.audit.Ledger, Seq: t.doubt, Reason: fmt.Sprintf(
				"the hash that the tiles record is not the event's, for which %s of %d events vouches", whose, size)}
		}
		return nil
	}
	if t.doubt != 0 && !t.incomplete {
		if recorded, err := rootOf(t.tiles); err == nil && recorded == want {
			return &FindingError{Ledger: t.audit.Ledger, Seq: t.doubt, Reason: fmt.Sprintf(
				"it is not the event that %s of %d events holds", whose, size)}
		}
	}
	return &FindingError{Ledger: t.audit.Ledger, Seq: t.report.Signed + 1, Reason: fmt.Sprintf(
		"it, or another up to event %d, is not what %s of %d events holds", size, whose, size)}
}

// finish checks what must hold at a ledger's end.
func (t *tally) finish() (Report, error) {
	n := t.report.Events
	if n > 0 {
		var err error
		if t.report.Root, err = rootOf(t.tree); err != nil {
			return t.report, err
		}
	}
	if len(t.due) > 0 {
		return t.report, t.find(n+1, "it is missing: a signed checkpoint holds %d events", t.due[len(t.due)-1].Size)
	}
	if t.audit.Head != nil {
		head, err := t.audit.Head()
		switch {
		case err != nil:
			return t.report, err
		case head.N > n:
			return t.report, t.find(n+1, "it is missing: the ledger's head stands at %d", head.N)
		case head.N < n:
			return t.report, t.find(head.N+1, "the ledger's head stands at %d", head.N)
		case n > 0:
			if err := t.settle(n, head.Hash, "the ledger's head"); err != nil {
				return t.report, err
			}
		}
	}
	if t.doubt != 0 {
		return t.report, &FindingError{Ledger: t.audit.Ledger, Seq: t.doubt, Reason: "it is not the event whose hash the tiles record"}
	}
	if t.missing != 0 {
		return t.report, &FindingError{Ledger: t.audit.Ledger, Seq: t.missing, Reason: "the tile that records it is missing, or cut short"}
	}
	return t.report, nil
}
