// Package ttlcache remembers what was looked up for a short while.
//
// A value is never older than the cache's lifetime, counted from the moment its
// look-up began. At most one look-up of a key runs at a time; who asks meanwhile
// waits for it. Failures are not remembered. The number of keys is bounded.
package ttlcache

import (
	"context"
	"sync"
	"time"
)

// loadTimeout bounds a look-up, which goes on when the caller who began it leaves,
// because others may wait for it.
const loadTimeout = 2 * time.Second

// Cache remembers values by key.
type Cache[K comparable, V any] struct {
	lifetime time.Duration
	limit    int

	mu      sync.Mutex
	entries map[K]*entry[V]
}

type entry[V any] struct {
	expires time.Time
	done    chan struct{} // closed once value and err stand
	loading bool
	value   V
	err     error
}

// New returns a cache whose values live so long, of at most limit keys.
func New[K comparable, V any](lifetime time.Duration, limit int) *Cache[K, V] {
	return &Cache[K, V]{lifetime: lifetime, limit: limit, entries: make(map[K]*entry[V])}
}

// Get returns the value of key, which load looks up if it is not known.
func (c *Cache[K, V]) Get(ctx context.Context, key K, load func(context.Context) (V, error)) (V, error) {
	now := time.Now()
	c.mu.Lock()
	e, known := c.entries[key]
	if known && (e.loading || now.Before(e.expires)) {
		c.mu.Unlock()
		select {
		case <-e.done:
			return e.value, e.err
		case <-ctx.Done():
			var none V
			return none, ctx.Err()
		}
	}
	e = &entry[V]{expires: now.Add(c.lifetime), done: make(chan struct{}), loading: true}
	c.makeRoom(now)
	c.entries[key] = e
	c.mu.Unlock()
	c.fill(ctx, key, e, load)
	return e.value, e.err
}

func (c *Cache[K, V]) fill(ctx context.Context, key K, e *entry[V], load func(context.Context) (V, error)) {
	loaded := false
	defer func() {
		c.mu.Lock()
		e.loading = false
		if (!loaded || e.err != nil) && c.entries[key] == e {
			delete(c.entries, key)
		}
		c.mu.Unlock()
		if !loaded { // load panicked: nobody may take the zero value for an answer
			e.err = context.Canceled
		}
		close(e.done)
	}()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
	defer cancel()
	e.value, e.err = load(ctx)
	loaded = true
}

// Forget drops what is known of key; a look-up that is under way is not kept.
func (c *Cache[K, V]) Forget(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, key)
}

// makeRoom drops what has expired, or anything, when the cache is full.
func (c *Cache[K, V]) makeRoom(now time.Time) {
	if len(c.entries) < c.limit {
		return
	}
	for key, e := range c.entries {
		if !e.loading && !now.Before(e.expires) {
			delete(c.entries, key)
		}
	}
	for key := range c.entries {
		if len(c.entries) < c.limit {
			return
		}
		delete(c.entries, key)
	}
}
