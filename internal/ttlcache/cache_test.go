package ttlcache_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cartulary/cartulary/internal/ttlcache"
)

func counter() (*atomic.Int64, func(context.Context) (int64, error)) {
	var n atomic.Int64
	return &n, func(context.Context) (int64, error) { return n.Add(1), nil }
}

func TestValuesExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ttlcache.New[string, int64](time.Second, 10)
		_, load := counter()
		for _, step := range []struct {
			wait time.Duration
			want int64
		}{{0, 1}, {999 * time.Millisecond, 1}, {time.Millisecond, 2}, {0, 2}} {
			time.Sleep(step.wait)
			if got, err := c.Get(t.Context(), "k", load); got != step.want || err != nil {
				t.Errorf("after %v: got %d, %v; want %d", step.wait, got, err, step.want)
			}
		}
	})
}

func TestAgeCountsFromTheStartOfTheLookUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ttlcache.New[string, int64](time.Second, 10)
		n, load := counter()
		slow := func(ctx context.Context) (int64, error) {
			time.Sleep(900 * time.Millisecond)
			return load(ctx)
		}
		_, _ = c.Get(t.Context(), "k", slow)
		time.Sleep(100 * time.Millisecond)
		if _, _ = c.Get(t.Context(), "k", load); n.Load() != 2 {
			t.Error("a value older than its lifetime was answered")
		}
	})
}

func TestForgetDropsALookUpUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ttlcache.New[string, int64](time.Minute, 10)
		n, load := counter()
		release := make(chan struct{})
		go func() {
			_, _ = c.Get(t.Context(), "k", func(ctx context.Context) (int64, error) {
				<-release
				return load(ctx)
			})
		}()
		synctest.Wait()
		c.Forget("k")
		close(release)
		synctest.Wait()
		if got, _ := c.Get(t.Context(), "k", load); got != 2 || n.Load() != 2 {
			t.Errorf("got %d after %d look-ups", got, n.Load())
		}
	})
}

func TestOneLookUpAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ttlcache.New[string, int64](time.Minute, 10)
		n, load := counter()
		for range 50 {
			go func() {
				if got, err := c.Get(t.Context(), "k", func(ctx context.Context) (int64, error) {
					time.Sleep(time.Second)
					return load(ctx)
				}); got != 1 || err != nil {
					t.Errorf("got %d, %v", got, err)
				}
			}()
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n.Load() != 1 {
			t.Errorf("%d look-ups", n.Load())
		}
	})
}

func TestFailuresAreNotRemembered(t *testing.T) {
	c := ttlcache.New[string, int64](time.Minute, 10)
	failure := errors.New("away")
	if _, err := c.Get(t.Context(), "k", func(context.Context) (int64, error) { return 0, failure }); !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
	_, load := counter()
	if got, err := c.Get(t.Context(), "k", load); got != 1 || err != nil {
		t.Errorf("got %d, %v", got, err)
	}
}

func TestACallerWhoLeavesDoesNotSpoilTheOthers(t *testing.T) {
	c := ttlcache.New[string, int64](time.Minute, 10)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, load := counter()
	got, err := c.Get(ctx, "k", func(ctx context.Context) (int64, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return load(ctx)
	})
	if got != 1 || err != nil {
		t.Errorf("got %d, %v", got, err)
	}
}

func TestTheNumberOfKeysIsBounded(t *testing.T) {
	c := ttlcache.New[int, int64](time.Hour, 4)
	n, load := counter()
	for key := range 100 {
		_, _ = c.Get(t.Context(), key, load)
	}
	before := n.Load()
	for key := range 100 {
		_, _ = c.Get(t.Context(), key, load)
	}
	if kept := 100 - (n.Load() - before); kept > 4 {
		t.Errorf("%d keys were kept", kept)
	}
}
