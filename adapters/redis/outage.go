package redis

import (
	"context"
	"time"
)

// outage counts failures in a row.
type outage struct{ failures int }

// failed notes a failure and tells whether it is the first in a row.
func (o *outage) failed() bool {
	o.failures++
	return o.failures == 1
}

// recovered notes a success and tells whether it ends an outage.
func (o *outage) recovered() bool {
	was := o.failures > 0
	o.failures = 0
	return was
}

// pause returns how long to wait before another try.
func (o *outage) pause() time.Duration {
	d := minPause
	for range o.failures - 1 {
		if d *= 2; d >= maxPause {
			return maxPause
		}
	}
	return d
}

// pause returns false if ctx ended while it waited.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
