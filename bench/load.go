package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// warmUp is how long a load runs before it counts.
const warmUp = 500 * time.Millisecond

// rate keeps as many operations in flight as there are workers and returns how
// many ended in a second. All operations end before it returns. operate gets the
// worker's number; its first error ends the load.
func rate(ctx context.Context, workers int, d time.Duration, operate func(ctx context.Context, worker int) error) (float64, error) {
	var (
		ended atomic.Int64
		group sync.WaitGroup
	)
	stop := make(chan struct{})
	failed, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	for w := range workers {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-failed.Done():
					return
				default:
				}
				if err := operate(ctx, w); err != nil {
					fail(err)
					return
				}
				ended.Add(1)
			}
		})
	}
	wait(failed, warmUp)
	from, before := time.Now(), ended.Load()
	wait(failed, d)
	n, took := ended.Load()-before, time.Since(from)
	close(stop)
	group.Wait()
	if err := context.Cause(failed); err != nil {
		return 0, err
	}
	return float64(n) / took.Seconds(), nil
}

// wait returns after d, or when ctx has ended.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
