package proof_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/cartulary/cartulary/proof"
)

// memory keeps tiles in memory.
type memory map[proof.TileID][]byte

func (m memory) Tiles(_ context.Context, ids []proof.TileID) ([][]byte, error) {
	data := make([][]byte, len(ids))
	for i, id := range ids {
		data[i] = bytes.Clone(m[id])
	}
	return data, nil
}

func (m memory) grow(t *testing.T, pieces []proof.Piece) {
	t.Helper()
	for _, p := range pieces {
		if len(m[p.TileID]) != p.From*tlog.HashSize {
			t.Fatalf("tile %v has %d bytes, the piece begins at %d", p.TileID, len(m[p.TileID]), p.From)
		}
		m[p.TileID] = append(m[p.TileID], p.Hashes...)
	}
}

// naive is RFC 6962 §2.1 by its letter: it shares nothing with the product.
type naive [][]byte

func (n naive) root() [32]byte {
	switch len(n) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, n[0]...))
	}
	k := n.split()
	return node(n[:k].root(), n[k:].root())
}

// split returns the largest power of two below the number of leaves.
func (n naive) split() int {
	k := 1
	for k*2 < len(n) {
		k *= 2
	}
	return k
}

func node(l, r [32]byte) [32]byte {
	return sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...))
}

// path is PATH(m, D[n]).
func (n naive) path(m int) [][32]byte {
	if len(n) == 1 {
		return nil
	}
	k := n.split()
	if m < k {
		return append(n[:k].path(m), n[k:].root())
	}
	return append(n[k:].path(m-k), n[:k].root())
}

// proof is PROOF(m, D[n]).
func (n naive) proof(m int) [][32]byte { return n.subproof(m, true) }

func (n naive) subproof(m int, whole bool) [][32]byte {
	if m == len(n) {
		if whole {
			return nil
		}
		return [][32]byte{n.root()}
	}
	k := n.split()
	if m <= k {
		return append(n[:k].subproof(m, whole), n[k:].root())
	}
	return append(n[k:].subproof(m-k, false), n[:k].root())
}

func same(got []tlog.Hash, want [][32]byte) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		if [32]byte(got[i]) != want[i] {
			return false
		}
	}
	return true
}

// build adds leaves to tiles, in steps of random sizes.
func build(t *testing.T, leaves naive, random *rand.Rand) memory {
	t.Helper()
	m, f := memory{}, &proof.Frontier{}
	for i, leaf := range leaves {
		m.grow(t, f.Add(proof.LeafHash(leaf)))
		if random.IntN(50) == 0 || i == len(leaves)-1 {
			m.grow(t, f.Rest())
			f = reopened(t, m, int64(i+1))
		}
	}
	return m
}

// reopened returns the frontier as another process finds it.
func reopened(t *testing.T, m memory, size int64) *proof.Frontier {
	t.Helper()
	last := map[int]proof.Piece{}
	for id, hashes := range m {
		if p, ok := last[id.Level]; !ok || p.Index < id.Index {
			last[id.Level] = proof.Piece{TileID: id, Hashes: hashes}
		}
	}
	f, err := proof.OpenFrontier(last)
	if err != nil || f.Size() != size {
		t.Fatalf("reopened at %d: %v", size, err)
	}
	return f
}

// The leaves and roots of RFC 6962's reference implementation (Certificate
// Transparency's merkletree tests).
func TestPublishedVectors(t *testing.T) {
	t.Parallel()
	var leaves naive
	for _, text := range []string{
		"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
	} {
		leaf, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, leaf)
	}
	roots := []string{
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
	m := build(t, leaves, rand.New(rand.NewPCG(1, 2)))
	last := tlog.Tree{N: 8}
	if _, err := hex.Decode(last.Hash[:], []byte(roots[7])); err != nil {
		t.Fatal(err)
	}
	for i, want := range roots {
		root, err := proof.RootAt(t.Context(), last, m, int64(i+1))
		if err != nil || hex.EncodeToString(root[:]) != want {
			t.Errorf("root of %d: %x, %v, want %s", i+1, root, err, want)
		}
	}
}

func TestAnIndependentImplementationAgrees(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(6962, 9162))
	sizes := []int{1, 2, 3, 255, 256, 257, 511, 512, 513}
	for range 12 {
		sizes = append(sizes, 1+random.IntN(1500))
	}
	for _, size := range sizes {
		leaves := make(naive, size)
		for i := range leaves {
			leaves[i] = make([]byte, random.IntN(40))
			for j := range leaves[i] {
				leaves[i][j] = byte(random.Uint32())
			}
		}
		m := build(t, leaves, random)
		tree := tlog.Tree{N: int64(size), Hash: leaves.root()}
		if err := proof.AuthenticateAll(t.Context(), tree, m); err != nil {
			t.Fatalf("size %d: %v", size, err)
		}
		for range 10 {
			i, from := random.IntN(size), 1+random.IntN(size)
			included, err := proof.Inclusion(t.Context(), tree, m, int64(i+1))
			if err != nil || !same(included, leaves.path(i)) {
				t.Fatalf("event %d of %d: %v", i+1, size, err)
			}
			if err := proof.CheckInclusion(included, tree, int64(i+1), proof.LeafHash(leaves[i])); err != nil {
				t.Error(err)
			}
			consistent, err := proof.Consistency(t.Context(), tree, m, int64(from))
			if err != nil || !same(consistent, leaves.proof(from)) {
				t.Fatalf("from %d to %d: %v", from, size, err)
			}
			if err := proof.CheckConsistency(consistent, tree, tlog.Tree{N: int64(from), Hash: leaves[:from].root()}); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestATamperedTileIsFound(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	leaves := make(naive, 1000)
	for i := range leaves {
		leaves[i] = []byte{byte(i), byte(i >> 8)}
	}
	tree := tlog.Tree{N: 1000, Hash: leaves.root()}
	m := build(t, leaves, random)
	for id, hashes := range m {
		for range 5 {
			i := random.IntN(len(hashes))
			hashes[i] ^= 1
			seq := id.Index*proof.TileWidth + int64(i/tlog.HashSize) + 1
			if id.Level == 1 {
				seq = int64(i/tlog.HashSize)*proof.TileWidth + 1
			}
			_, err := proof.Inclusion(t.Context(), tree, m, seq)
			if !errors.Is(err, proof.ErrTiles) {
				t.Errorf("tile %v, byte %d: proof of event %d: %v", id, i, seq, err)
			}
			hashes[i] ^= 1
		}
	}
}

func TestProofsOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	m := build(t, naive{{1}, {2}}, rand.New(rand.NewPCG(1, 1)))
	tree := tlog.Tree{N: 2, Hash: naive{{1}, {2}}.root()}
	for _, n := range []int64{-1, 0, 3} {
		if _, err := proof.Inclusion(t.Context(), tree, m, n); !errors.Is(err, proof.ErrRange) {
			t.Errorf("event %d: %v", n, err)
		}
		if _, err := proof.Consistency(t.Context(), tree, m, n); !errors.Is(err, proof.ErrRange) {
			t.Errorf("size %d: %v", n, err)
		}
	}
}
