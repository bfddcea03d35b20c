package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	defaultCallers  = 100_000
	defaultPatience = 20 * time.Millisecond
)

// Config is what a limiter counts, and where.
type Config struct {
	Rate   Rate
	Logger *slog.Logger

	RedisURL string        // redis:// or rediss://; the process counts alone if empty
	Patience time.Duration // with Redis, for one request; 20 ms if zero
	Callers  int           // how many are remembered; 100,000 (some 20 MB) if zero
}

// Limiter counts requests. Its methods may be called concurrently.
type Limiter struct {
	rate   Rate
	shared *shared // nil if the process counts alone

	mu       sync.Mutex
	accounts *simplelru.LRU[string, *account]
}

// New returns a limiter, which needs no Redis to be there yet. Close it after use.
func New(cfg Config) (*Limiter, error) {
	if cfg.Rate.Requests < 1 || cfg.Rate.cost() <= 0 {
		return nil, errors.New("rate limit: at least one request, and a nanosecond for each")
	}
	if cfg.Callers == 0 {
		cfg.Callers = defaultCallers
	}
	if cfg.Patience == 0 {
		cfg.Patience = defaultPatience
	}
	accounts, err := simplelru.NewLRU[string, *account](cfg.Callers, nil)
	if err != nil {
		return nil, fmt.Errorf("rate limit: %w", err)
	}
	l := &Limiter{rate: cfg.Rate, accounts: accounts}
	if cfg.RedisURL != "" {
		if l.shared, err = openShared(cfg); err != nil {
			return nil, fmt.Errorf("rate limit: %w", err)
		}
	}
	return l, nil
}

// Close ends the connections to Redis.
func (l *Limiter) Close() error {
	if l.shared == nil {
		return nil
	}
	return l.shared.close()
}

// Rate returns the allowance.
func (l *Limiter) Rate() Rate { return l.rate }

// Take counts one request of a caller. It never fails: without Redis the process
// decides by what it knows.
func (l *Limiter) Take(ctx context.Context, caller string) Verdict {
	now := time.Now()
	verdict, known, want, decided := l.takeKnown(caller, now)
	if decided {
		return verdict
	}
	granted, debt, ok := l.shared.take(ctx, caller, want, known)
	if !ok {
		return l.takeAlone(caller, now)
	}
	return l.learn(caller, now, granted, debt)
}

// takeKnown decides what needs no question: requests that are held, and callers
// who have spent everything. Else it returns what to ask for.
func (l *Limiter) takeKnown(caller string, now time.Time) (v Verdict, debt time.Duration, want int, decided bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.account(caller)
	debt = a.debt(now)
	switch {
	case a.held > 0:
		a.held--
		v = l.rate.verdict(true, debt)
		v.Remaining += a.held
		return v, 0, 0, true
	case l.rate.room(debt) == 0:
		return l.rate.verdict(false, debt), 0, 0, true
	case l.shared == nil:
		return a.take(now, l.rate), 0, 0, true
	}
	return Verdict{}, debt, a.want(now, l.rate), false
}

// takeAlone decides without the others.
func (l *Limiter) takeAlone(caller string, now time.Time) Verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.account(caller).take(now, l.rate)
}

// learn keeps what Redis answered to a question that was asked at asked.
func (l *Limiter) learn(caller string, asked time.Time, granted int, debt time.Duration) Verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.account(caller)
	if spent := asked.Add(debt); spent.After(a.spent) {
		a.spent = spent
	}
	if granted == 0 {
		return l.rate.verdict(false, max(debt, l.rate.Window-l.rate.cost()+1))
	}
	a.asked, a.atOnce = asked, granted
	a.held += granted - 1
	v := l.rate.verdict(true, debt)
	v.Remaining += a.held
	return v
}

// account returns what is known of a caller; the one who was not seen for longest
// is forgotten.
func (l *Limiter) account(caller string) *account {
	a, ok := l.accounts.Get(caller)
	if !ok {
		a = &account{}
		l.accounts.Add(caller, a)
	}
	return a
}
