package postgres

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/transparency-dev/merkle/compact"

	"github.com/cartulary/cartulary/proof"
)

// book is one ledger as a transaction sees it, locked.
type book struct {
	id    uuid.UUID
	past  *past // nil if nothing is remembered
	found bool
	done  bool // its entries have been answered
	head  head // as locked, or as remembered
	seq   int64
	at    time.Time // of every event that the transaction adds
	tree  *compact.Range
	first uuid.UUID // the first event that the transaction adds
}

// grown says whether the transaction adds events.
func (k *book) grown() bool { return k.seq > k.head.seq }

// reopen makes what is remembered of the ledger the book's head.
func (k *book) reopen() {
	k.head, k.seq, k.tree = k.past.head, k.past.head.seq, k.past.tree
}

type head struct {
	seq int64
	at  time.Time
}

func (h head) is(other head) bool { return h.seq == other.seq && h.at.Equal(other.at) }

// merkle hashes inner nodes as RFC 6962 has it.
var merkle = &compact.RangeFactory{Hash: proof.NodeHash}

// open reads a head row; hashes is its compact range.
func (k *book) open(seq int64, at time.Time, hashes []byte) error {
	k.head, k.seq = head{seq: seq, at: at}, seq
	if treeless {
		k.tree = merkle.NewEmptyRange(0)
		return nil
	}
	nodes := make([][]byte, 0, len(hashes)/sha256.Size+1)
	for i := 0; i+sha256.Size <= len(hashes); i += sha256.Size {
		nodes = append(nodes, append([]byte(nil), hashes[i:i+sha256.Size]...))
	}
	tree, err := merkle.NewRange(0, uint64(seq), nodes) //nolint:gosec // never negative, by constraint
	if err != nil {
		return fmt.Errorf("compact range of ledger %s: %w", k.id, err)
	}
	k.tree = tree
	return nil
}

// start sets the time of the transaction: now, unless the head is ahead of it.
func (k *book) start(now time.Time) {
	k.at = now.UTC().Truncate(time.Microsecond)
	if k.at.Before(k.head.at) {
		k.at = k.head.at
	}
}

// append adds an event's bytes as the next leaf.
func (k *book) append(body []byte) {
	k.seq++
	if treeless {
		return
	}
	leaf := proof.LeafHash(body)
	_ = k.tree.Append(leaf[:], nil) // a range from 0 takes any leaf: its shape was checked by open
}

// hashes returns the compact range as the head row keeps it.
func (k *book) hashes() []byte {
	nodes := k.tree.Hashes()
	b := make([]byte, 0, len(nodes)*sha256.Size)
	for _, n := range nodes {
		b = append(b, n...)
	}
	return b
}
