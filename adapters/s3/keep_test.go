package s3_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/internal/s3test"
)

func TestNobodyRemovesWhatIsKept(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	cfg := config(server)
	cfg.Bucket, cfg.CreateBucket, cfg.KeepFor = "locked", true, 24*time.Hour
	store, err := s3.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	const key = "audit/kept"
	for range 2 { // the same bytes again are fine
		if err := store.Keep(t.Context(), key, "text/plain", []byte("first")); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Keep(t.Context(), key, "text/plain", []byte("other")); !errors.Is(err, s3.ErrDiffers) {
		t.Errorf("got %v, want ErrDiffers", err)
	}
	if err := store.Replace(t.Context(), key, "text/plain", []byte("other")); err == nil {
		t.Error("it was replaced")
	}
	if err := store.Delete(t.Context(), key); err == nil {
		t.Error("it was removed")
	}
	if got, err := store.Read(t.Context(), key, 100); err != nil || string(got) != "first" {
		t.Errorf("read %q, %v", got, err)
	}
	// Nothing else is locked.
	for _, put := range []func() error{
		func() error { return store.PutOnce(t.Context(), "other", "text/plain", []byte("x")) },
		func() error { return store.Replace(t.Context(), "other", "text/plain", []byte("y")) },
		func() error { return store.Delete(t.Context(), "other") },
	} {
		if err := put(); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatCannotBeKeptIsNotPromised(t *testing.T) {
	t.Parallel()
	cfg := config(s3test.Start(t))
	cfg.KeepFor = time.Hour
	if _, err := s3.New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "can't be locked") {
		t.Errorf("a bucket without object lock: got %v", err)
	}
}
