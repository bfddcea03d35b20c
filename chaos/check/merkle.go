package check

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// CheckpointPrefix is what keys of signed checkpoints in the store begin with.
const CheckpointPrefix = "audit/"

// subtree is a perfect subtree of an RFC 6962 tree.
type subtree struct {
	hash [sha256.Size]byte
	size uint64
}

// merkle checks I8: heads hold the compact range of the RFC 6962 tree over the
// bodies, its hashes from the largest subtree to the smallest, and each signed
// checkpoint in the store tells the root of the ledger's first events.
func (f *findings) merkle(s Snapshot) {
	ranges := map[uuid.UUID][]subtree{}
	places := map[string][]string{} // where a checkpoint may lie, by what it signs
	for _, e := range s.Events {
		trees := append(ranges[e.Ledger], subtree{sha256.Sum256(append([]byte{0}, e.Body...)), 1})
		for n := len(trees); n > 1 && trees[n-1].size == trees[n-2].size; n = len(trees) {
			trees = append(trees[:n-2], subtree{node(trees[n-2].hash, trees[n-1].hash), 2 * trees[n-1].size})
		}
		ranges[e.Ledger] = trees
		places[checkpoint(e.Ledger, e.Seq, trees)] = []string{
			fmt.Sprintf("%s%s/checkpoints/%d", CheckpointPrefix, e.Ledger, e.Seq), CheckpointPrefix + "latest/" + e.Ledger.String(),
		}
	}
	for ledger, head := range s.Heads {
		var want []byte
		for _, tree := range ranges[ledger] {
			want = append(want, tree.hash[:]...)
		}
		if string(want) != string(head.Range) {
			f.add("I8", Wrong, "ledger %s: the head's Merkle range is not that of its %d events (%d hashes where %d should be)",
				ledger, head.Seq, len(head.Range)/sha256.Size, len(ranges[ledger]))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.Checkpoints)) {
		signed, _, _ := strings.Cut(s.Checkpoints[key], "\n\n— ")
		if !slices.Contains(places[signed], key) {
			f.add("I8", Wrong, "checkpoint %s is not of the ledger's events: %.120q", key, s.Checkpoints[key])
		}
	}
}

// checkpoint returns what the signatures of a C2SP checkpoint are of, without the
// last line break.
func checkpoint(ledger uuid.UUID, size int64, trees []subtree) string {
	root := trees[len(trees)-1].hash
	for _, tree := range slices.Backward(trees[:len(trees)-1]) {
		root = node(tree.hash, root)
	}
	return fmt.Sprintf("cartulary/%s\n%d\n%s", ledger, size, base64.StdEncoding.EncodeToString(root[:]))
}

func node(left, right [sha256.Size]byte) [sha256.Size]byte {
	return sha256.Sum256(slices.Concat([]byte{1}, left[:], right[:]))
}
