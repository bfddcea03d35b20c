package roles

import (
	"context"
	"log/slog"
	"time"

	"github.com/cartulary/cartulary/adapters/postgres"
)

const (
	sweepEvery = 10 * time.Minute

	// sessionsKept is how long sessions are kept beyond their end.
	sessionsKept = 24 * time.Hour

	// strangersKept is how long it can be read where attempts came from to sign in with
	// an address that no account has.
	strangersKept = 90 * 24 * time.Hour
)

// sweepIdentity forgets, now and then until ctx ends, sessions that have expired,
// attempts to sign in that count no more, and where strangers came from long ago. Several
// processes may do so at once.
func (p *Platform) sweepIdentity(ctx context.Context) {
	sessions, attempts := postgres.NewSessions(p.main), postgres.NewAttempts(p.main)
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		expired, err := sessions.Sweep(ctx, time.Now().Add(-sessionsKept))
		var settled, days int64
		if err == nil {
			settled, err = attempts.Sweep(ctx)
		}
		if err == nil {
			days, err = p.keys.SweepStrangers(ctx, time.Now().Add(-strangersKept))
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			p.logger.LogAttrs(ctx, slog.LevelWarn, "sessions, attempts and strangers not swept, will be tried again", slog.Any("error", err))
		case expired+settled+days > 0:
			p.logger.LogAttrs(ctx, slog.LevelInfo, "swept", slog.Int64("sessions", expired), slog.Int64("attempts", settled),
				slog.Int64("days_of_strangers", days))
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
