package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"sync/atomic"
)

// content is a file's bytes: they lie in memory once, and still no two files are equal.
type content struct {
	random []byte
	series *atomic.Uint64
}

// newContent draws size bytes, eight at least.
func newContent(size int) content {
	c := content{random: make([]byte, size), series: new(atomic.Uint64)}
	_, _ = rand.NewChaCha8([32]byte{}).Read(c.random) // never fails
	c.series.Store(rand.Uint64())                     //nolint:gosec // no secret
	return c
}

// next returns another file, in two pieces.
func (c content) next() [][]byte {
	return [][]byte{binary.BigEndian.AppendUint64(nil, c.series.Add(1)), c.random[8:]}
}

func (c content) size() int { return len(c.random) }

// sum returns the SHA-256 of a file, in hexadecimal.
func sum(file [][]byte) string {
	h := sha256.New()
	for _, piece := range file {
		h.Write(piece)
	}
	return hex.EncodeToString(h.Sum(nil))
}

const formBoundary = "----cartulary-benchmark"

// asForm returns a form with a file, and its media type.
func asForm(field, name string, file [][]byte) (body [][]byte, mediaType string) {
	head := "--" + formBoundary + "\r\nContent-Disposition: form-data; name=\"" + field + "\"; filename=\"" + name +
		"\"\r\nContent-Type: application/octet-stream\r\n\r\n"
	body = append([][]byte{[]byte(head)}, file...)
	return append(body, []byte("\r\n--"+formBoundary+"--\r\n")), "multipart/form-data; boundary=" + formBoundary
}

// slice returns the bytes of a file from one offset to another.
func slice(file [][]byte, from, to int) [][]byte {
	var out [][]byte
	for _, piece := range file {
		low, high := min(max(from, 0), len(piece)), min(max(to, 0), len(piece))
		if low < high {
			out = append(out, piece[low:high])
		}
		from, to = from-len(piece), to-len(piece)
	}
	return out
}

// equal reports whether a file is these bytes.
func equal(file [][]byte, data []byte) bool { return bytes.Equal(bytes.Join(file, nil), data) }
