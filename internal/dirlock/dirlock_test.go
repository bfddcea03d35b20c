package dirlock_test

import (
	"errors"
	"testing"

	"github.com/cartulary/cartulary/internal/dirlock"
)

func TestOneOwnerAtATime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/made"
	first, err := dirlock.Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dirlock.Acquire(dir); !errors.Is(err, dirlock.ErrHeld) {
		t.Fatalf("second owner: %v, want ErrHeld", err)
	}
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	second, err := dirlock.Acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Release(); err != nil {
		t.Fatal(err)
	}
}
