package s3_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/iotest"
	"time"

	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/internal/s3test"
)

const (
	key   = "tenants/t/incoming/o"
	part  = 8 << 20
	limit = 100 << 20
)

// noise is a body of n bytes that can be made again.
func noise(n int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{1}), n)
}

func digestOf(t *testing.T, r io.Reader) command.Digest {
	t.Helper()
	m, s := md5.New(), sha256.New()
	n, err := io.Copy(io.MultiWriter(m, s), r)
	if err != nil {
		t.Fatal(err)
	}
	return command.Digest{MD5: hex.EncodeToString(m.Sum(nil)), SHA256: hex.EncodeToString(s.Sum(nil)), Size: n}
}

func TestPutVerifiedRefusesWhatIsNotWhatItShouldBe(t *testing.T) {
	store, _ := setup(t)
	data := []byte("the bytes that were received")
	for name, test := range map[string]struct {
		digest command.Digest
		fails  bool
	}{
		"as received":     {command.DigestOf(data), false},
		"MD5 differs":     {command.Digest{MD5: command.DigestOf(nil).MD5, SHA256: command.DigestOf(data).SHA256}, true},
		"SHA-256 differs": {command.Digest{MD5: command.DigestOf(data).MD5, SHA256: command.DigestOf(nil).SHA256}, true},
		"no digest":       {command.Digest{MD5: "?"}, true},
	} {
		key := key + name
		err := store.PutVerified(t.Context(), key, "text/plain", data, test.digest)
		got, readErr := store.Read(t.Context(), key, 100)
		if stored := readErr == nil && bytes.Equal(got, data); (err != nil) != test.fails || stored == test.fails {
			t.Errorf("%s: %v; then read %q, %v", name, err, got, readErr)
		}
	}
}

func TestPutKeepsEveryByte(t *testing.T) {
	store, _ := setup(t)
	for _, size := range []int64{
		0, 1, 256<<10 - 1, 256 << 10, 256<<10 + 1, part - 1, part, part + 1, 2 * part, 2*part + 1, limit,
	} {
		want := digestOf(t, noise(size))
		got, err := store.Put(t.Context(), key, "application/pdf", noise(size), limit)
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		if got != want {
			t.Errorf("%d bytes: Put %+v, want %+v", size, got, want)
		}
		if got, err = store.Verify(t.Context(), key); err != nil || got != want {
			t.Errorf("%d bytes: Verify %+v, %v, want %+v", size, got, err, want)
		}
	}
}

func TestPutReadsInAnyPortions(t *testing.T) {
	store, _ := setup(t)
	const size = part + 12345
	want := digestOf(t, noise(size))
	for name, body := range map[string]io.Reader{
		"halves":        iotest.HalfReader(noise(size)),
		"data with EOF": iotest.DataErrReader(noise(size)),
	} {
		got, err := store.Put(t.Context(), key, "text/plain", body, limit)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, want)
		}
	}
}

func TestPutThatFailsLeavesNothing(t *testing.T) {
	store, _ := setup(t)
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		body  io.Reader
		limit int64
		want  error
	}{
		"a byte too many, one request":   {noise(1001), 1000, s3.ErrTooLarge},
		"a byte too many, small buffer":  {noise(256<<10 + 1), 256 << 10, s3.ErrTooLarge},
		"a byte too many, one part":      {noise(part + 1), part, s3.ErrTooLarge},
		"a byte too many, parts":         {noise(limit + 1), limit, s3.ErrTooLarge},
		"an empty limit":                 {noise(1), 0, s3.ErrTooLarge},
		"cut off at once":                {iotest.ErrReader(io.ErrUnexpectedEOF), limit, io.ErrUnexpectedEOF},
		"cut off in the first part":      {cut(noise(5000), io.ErrUnexpectedEOF), limit, io.ErrUnexpectedEOF},
		"cut off after the small buffer": {cut(noise(1<<20), io.ErrUnexpectedEOF), limit, io.ErrUnexpectedEOF},
		"cut off in a later part":        {cut(noise(3*part+5), io.ErrUnexpectedEOF), limit, io.ErrUnexpectedEOF},
		"cut off between parts":          {cut(noise(2*part), broken), limit, broken},
	} {
		_, err := store.Put(t.Context(), key, "text/plain", test.body, test.limit)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		nothingLeft(t, store, name)
	}
}

func TestPutEndsWithItsContext(t *testing.T) {
	store, _ := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	body := io.MultiReader(noise(2*part), onRead(cancel), noise(2*part))
	if _, err := store.Put(ctx, key, "text/plain", body, limit); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want Canceled", err)
	}
	nothingLeft(t, store, "cancelled")
}

func TestAnUploadThatSomebodyElseAbortsSaysSo(t *testing.T) {
	store, _ := setup(t)
	abort := onRead(func() {
		if n, err := store.AbortStale(t.Context(), "tenants/", time.Now().Add(time.Hour)); err != nil || n != 1 {
			t.Errorf("aborted %d, %v", n, err)
		}
	})
	for name, body := range map[string]io.Reader{
		"between parts": io.MultiReader(noise(2*part), abort, noise(2*part)),
		"at its end":    io.MultiReader(noise(2*part), abort),
	} {
		if _, err := store.Put(t.Context(), key, "text/plain", body, limit); !errors.Is(err, s3.ErrAborted) {
			t.Errorf("%s: %v, want ErrAborted", name, err)
		}
		nothingLeft(t, store, name)
	}
}

func TestPutFailsWhenTheStoreGoesAway(t *testing.T) {
	store, server := setup(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	body := io.MultiReader(noise(2*part), onRead(server.Kill), noise(2*part))
	if _, err := store.Put(ctx, key, "text/plain", body, limit); err == nil {
		t.Fatal("stored where there is no store")
	}
	server.Restart(t)
	if _, err := store.Head(t.Context(), key); !errors.Is(err, s3.ErrNotFound) {
		t.Errorf("after the restart: %v, want ErrNotFound", err)
	}
	aborted, err := store.AbortStale(t.Context(), "tenants/", time.Now().Add(time.Hour))
	if err != nil || aborted != 1 {
		t.Errorf("aborted %d, %v, want the 1 upload that the store's death left", aborted, err)
	}
	nothingLeft(t, store, "swept")
	if _, err := store.Put(t.Context(), key, "text/plain", noise(2*part), limit); err != nil {
		t.Errorf("after the restart: %v", err)
	}
}

func TestPutHoldsTwoPartsAtMost(t *testing.T) {
	store, _ := setup(t)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	if _, err := store.Put(t.Context(), key, "text/plain", noise(limit), limit); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	// Allocated, not held: whatever was ever needed counts.
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 3*part {
		t.Errorf("allocated %d bytes for 100 MiB, want less than three parts", allocated)
	}
}

func nothingLeft(t *testing.T, store *s3.Store, name string) {
	t.Helper()
	err := store.List(t.Context(), "", func(o s3.Object) error {
		t.Errorf("%s: object %s is left", name, o.Key)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	aborted, err := store.AbortStale(t.Context(), "", time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if aborted != 0 {
		t.Errorf("%s: %d uploads are left", name, aborted)
	}
}

// cut returns a reader that fails where r ends.
func cut(r io.Reader, err error) io.Reader { return io.MultiReader(r, iotest.ErrReader(err)) }

// onRead returns an empty reader that calls f.
func onRead(f func()) io.Reader {
	return readerFunc(func([]byte) (int, error) { f(); return 0, io.EOF })
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestStoreKeepsObjectsOverAKill(t *testing.T) {
	store, server := setup(t)
	want, err := store.Put(t.Context(), key, "image/png", bytes.NewReader([]byte("kept")), limit)
	if err != nil {
		t.Fatal(err)
	}
	server.Kill()
	server.Restart(t)
	if got, err := store.Verify(t.Context(), key); err != nil || got != want {
		t.Errorf("after a kill: %+v, %v, want %+v", got, err, want)
	}
	link, err := store.PresignGet(t.Context(), key, "a.png", "image/png", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if response, _ := s3test.Get(t, link); response.Header.Get("Content-Type") != "image/png" { //nolint:bodyclose // closed by Get
		t.Errorf("content type %q", response.Header.Get("Content-Type"))
	}
}
