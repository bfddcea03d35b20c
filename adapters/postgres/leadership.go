package postgres

import (
	"sync/atomic"
	"time"
)

// How leadership is kept and trusted. The server drops the session of a leader
// that it has not heard of for sessionIdle, so trust must be well below it.
const (
	campaignEvery = time.Second
	proveEvery    = 1500 * time.Millisecond
	proveTimeout  = 3 * time.Second
	trust         = 5 * time.Second
	sessionIdle   = 10 * time.Second
)

// Leadership is what a leader knows of its own leadership.
type Leadership struct {
	proven atomic.Pointer[time.Time] // nil once it is over
}

// Valid reports whether the leadership was proven within the last 5 s, by the
// monotonic clock and by the wall clock (one stands still while a machine
// sleeps). A leader asks before every act that only a leader may do; whatever it
// began while Valid was true must take less than 5 s.
func (l *Leadership) Valid() bool {
	proven := l.proven.Load()
	if proven == nil {
		return false
	}
	now := time.Now()
	return now.Sub(*proven) < trust && now.Round(0).Sub(proven.Round(0)) < trust
}

// prove says that the leadership stood at the given time or later.
func (l *Leadership) prove(at time.Time) { l.proven.Store(&at) }

func (l *Leadership) end() { l.proven.Store(nil) }
