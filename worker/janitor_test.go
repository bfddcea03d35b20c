package worker_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/worker"
)

// sickArea is a store that does not list what lies under a prefix.
type sickArea struct {
	staging
	sick string
}

var errSick = errors.New("planted")

func (s sickArea) List(ctx context.Context, prefix string, found func(worker.StagedObject) error) error {
	if prefix == s.sick {
		return errSick
	}
	return s.staging.List(ctx, prefix, found)
}

func TestASickAreaKeepsTheJanitorFromNoOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := uuid.New()
	keys := []string{command.DirectPrefix(b.tenant) + "a", command.DirectPrefix(other) + "b", command.StagingPath(other, uuid.New())}
	for _, key := range keys {
		if _, err := b.store.Put(t.Context(), key, "text/plain", bytes.NewReader(nil), 1); err != nil {
			t.Fatal(err)
		}
	}
	janitor := b.janitor(sickArea{staging{b.store}, command.StagingPrefix(b.tenant)}, b.tenant, other)
	removed, err := janitor.Sweep(t.Context(), time.Now().Add(time.Minute+command.LongestUpload))
	if removed != len(keys) || !errors.Is(err, errSick) || !strings.Contains(err.Error(), b.tenant.String()) || !strings.Contains(err.Error(), "1 tenants failed") {
		t.Errorf("%d removed, %v", removed, err)
	}
}

// Links lead to a staging object until its file leaves it, and while read models show that
// it has not: the grace counts from then, however long ago the bytes came.
func TestWhatLinksLeadToIsNotSwept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	staged := b.upload(t, []byte("bytes"), []byte("bytes"))
	time.Sleep(time.Second) // stores count in seconds
	received := time.Now()
	if err := b.worker.Handle(t.Context(), b.trail(t)); err != nil {
		t.Fatal(err)
	}
	moved := time.Now()
	janitor := b.janitor(staging{b.store}, b.tenant)
	shown := staged.S3Path
	janitor.Shown = func(context.Context, uuid.UUID, uuid.UUID) (string, error) { return shown, nil }
	sweep := func(before time.Time, want int) {
		t.Helper()
		if removed, err := janitor.Sweep(t.Context(), before); err != nil || removed != want {
			t.Errorf("%d removed, %v; want %d", removed, err, want)
		}
	}
	sweep(time.Now(), 0) // read models lag
	shown = b.file(t, staged.Digest).S3Path
	sweep(received, 0)
	sweep(moved, 0) // read models showed it since
	if _, err := b.store.Verify(t.Context(), staged.S3Path); err != nil {
		t.Fatal(err)
	}
	sweep(time.Now(), 1)
	if _, err := b.store.Verify(t.Context(), staged.S3Path); !errors.Is(err, s3.ErrNotFound) {
		t.Errorf("still there: %v", err)
	}
}
