package refusals

import (
	"context"
	"log/slog"
	"time"
)

// turnEvery is how often windows are looked through.
const turnEvery = time.Second

// Run records what is noted until ctx ends, and then what is left.
func (r *Recorder) Run(ctx context.Context) {
	ticker := time.NewTicker(min(turnEvery, r.cfg.Window))
	defer ticker.Stop()
	for {
		select {
		case what := <-r.queue:
			r.record(ctx, what)
		case <-ticker.C:
			r.tell(ctx, r.turn(time.Now()))
		case <-ctx.Done():
			r.finish(ctx)
			return
		}
	}
}

// finish records what is left, as far as there is time.
func (r *Recorder) finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.cfg.Timeout)
	defer cancel()
	for {
		r.drain(ctx)
		r.mu.Lock()
		left := false
		for _, w := range r.windows {
			w.ends = time.Time{}
			left = left || w.more > 0
		}
		r.mu.Unlock()
		if !left || ctx.Err() != nil {
			r.tell(ctx, r.turn(time.Now()))
			return
		}
		r.tell(ctx, r.turn(time.Now()))
	}
}

// drain records what is queued.
func (r *Recorder) drain(ctx context.Context) {
	for {
		select {
		case what := <-r.queue:
			r.record(ctx, what)
		default:
			return
		}
	}
}

func (r *Recorder) record(ctx context.Context, what refusal) {
	// What was begun is finished, also when ctx ends meanwhile.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.cfg.Timeout)
	defer cancel()
	exists, err := r.cfg.Exists(ctx, what.what.TenantID)
	if err == nil && !exists {
		return
	}
	if err == nil {
		_, err = r.cfg.Record(ctx, what.meta, what.what)
	}
	if err != nil {
		r.cfg.Logger.LogAttrs(ctx, slog.LevelError, "refusal not recorded",
			slog.String("tenant_id", what.what.TenantID.String()), slog.String("user_id", what.meta.Actor.String()),
			slog.String("route", what.what.Route), slog.Int("status", what.what.Status), slog.Int("count", what.what.Count),
			slog.String("request_id", what.meta.RequestID), slog.Any("error", err))
	}
}

// tell logs how many refusals did not fit.
func (r *Recorder) tell(ctx context.Context, lost int) {
	if lost > 0 {
		r.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "too many refusals at once: some are not in the trail", slog.Int("lost", lost))
	}
}
