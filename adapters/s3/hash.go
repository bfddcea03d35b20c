package s3

import (
	"crypto/md5" //nolint:gosec // the requirements' dedup key; SHA-256 stands beside it
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"sync"

	"github.com/cartulary/cartulary/command"
)

// hashes runs MD5 and SHA-256 beside each other.
type hashes struct {
	md5, sha256 hash.Hash
	size        int64
}

func newHashes() *hashes { return &hashes{md5: md5.New(), sha256: sha256.New()} } //nolint:gosec // as above

// start begins to hash data; the function it returns waits for that. Data must
// not change before, nor may start be called again.
func (h *hashes) start(data []byte) (wait func()) {
	h.size += int64(len(data))
	const worthwhile = 16 << 10 // bytes from which on a second goroutine pays
	if len(data) < worthwhile {
		h.md5.Write(data)
		h.sha256.Write(data)
		return func() {}
	}
	var running sync.WaitGroup
	running.Go(func() { h.md5.Write(data) })
	running.Go(func() { h.sha256.Write(data) })
	return running.Wait
}

func (h *hashes) digest() command.Digest {
	return command.Digest{
		MD5:    hex.EncodeToString(h.md5.Sum(nil)),
		SHA256: hex.EncodeToString(h.sha256.Sum(nil)),
		Size:   h.size,
	}
}

// hash reads r to its end, one buffer being filled while the other is hashed.
func (s *Store) hash(r io.Reader) (command.Digest, error) {
	next, busy := s.getSmall(), s.getSmall()
	defer func() { s.small.Put(next); s.small.Put(busy) }()
	h, wait := newHashes(), func() {}
	for {
		n, err := fill(r, *next)
		wait()
		if err != nil && !errors.Is(err, io.EOF) {
			return command.Digest{}, err
		}
		wait = h.start((*next)[:n])
		if err != nil {
			wait()
			return h.digest(), nil
		}
		next, busy = busy, next
	}
}
