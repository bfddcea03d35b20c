package roles_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/redis"
	"github.com/cartulary/cartulary/internal/redistest"
	"github.com/cartulary/cartulary/projections"
	"github.com/cartulary/cartulary/roles"
)

// heard collects what a process hears.
type heard struct {
	appended  chan struct{}
	projected chan projections.Progress
	revoked   chan uuid.UUID
}

func listen(h *roles.Hints) heard {
	l := heard{make(chan struct{}, 1000), make(chan projections.Progress, 1000), make(chan uuid.UUID, 1000)}
	h.OnAppended(func() { l.appended <- struct{}{} })
	h.OnProjected(func(p projections.Progress) { l.projected <- p })
	h.OnRevoked(func(session uuid.UUID) { l.revoked <- session })
	return l
}

// process returns the hints of a process of its own, over a Redis server or none.
func process(t *testing.T, url string) *roles.Hints {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	if url == "" {
		return roles.NewHints(nil, logger)
	}
	bus, err := redis.New(url, logger)
	if err != nil {
		t.Fatal(err)
	}
	h := roles.NewHints(bus, logger)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

var (
	progress = projections.Progress{Database: "tenant_x", Ledger: uuid.UUID{15: 1}, Seq: 7}
	session  = uuid.UUID{15: 2}
)

func tell(ctx context.Context, h *roles.Hints) {
	h.Appended(ctx)
	h.Projected(ctx, progress)
	h.Revoked(ctx, session)
}

func TestHintsReachTheirOwnProcessAtOnce(t *testing.T) {
	t.Parallel()
	h := process(t, "")
	l := listen(h)
	tell(t.Context(), h)
	if len(l.appended) != 1 || len(l.projected) != 1 || len(l.revoked) != 1 {
		t.Fatalf("heard %d, %d, %d hints", len(l.appended), len(l.projected), len(l.revoked))
	}
	if diff := cmp.Diff(progress, <-l.projected); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
	if got := <-l.revoked; got != session {
		t.Errorf("session %s, want %s", got, session)
	}
}

func TestHintsReachOtherProcesses(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	ours, theirs := process(t, server.URL), process(t, server.URL)
	l := listen(theirs)
	// A subscription takes effect some time after it began: tell until it is heard.
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	var projected, revoked bool
	for !projected || !revoked {
		select {
		case <-t.Context().Done():
			t.Fatal("nothing was heard")
		case <-ticker.C:
			tell(t.Context(), ours)
		case got := <-l.projected:
			projected = true
			if diff := cmp.Diff(progress, got); diff != "" {
				t.Errorf("progress (-want +got):\n%s", diff)
			}
		case got := <-l.revoked:
			revoked = true
			if got != session {
				t.Errorf("session %s, want %s", got, session)
			}
		}
	}
}
