package s3_test

import (
	"errors"
	"testing"

	"github.com/cartulary/cartulary/adapters/s3"
)

func TestPutOnceNeverReplaces(t *testing.T) {
	t.Parallel()
	store, _ := setup(t)
	const key = "audit/once"
	for range 2 { // the same bytes again are fine
		if err := store.PutOnce(t.Context(), key, "text/plain", []byte("first")); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.PutOnce(t.Context(), key, "text/plain", []byte("other")); !errors.Is(err, s3.ErrDiffers) {
		t.Errorf("got %v, want ErrDiffers", err)
	}
	if got, err := store.Read(t.Context(), key, 100); err != nil || string(got) != "first" {
		t.Errorf("read %q, %v", got, err)
	}
	if err := store.Replace(t.Context(), key, "text/plain", []byte("second")); err != nil {
		t.Fatal(err)
	}
	if got, err := store.Read(t.Context(), key, 3); err != nil || string(got) != "sec" {
		t.Errorf("read %q, %v", got, err)
	}
	if _, err := store.Read(t.Context(), "audit/none", 3); !errors.Is(err, s3.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}
