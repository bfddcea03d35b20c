package roles

import (
	"context"
	"fmt"
	"time"

	httpapi "github.com/cartulary/cartulary/adapters/http"
	"github.com/cartulary/cartulary/adapters/ratelimit"
)

// openLimiter returns what counts callers' requests, and how to end it; nil if
// nothing is to be counted.
func (p *Platform) openLimiter() (httpapi.Limiter, func(), error) {
	if p.cfg.HTTP.RatePerHour == 0 {
		return nil, func() {}, nil
	}
	l, err := ratelimit.New(ratelimit.Config{
		Rate:     ratelimit.Rate{Requests: p.cfg.HTTP.RatePerHour, Window: time.Hour},
		RedisURL: p.cfg.RedisURL, Logger: p.logger,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("set up rate limits: %w", err)
	}
	return limiter{l}, func() { _ = l.Close() }, nil
}

// limiter is a limiter as the API sees it.
type limiter struct{ *ratelimit.Limiter }

// Take implements [httpapi.Limiter].
func (l limiter) Take(ctx context.Context, caller string) httpapi.Allowance {
	rate, v := l.Rate(), l.Limiter.Take(ctx, caller)
	return httpapi.Allowance{
		Allowed: v.Allowed, Limit: rate.Requests, Window: rate.Window,
		Remaining: v.Remaining, Reset: v.Reset, RetryAfter: v.RetryAfter,
	}
}
