package identity

import (
	"context"
	"sync"
	"time"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

const (
	// attemptsAtOnce is how many attempts on an account, and how many of a client,
	// a process makes at once; others wait for their turn.
	attemptsAtOnce = 4

	// busyWait bounds how long an attempt waits for those of other processes.
	busyWait = 5 * time.Second

	// settleTimeout bounds how long it takes to note how an attempt ended, which is
	// done although whoever made it has left.
	settleTimeout = 5 * time.Second
)

// proof is what an attempt came to.
type proof struct {
	account Account
	hash    string              // that the password fits
	failure events.LoginFailure // empty if nothing was wrong
}

// guarded makes an attempt, if there were not too many failures before, and records
// its failure: [*ThrottledError], [ErrCredentials].
func (s *Service) guarded(
	ctx context.Context, meta command.Meta, a Attempt, email string, verify func(context.Context) (proof, error),
) (proof, error) {
	leave, err := s.gate.enter(ctx, a.Account, a.Client)
	if err != nil {
		return proof{}, err
	}
	defer leave()
	admission, err := s.begin(ctx, a)
	if err != nil {
		return proof{}, err
	}
	if !admission.Admitted {
		return proof{}, s.refuse(ctx, meta, admission, email)
	}
	p, err := verify(ctx)
	outcome := Proven
	switch {
	case err != nil:
		outcome = Abandoned
	case p.failure != "":
		outcome = Failed
	}
	settling, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	refused, endErr := s.cfg.Attempts.End(settling, a, admission.At, outcome)
	switch {
	case err != nil:
		return proof{}, err // what is pending becomes a failure if it was not ended
	case endErr != nil:
		return proof{}, endErr
	case outcome == Failed:
		if err := s.recordFailure(settling, meta, p, email, refused); err != nil {
			return proof{}, err
		}
		return p, ErrCredentials
	default:
		return p, nil
	}
}

// begin asks for an admission, again as long as that depends on attempts under way.
func (s *Service) begin(ctx context.Context, a Attempt) (Admission, error) {
	deadline := time.Now().Add(busyWait)
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		admission, err := s.cfg.Attempts.Begin(ctx, a)
		if err != nil || !admission.Busy {
			return admission, err
		}
		if time.Now().After(deadline) {
			return Admission{Full: a.Client, RetryAfter: time.Second}, nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return Admission{}, ctx.Err()
		}
	}
}

// refuse counts a refused attempt, and records it if it is the first for a while.
func (s *Service) refuse(ctx context.Context, meta command.Meta, admission Admission, email string) error {
	report, err := s.cfg.Attempts.Refuse(ctx, admission.Full)
	if err != nil {
		return err
	}
	if report > 0 {
		account, _, err := s.credentials(ctx, email)
		if err != nil && !isNotFound(err) {
			return err
		}
		err = s.recordFailure(ctx, meta, proof{account: account, failure: events.LoginThrottled}, email, report)
		if err != nil {
			return err
		}
	}
	return &ThrottledError{RetryAfter: admission.RetryAfter}
}

func (s *Service) recordFailure(ctx context.Context, meta command.Meta, p proof, email string, refused int64) error {
	_, err := s.cfg.App.RecordLoginFailure(ctx, meta, command.RecordLoginFailure{
		UserID: p.account.ID, Email: email, Reason: p.failure, Throttled: refused, Origin: meta.Origin, At: time.Now(),
	})
	return err
}

// gate lets a few through at once, by key.
type gate struct {
	mu    sync.Mutex
	lanes map[AttemptKey]*lane
}

type lane struct {
	places chan struct{}
	users  int // inside or waiting
}

// enter waits for a place in the lane of every key, and returns what gives them
// back. All callers name their keys in the same order of kinds.
func (g *gate) enter(ctx context.Context, keys ...AttemptKey) (leave func(), err error) {
	for i, key := range keys {
		if err := g.enterOne(ctx, key); err != nil {
			g.leave(keys[:i])
			return nil, err
		}
	}
	return func() { g.leave(keys) }, nil
}

func (g *gate) enterOne(ctx context.Context, key AttemptKey) error {
	g.mu.Lock()
	if g.lanes == nil {
		g.lanes = make(map[AttemptKey]*lane)
	}
	l, ok := g.lanes[key]
	if !ok {
		l = &lane{places: make(chan struct{}, attemptsAtOnce)}
		g.lanes[key] = l
	}
	l.users++
	g.mu.Unlock()
	select {
	case l.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		g.forget(key, l)
		return ctx.Err()
	}
}

func (g *gate) leave(keys []AttemptKey) {
	for _, key := range keys {
		g.mu.Lock()
		l := g.lanes[key]
		g.mu.Unlock()
		<-l.places
		g.forget(key, l)
	}
}

func (g *gate) forget(key AttemptKey, l *lane) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(g.lanes, key)
	}
}
