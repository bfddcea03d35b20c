package httpapi

import (
	"container/list"
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	// shortWait is how long a request waits for room while the gate keeps up.
	shortWait = 500 * time.Millisecond

	// overloadedAfter is how long others may have waited without a break before a
	// gate is taken to be overloaded. From then on who came last goes first and who
	// is not let in within overloadedWait is sent away: a queue that does not empty
	// only makes all answers late.
	overloadedAfter = 100 * time.Millisecond
	overloadedWait  = 20 * time.Millisecond
)

// party is whom a request counts for: a tenant or a user by its id, or a network.
type party struct {
	id      uuid.UUID
	network string
}

// gate bounds how many requests are under way, and how many wait for that. Of
// those under way, one party (a tenant, a user, a network) has a share at most.
type gate struct {
	limit int // under way, and as many waiting

	mu      sync.Mutex
	running int
	parties map[party]int
	waiting *list.List // of chan struct{}, closed to let in; the oldest in front
	idle    time.Time  // when nobody waited last
}

func newGate(limit int) *gate {
	return &gate{limit: limit, parties: map[party]int{}, waiting: list.New()}
}

// enter returns true once there is room; [gate.leave] must follow. It returns
// false if there is none in time.
func (g *gate) enter(ctx context.Context) bool {
	g.mu.Lock()
	now := time.Now()
	if g.waiting.Len() == 0 {
		g.idle = now
	}
	if g.running < g.limit {
		g.running++
		g.mu.Unlock()
		return true
	}
	if g.waiting.Len() >= g.limit {
		g.mu.Unlock()
		return false
	}
	patience := shortWait
	if g.overloaded(now) {
		patience = overloadedWait
	}
	let := make(chan struct{})
	place := g.waiting.PushBack(let)
	g.mu.Unlock()

	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-let:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return g.giveUp(place, let)
}

// giveUp leaves the queue; it returns true for who was let in at the last moment.
func (g *gate) giveUp(place *list.Element, let <-chan struct{}) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-let:
		return true
	default:
		g.waiting.Remove(place)
		return false
	}
}

func (g *gate) overloaded(now time.Time) bool { return now.Sub(g.idle) > overloadedAfter }

// leave makes room for another.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	next := g.waiting.Front()
	if next == nil {
		g.running--
		return
	}
	if g.overloaded(time.Now()) {
		next = g.waiting.Back()
	}
	let, _ := g.waiting.Remove(next).(chan struct{})
	close(let)
}

// join counts a request that was let in for a party, which may have share of them
// under way; [gate.part] must follow if it returns true.
func (g *gate) join(p party, share int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.parties[p] >= share {
		return false
	}
	g.parties[p]++
	return true
}

func (g *gate) part(p party) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.parties[p]--; g.parties[p] <= 0 {
		delete(g.parties, p)
	}
}

// errOverloaded sends a request away that there is no room for.
func errOverloaded(message string) *problem {
	return &problem{status: http.StatusServiceUnavailable, code: CodeOverloaded, message: message, retryAfter: 1}
}
