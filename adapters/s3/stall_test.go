package s3_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cartulary/cartulary/adapters/s3"
)

const shortPatience = 300 * time.Millisecond

// slowly is a reader that rests before each read.
type slowly struct{ io.Reader }

func (s slowly) Read(p []byte) (int, error) {
	time.Sleep(2 * shortPatience)
	return s.Reader.Read(p)
}

// Only the store's own time counts: not the one in which a body waits for its sender, nor
// the one in which nobody reads an answer.
func TestTheStoreIsNotBlamedForOthers(t *testing.T) {
	t.Parallel()
	_, server := setup(t)
	cfg := config(server)
	cfg.Patience = shortPatience
	store, err := s3.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte("0123456789abcdef"), 300<<10/16)
	body := io.MultiReader(bytes.NewReader(content[:290<<10]), slowly{bytes.NewReader(content[290<<10:])})
	if _, err := store.PutSized(t.Context(), key, "text/plain", body, int64(len(content))); err != nil {
		t.Fatal(err)
	}
	object, err := store.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * shortPatience)
	if got, err := io.ReadAll(object); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
	if err := object.Close(); err != nil {
		t.Error(err)
	}
}

// A store that stands still is given up, and not asked again: that is a timeout.
func TestAStoreThatStandsStillIsGivenUp(t *testing.T) {
	t.Parallel()
	a := &asked{}
	store := openAsked(t, a, func(c *s3.Config) { c.Patience = shortPatience })
	a.standStill()
	for what, do := range map[string]func() error{
		"an answer that does not come": func() error { return store.Delete(t.Context(), key) },
		"an answer that does not end": func() error {
			_, err := store.Read(t.Context(), key, 100)
			return err
		},
		"an object": func() error { return store.Replace(t.Context(), key, "text/plain", []byte("x")) },
		"a stream": func() error {
			_, err := store.PutSized(t.Context(), key, "text/plain", strings.NewReader(strings.Repeat("x", 300<<10)), 300<<10)
			return err
		},
	} {
		begun := time.Now()
		err := do()
		if e, ok := errors.AsType[net.Error](err); !ok || !e.Timeout() || !strings.Contains(err.Error(), "stands still") {
			t.Errorf("%s: %v", what, err)
		}
		if took := time.Since(begun); took > 10*shortPatience {
			t.Errorf("%s: given up after %s", what, took)
		}
	}
	if n := a.count(); n != 5 { // a stream's object is removed, as it may have arrived
		t.Errorf("%d requests", n)
	}
}
