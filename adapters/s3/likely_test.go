package s3_test

import (
	"errors"
	"io"
	"net/http"
	"runtime"
	"testing"
	"testing/iotest"
	"time"

	"github.com/cartulary/cartulary/adapters/s3"
)

func TestPutLikelyKeepsEveryByteAndNoMore(t *testing.T) {
	store, _ := setup(t)
	for name, test := range map[string]struct{ size, likely int64 }{
		"as was likely":            {part, part},
		"nobody knows":             {part, -1},
		"too little to guess":      {10, 1000},
		"a byte less":              {part - 1, part},
		"much less":                {10, part},
		"nothing":                  {0, part},
		"a byte more":              {part + 1, part},
		"much more":                {part + 256<<10 - 1, part},
		"a small one, less":        {256 << 10, 300 << 10},
		"a small one, more":        {500 << 10, 300 << 10},
		"more than a part, less":   {part + 1, part + 256<<10},
		"more likely than allowed": {limit - 10, limit + 1},
	} {
		want := digestOf(t, noise(test.size))
		got, err := store.PutLikely(t.Context(), key, "application/pdf", iotest.HalfReader(noise(test.size)), test.likely, limit)
		if err != nil || got != want {
			t.Fatalf("%s: PutLikely %+v, %v, want %+v", name, got, err, want)
		}
		if got, err = store.Verify(t.Context(), key); err != nil || got != want {
			t.Errorf("%s: Verify %+v, %v, want %+v", name, got, err, want)
		}
		if err := store.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		nothingLeft(t, store, name)
	}
}

func TestPutLikelyThatFailsLeavesNothing(t *testing.T) {
	store, _ := setup(t)
	broken := errors.New("broken")
	for name, test := range map[string]struct {
		body   io.Reader
		likely int64
		limit  int64
		want   error
	}{
		"a byte too many": {noise(part + 1), part, part, s3.ErrTooLarge},
		"far too many":    {noise(2 * part), part, limit, s3.ErrTooLarge},
		"cut off":         {cut(noise(part-10), broken), part, limit, broken},
		"cut off at last": {cut(noise(part), broken), part, limit, broken},
		"cut off at once": {iotest.ErrReader(broken), part, limit, broken},
	} {
		if _, err := store.PutLikely(t.Context(), key, "text/plain", test.body, test.likely, test.limit); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		nothingLeft(t, store, name)
	}
}

func TestPutLikelyHoldsLittle(t *testing.T) {
	store, _ := setup(t)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	if _, err := store.PutLikely(t.Context(), key, "text/plain", noise(limit), limit, limit); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 2<<20 {
		t.Errorf("allocated %d bytes for 100 MiB, want less than 2 MiB", allocated)
	}
}

// What is cut keeps its content type.
func TestPutLikelyKeepsTheContentType(t *testing.T) {
	store, _ := setup(t)
	if _, err := store.PutLikely(t.Context(), key, "application/pdf", noise(part-1), part, limit); err != nil {
		t.Fatal(err)
	}
	link, err := store.PresignHead(t.Context(), key, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodHead, link, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if got := response.Header.Get("Content-Type"); got != "application/pdf" {
		t.Errorf("got %q", got)
	}
}
