package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
)

// chunkMedia is the content type of chunks: they are no file until all are there.
const chunkMedia = "application/octet-stream"

// chunkKey is where the chunk lies that begins at an offset. Digits are filled up, so
// that the order of keys is the order of offsets.
func chunkKey(prefix string, offset int64) string { return fmt.Sprintf("%s%015d", prefix, offset) }

// Chunks returns where the chunks under prefix, which hold a file's beginning, begin,
// and where the last one ends: 0 and nothing else if there are none. ended is what
// [Store.EndChunks] was told; the last in the order of texts if several things, and ""
// if nothing.
func (s *Store) Chunks(ctx context.Context, prefix string) (bounds []int64, ended string, err error) {
	bounds = []int64{0}
	err = s.List(ctx, prefix, func(o Object) error {
		name := strings.TrimPrefix(o.Key, prefix)
		offset, err := strconv.ParseInt(name, 10, 64)
		end := bounds[len(bounds)-1]
		switch {
		case err != nil:
			ended = name
		case offset == end && o.Size > 0:
			bounds = append(bounds, end+o.Size)
		}
		return nil
	})
	return bounds, ended, err
}

// AppendChunks stores what body holds as chunks under prefix, from an offset on. Two
// parts are in memory at most. check, unless nil, sees every chunk before it is stored;
// its error ends the whole.
//
// A chunk is stored where none is: of two who append at one offset, in whichever
// processes, one goes on, and the other finds out unless it has the very same bytes.
// That is what free reports. What was stored until then, or until an error, counts.
func (s *Store) AppendChunks(
	ctx context.Context, prefix string, offset int64, body io.Reader, check func(chunk []byte) error,
) (stored int64, free bool, err error) {
	sending, cancel := lingering(ctx) // a client may leave; what it sent counts
	defer cancel()
	w := &chunkWriter{store: s, prefix: prefix, offset: offset}
	err = w.run(sending, body, check)
	stored = w.offset - offset
	if errors.Is(err, ErrDiffers) {
		return stored, false, nil
	}
	return stored, true, err
}

// chunkWriter stores one chunk while the next one is being read.
type chunkWriter struct {
	store  *Store
	prefix string
	offset int64 // up to which all is stored

	sending chan error // nil if nothing is on its way
	sent    int64      // bytes on their way
	failed  bool       // a request's body may still be read by who sends it
}

// put gives a buffer back.
func (w *chunkWriter) put(pool *sync.Pool, buffer *[]byte) {
	if !w.failed {
		pool.Put(buffer)
	}
}

func (w *chunkWriter) run(ctx context.Context, body io.Reader, check func([]byte) error) error {
	small := w.store.getSmall()
	defer func() { w.put(&w.store.small, small) }()
	n, err := fill(body, *small)
	if err != nil {
		return w.last(ctx, (*small)[:n], err, check)
	}
	part, spare := w.store.getLarge(), w.store.getLarge()
	defer func() { _ = w.wait(); w.put(&w.store.large, part); w.put(&w.store.large, spare) }()
	n = copy(*part, *small)
	for {
		m, err := fill(body, (*part)[n:])
		if err != nil {
			return w.last(ctx, (*part)[:n+m], err, check)
		}
		if err := w.send(ctx, *part, check); err != nil {
			return err
		}
		part, spare, n = spare, part, 0
	}
}

// last stores what was read before reading ended as ended says.
func (w *chunkWriter) last(ctx context.Context, data []byte, ended error, check func([]byte) error) error {
	if len(data) > 0 {
		if err := w.send(ctx, data, check); err != nil {
			return err
		}
	}
	if err := w.wait(); err != nil {
		return err
	}
	if !errors.Is(ended, io.EOF) {
		return ended
	}
	return nil
}

// send begins to store a chunk, once the one before is stored.
func (w *chunkWriter) send(ctx context.Context, data []byte, check func([]byte) error) error {
	if err := w.wait(); err != nil {
		return err
	}
	if check != nil {
		if err := check(data); err != nil {
			return err
		}
	}
	done, key := make(chan error, 1), chunkKey(w.prefix, w.offset)
	w.sending, w.sent = done, int64(len(data))
	go func() { done <- w.store.PutOnce(ctx, key, chunkMedia, data) }()
	return nil
}

// wait returns when nothing is on its way any more.
func (w *chunkWriter) wait() error {
	if w.sending == nil {
		return nil
	}
	err := <-w.sending
	w.sending = nil
	if w.failed = err != nil; !w.failed {
		w.offset += w.sent
	}
	return err
}

// EndChunks says, for good, why the chunks under prefix count no more (a text that is no
// number), and removes them. Those that are just being stored may come after.
func (s *Store) EndChunks(ctx context.Context, prefix, why string) error {
	if err := s.Replace(ctx, prefix+why, "text/plain", []byte(why+"\n")); err != nil {
		return err
	}
	return s.List(ctx, prefix, func(o Object) error {
		if _, err := strconv.ParseInt(strings.TrimPrefix(o.Key, prefix), 10, 64); err != nil {
			return nil //nolint:nilerr // no chunk
		}
		return s.Delete(ctx, o.Key)
	})
}

// OpenChunks returns what the chunks with these bounds hold, one after the other. One
// chunk is open at a time; one that is missing, or shorter, fails the reading.
func (s *Store) OpenChunks(ctx context.Context, prefix string, bounds []int64) io.ReadCloser {
	r := &chunkReader{bounds: bounds, open: func(offset int64) (io.ReadCloser, error) {
		return s.Open(ctx, chunkKey(prefix, offset))
	}}
	r.current = io.NopCloser(bytes.NewReader(nil))
	return r
}

type chunkReader struct {
	bounds  []int64 // of what was not opened yet
	open    func(offset int64) (io.ReadCloser, error)
	current io.ReadCloser
	left    int64 // of current
}

// Read implements [io.Reader].
func (r *chunkReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		if len(r.bounds) < 2 {
			return 0, io.EOF
		}
		next, err := r.open(r.bounds[0])
		if err != nil {
			return 0, err
		}
		_ = r.current.Close() // it was read to its end
		r.current, r.left, r.bounds = next, r.bounds[1]-r.bounds[0], r.bounds[1:]
	}
	n, err := r.current.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	switch {
	case errors.Is(err, io.EOF) && r.left > 0:
		return n, io.ErrUnexpectedEOF
	case errors.Is(err, io.EOF):
		return n, nil
	default:
		return n, err
	}
}

// Close implements [io.Closer].
func (r *chunkReader) Close() error { return r.current.Close() }
