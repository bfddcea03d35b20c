package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	keyPrefix = "cartulary:rate:"
	minRest   = 200 * time.Millisecond // after a failure, doubled up to maxRest
	maxRest   = 5 * time.Second
)

// takeScript takes up to ARGV[3] requests of the allowance at KEYS[1], by Redis's
// own clock. ARGV: the window in µs, requests in it, how many to take, and the debt
// in µs that the process knows of. It returns how many were taken and the debt after
// that, in µs. The key goes when the debt is paid.
const takeScript = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local window, requests, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local cost = window / requests
local spent = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now + tonumber(ARGV[4]))
local granted = math.max(0, math.min(want, math.floor((now + window - spent) / cost + 0.000001)))
if granted > 0 then
  spent = spent + granted * cost
  redis.call('SET', KEYS[1], string.format('%.3f', spent), 'PX', math.ceil((spent - now) / 1000))
end
return {granted, math.floor(spent - now)}
`

// shared counts in Redis, with all other processes. After a failure Redis is left
// alone for a while; then one request tries.
type shared struct {
	client   *redis.Client
	script   *redis.Script
	rate     Rate
	patience time.Duration
	logger   *slog.Logger

	mu       sync.Mutex
	failures int // in a row
	restTill time.Time
}

func openShared(cfg Config) (*shared, error) {
	options, err := redis.ParseURL(cfg.RedisURL)
	if err != nil {
		return nil, errors.New("malformed Redis URL") // which may hold a password
	}
	options.ContextTimeoutEnabled = true
	options.MaxRetries, options.DialerRetries = -1, 1
	options.DialTimeout, options.PoolTimeout = 2*time.Second, cfg.Patience
	options.PoolSize = 16
	options.DisableIdentity = true
	return &shared{
		client: redis.NewClient(options), script: redis.NewScript(takeScript),
		rate: cfg.Rate, patience: cfg.Patience, logger: cfg.Logger,
	}, nil
}

func (s *shared) close() error { return s.client.Close() }

// take takes up to want requests and returns how many it got, and the debt then.
// It reports false if Redis did not answer in time or rests.
func (s *shared) take(ctx context.Context, caller string, want int, known time.Duration) (int, time.Duration, bool) {
	may, trial := s.mayAsk()
	if !may {
		return 0, 0, false
	}
	// That a client leaves says nothing about Redis.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.patience)
	defer cancel()
	answer, err := s.script.Run(ctx, s.client, []string{keyPrefix + caller},
		s.rate.Window.Microseconds(), s.rate.Requests, want, known.Microseconds()).Int64Slice()
	if err == nil && len(answer) != 2 {
		err = fmt.Errorf("the script answered %d numbers", len(answer))
	}
	s.note(ctx, err, trial)
	if err != nil {
		return 0, 0, false
	}
	return int(answer[0]), time.Duration(answer[1]) * time.Microsecond, true
}

// mayAsk reports whether Redis may be asked. When its rest is over, whoever asks
// first tries, and the others go on without until that is answered.
func (s *shared) mayAsk() (may, trial bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failures == 0 {
		return true, false
	}
	now := time.Now()
	if now.Before(s.restTill) {
		return false, false
	}
	s.restTill = now.Add(s.rest())
	return true, true
}

func (s *shared) rest() time.Duration {
	d := minRest
	for range s.failures - 1 {
		if d *= 2; d >= maxRest {
			return maxRest
		}
	}
	return d
}

// note remembers how a question went, and logs when that changed.
// Of failures at the same time the first counts.
func (s *shared) note(ctx context.Context, err error, trial bool) {
	s.mu.Lock()
	before := s.failures
	switch {
	case err == nil:
		s.failures = 0
	case before == 0 || trial:
		s.failures++
		s.restTill = time.Now().Add(s.rest())
	}
	s.mu.Unlock()
	switch {
	case err != nil && before == 0:
		s.logger.LogAttrs(ctx, slog.LevelWarn, "rate limits: Redis is away, each process counts alone", slog.Any("error", err))
	case err == nil && before > 0:
		s.logger.LogAttrs(ctx, slog.LevelInfo, "rate limits: processes count together again")
	}
}
