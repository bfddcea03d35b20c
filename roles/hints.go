package roles

import (
	"context"
	"log/slog"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/projections"
)

// Names of hints.
const (
	hintAppended  = "cartulary.appended"  // no payload
	hintProjected = "cartulary.projected" // a projections.Progress
	hintRevoked   = "cartulary.revoked"   // a session's id
	hintErased    = "cartulary.erased"    // a person's id
)

// Remote carries hints between processes, at most once.
type Remote interface {
	// Publish never blocks.
	Publish(ctx context.Context, channel string, payload []byte) error
	// Subscribe calls the handlers until ctx ends.
	Subscribe(ctx context.Context, handlers map[string]func(payload []byte)) error
}

// Hints tells roles what just happened, so that they need not wait for their next
// look. A hint may be lost, or come twice; nothing depends on it but latency.
type Hints struct {
	remote Remote
	logger *slog.Logger

	mu       sync.RWMutex
	handlers map[string][]func(payload []byte)
}

// NewHints returns hints within this process and, through remote, between
// processes. remote may be nil.
func NewHints(remote Remote, logger *slog.Logger) *Hints {
	return &Hints{remote: remote, logger: logger, handlers: make(map[string][]func([]byte))}
}

// Run hands on the hints of other processes until ctx ends.
func (h *Hints) Run(ctx context.Context) error {
	if h.remote == nil {
		<-ctx.Done()
		return nil
	}
	handlers := make(map[string]func([]byte))
	for _, channel := range []string{hintAppended, hintProjected, hintRevoked, hintErased} {
		handlers[channel] = func(payload []byte) { h.deliver(channel, payload) }
	}
	return h.remote.Subscribe(ctx, handlers)
}

// Appended tells that a ledger grew.
func (h *Hints) Appended(ctx context.Context) { h.publish(ctx, hintAppended, nil) }

// OnAppended calls f when a ledger grew.
func (h *Hints) OnAppended(f func()) { h.on(hintAppended, func([]byte) { f() }) }

// Projected tells how far a database's read models are.
func (h *Hints) Projected(ctx context.Context, p projections.Progress) {
	payload, err := json.Marshal(p)
	if err != nil {
		h.logger.LogAttrs(ctx, slog.LevelError, "encode hint", slog.Any("error", err))
		return
	}
	h.publish(ctx, hintProjected, payload)
}

// OnProjected calls f when a database's read models moved on.
func (h *Hints) OnProjected(f func(projections.Progress)) {
	h.on(hintProjected, func(payload []byte) {
		var p projections.Progress
		if json.Unmarshal(payload, &p) == nil {
			f(p)
		}
	})
}

// Revoked tells that a session ended.
func (h *Hints) Revoked(ctx context.Context, session uuid.UUID) {
	h.publish(ctx, hintRevoked, []byte(session.String()))
}

// OnRevoked calls f when a session ended.
func (h *Hints) OnRevoked(f func(session uuid.UUID)) {
	h.on(hintRevoked, func(payload []byte) {
		if id, err := uuid.ParseBytes(payload); err == nil {
			f(id)
		}
	})
}

// Erased tells that a person's key was destroyed.
func (h *Hints) Erased(ctx context.Context, person uuid.UUID) {
	h.publish(ctx, hintErased, []byte(person.String()))
}

// OnErased calls f when a person's key was destroyed.
func (h *Hints) OnErased(f func(person uuid.UUID)) {
	h.on(hintErased, func(payload []byte) {
		if id, err := uuid.ParseBytes(payload); err == nil {
			f(id)
		}
	})
}

func (h *Hints) on(channel string, f func([]byte)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.handlers[channel] = append(h.handlers[channel], f)
}

func (h *Hints) publish(ctx context.Context, channel string, payload []byte) {
	h.deliver(channel, payload)
	if h.remote == nil {
		return
	}
	if err := h.remote.Publish(ctx, channel, payload); err != nil {
		h.logger.LogAttrs(ctx, slog.LevelDebug, "hint not sent", slog.String("channel", channel), slog.Any("error", err))
	}
}

func (h *Hints) deliver(channel string, payload []byte) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, f := range h.handlers[channel] {
		f(payload)
	}
}
