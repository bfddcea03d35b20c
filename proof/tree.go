package proof

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"
)

// merkle hashes inner nodes as RFC 6962 has it.
var merkle = &compact.RangeFactory{Hash: NodeHash}

// Errors of proofs.
var (
	// ErrTiles says that stored tiles do not belong to the tree that they were read for.
	ErrTiles = errors.New("the stored tiles are not those of the tree")
	// ErrRange says that a proof was asked for of what the tree does not hold.
	ErrRange = errors.New("out of range")
)

// LeafHash returns the hash of an event's canonical bytes.
func LeafHash(body []byte) tlog.Hash { return tlog.RecordHash(body) }

// NodeHash returns the hash of an inner node of a tree: what [rfc6962.Hasher] returns,
// sooner, as appends wait for it.
func NodeHash(left, right []byte) []byte {
	var b [1 + 2*tlog.HashSize]byte
	b[0] = rfc6962.RFC6962NodeHashPrefix
	copy(b[1:], left)
	copy(b[1+tlog.HashSize:], right)
	sum := sha256.Sum256(b[:])
	return sum[:]
}

// RootOf returns the root of a tree of the given size whose compact range is
// hashes, 32 bytes each, one after the other.
func RootOf(size int64, hashes []byte) (tlog.Hash, error) {
	if len(hashes)%tlog.HashSize != 0 || size < 1 {
		return tlog.Hash{}, fmt.Errorf("compact range of size %d: %d bytes", size, len(hashes))
	}
	nodes := make([][]byte, 0, len(hashes)/tlog.HashSize)
	for i := 0; i < len(hashes); i += tlog.HashSize {
		nodes = append(nodes, hashes[i:i+tlog.HashSize])
	}
	r, err := merkle.NewRange(0, uint64(size), nodes)
	if err != nil {
		return tlog.Hash{}, fmt.Errorf("compact range of size %d: %w", size, err)
	}
	return rootOf(r)
}

func rootOf(r *compact.Range) (root tlog.Hash, err error) {
	sum, err := r.GetRootHash(nil)
	if err != nil {
		return root, fmt.Errorf("root: %w", err)
	}
	copy(root[:], sum)
	return root, nil
}

// Inclusion returns the proof that event seq is in the tree: the hashes of RFC 6962
// §2.1.1, from the leaf up.
func Inclusion(ctx context.Context, tree tlog.Tree, tiles Tiles, seq int64) ([]tlog.Hash, error) {
	if seq < 1 || seq > tree.N {
		return nil, fmt.Errorf("event %d of %d: %w", seq, tree.N, ErrRange)
	}
	r := &tileReader{ctx: ctx, tiles: tiles}
	proof, err := tlog.ProveRecord(tree.N, seq-1, tlog.TileHashReader(tree, r))
	if err != nil {
		return nil, r.fault(err)
	}
	return proof, nil
}

// CheckInclusion returns an error unless leaf is event seq of the tree.
func CheckInclusion(proof []tlog.Hash, tree tlog.Tree, seq int64, leaf tlog.Hash) error {
	if seq < 1 || seq > tree.N {
		return fmt.Errorf("event %d of %d: %w", seq, tree.N, ErrRange)
	}
	if err := tlog.CheckRecord(proof, tree.N, tree.Hash, seq-1, leaf); err != nil {
		return fmt.Errorf("event %d is not in the tree of %d: %w", seq, tree.N, err)
	}
	return nil
}

// Consistency returns the proof that the tree begins with its first from events:
// the hashes of RFC 6962 §2.1.2.
func Consistency(ctx context.Context, tree tlog.Tree, tiles Tiles, from int64) ([]tlog.Hash, error) {
	if from < 1 || from > tree.N {
		return nil, fmt.Errorf("size %d of %d: %w", from, tree.N, ErrRange)
	}
	r := &tileReader{ctx: ctx, tiles: tiles}
	proof, err := tlog.ProveTree(tree.N, from, tlog.TileHashReader(tree, r))
	if err != nil {
		return nil, r.fault(err)
	}
	return proof, nil
}

// CheckConsistency returns an error unless tree is older with more events behind.
func CheckConsistency(proof []tlog.Hash, tree, older tlog.Tree) error {
	if older.N < 1 || older.N > tree.N {
		return fmt.Errorf("size %d of %d: %w", older.N, tree.N, ErrRange)
	}
	if err := tlog.CheckTree(proof, tree.N, tree.Hash, older.N, older.Hash); err != nil {
		return fmt.Errorf("the tree of %d does not begin with the tree of %d: %w", tree.N, older.N, err)
	}
	return nil
}

// Authenticate returns an error unless the tiles that the root of tree follows from
// are its.
func Authenticate(ctx context.Context, tree tlog.Tree, tiles Tiles) error {
	r := &tileReader{ctx: ctx, tiles: tiles}
	if _, err := tlog.TileHashReader(tree, r).ReadHashes(nil); err != nil {
		return r.fault(err)
	}
	return nil
}

// RootAt returns the root of the first size events, out of the tiles of tree.
func RootAt(ctx context.Context, tree tlog.Tree, tiles Tiles, size int64) (tlog.Hash, error) {
	if size < 1 || size > tree.N {
		return tlog.Hash{}, fmt.Errorf("size %d of %d: %w", size, tree.N, ErrRange)
	}
	r := &tileReader{ctx: ctx, tiles: tiles}
	root, err := tlog.TreeHash(size, tlog.TileHashReader(tree, r))
	if err != nil {
		return tlog.Hash{}, r.fault(err)
	}
	return root, nil
}

// AuthenticateAll returns an error unless all tiles above the lowest level are those
// of tree. They are as many as it has events, divided by 65,280.
func AuthenticateAll(ctx context.Context, tree tlog.Tree, tiles Tiles) error {
	if tree.N == 0 {
		return nil
	}
	if err := Authenticate(ctx, tree, tiles); err != nil {
		return err
	}
	r := &tileReader{ctx: ctx, tiles: tiles}
	authenticated := tlog.TileHashReader(tree, r)
	for _, t := range tlog.NewTiles(tileHeight, 0, tree.N) {
		if t.L == 0 {
			continue
		}
		if _, err := tlog.ReadTileData(t, authenticated); err != nil {
			return r.fault(fmt.Errorf("%s: %w", t.Path(), err))
		}
	}
	return nil
}
