package s3_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/cartulary/cartulary/adapters/s3"
)

const chunks = "tenants/t/resumable/u/"

func appendChunks(t *testing.T, store *s3.Store, offset int64, body io.Reader) (int64, bool) {
	t.Helper()
	stored, free, err := store.AppendChunks(t.Context(), chunks, offset, body, nil)
	if err != nil {
		t.Fatal(err)
	}
	return stored, free
}

func end(t *testing.T, store *s3.Store) int64 {
	t.Helper()
	bounds, ended, err := store.Chunks(t.Context(), chunks)
	if err != nil || ended != "" {
		t.Fatalf("%v, %q", err, ended)
	}
	return bounds[len(bounds)-1]
}

func TestChunksKeepEveryByte(t *testing.T) {
	store, _ := setup(t)
	whole, err := io.ReadAll(noise(3*part + 5))
	if err != nil {
		t.Fatal(err)
	}
	at := int64(0)
	for _, size := range []int64{1, 256 << 10, 256<<10 + 1, part, 2*part - 512<<10} {
		if stored, free := appendChunks(t, store, at, bytes.NewReader(whole[at:at+size])); stored != size || !free {
			t.Fatalf("%d of %d stored, %v", stored, size, free)
		}
		if at += size; end(t, store) != at {
			t.Fatalf("stands at %d, not %d", end(t, store), at)
		}
	}
	// What arrives before a body breaks off counts.
	stored, free, err := store.AppendChunks(t.Context(), chunks, at, io.MultiReader(bytes.NewReader(whole[at:at+5]), iotest.ErrReader(io.ErrUnexpectedEOF)), nil)
	if stored != 5 || !free || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%d stored, %v, %v", stored, free, err)
	}
	bounds, _, err := store.Chunks(t.Context(), chunks)
	if err != nil {
		t.Fatal(err)
	}
	r := store.OpenChunks(t.Context(), chunks, bounds)
	got, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, whole[:at+5]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestChunksThatAreRefusedAreNotStored(t *testing.T) {
	store, _ := setup(t)
	planted := errors.New("planted")
	calls := 0
	stored, _, err := store.AppendChunks(t.Context(), chunks, 0, noise(2*part), func([]byte) error {
		if calls++; calls == 2 {
			return planted
		}
		return nil
	})
	if stored != part || !errors.Is(err, planted) || end(t, store) != part {
		t.Errorf("%d stored, %v", stored, err)
	}
}

// Two writers at one offset, with different bytes: one goes on, and the other one, who
// is told, has changed nothing.
func TestChunksOfTwoAtOnce(t *testing.T) {
	store, _ := setup(t)
	at := int64(0)
	for range 10 {
		var won atomic.Int64
		var both sync.WaitGroup
		for _, text := range []string{"one", "other"} {
			both.Go(func() {
				stored, free, err := store.AppendChunks(t.Context(), chunks, at, strings.NewReader(text), nil)
				switch {
				case err != nil:
					t.Error(err)
				case free && !won.CompareAndSwap(0, stored):
					t.Error("both went on")
				case !free && stored != 0:
					t.Errorf("the loser stored %d", stored)
				}
			})
		}
		both.Wait()
		at += won.Load()
		if got := end(t, store); got != at {
			t.Fatalf("stands at %d, not %d", got, at)
		}
	}
	// The same bytes once more are no quarrel: an answer may have been lost.
	appendChunks(t, store, at, strings.NewReader("last"))
	if stored, free := appendChunks(t, store, at, strings.NewReader("last")); stored != 4 || !free {
		t.Errorf("%d stored, %v", stored, free)
	}
}

func TestChunksThatEnded(t *testing.T) {
	store, _ := setup(t)
	appendChunks(t, store, 0, strings.NewReader("bytes"))
	bounds, _, err := store.Chunks(t.Context(), chunks)
	if err != nil {
		t.Fatal(err)
	}
	for _, why := range []string{"done", "gone"} {
		if err := store.EndChunks(t.Context(), chunks, why); err != nil {
			t.Fatal(err)
		}
		if left, ended, err := store.Chunks(t.Context(), chunks); len(left) != 1 || ended != why || err != nil {
			t.Errorf("%v %q %v", left, ended, err)
		}
	}
	if _, err := io.ReadAll(store.OpenChunks(t.Context(), chunks, bounds)); !errors.Is(err, s3.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}
