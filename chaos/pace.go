package main

import (
	"context"
	"sync"
	"time"

	"github.com/cartulary/cartulary/chaos/load"
)

// pace ties load and faults together: the operations are divided into as many
// parts as there are faults; fault n happens somewhere in the first half of part
// n, and no operation of part n+1 begins before it. So the faults fall all over the
// load, however fast it is, and there is load after each.
//
// It also measures recoveries: the time from a kill to the first answer, to a
// request sent after the kill, that says that its effect can be read.
type pace struct {
	ops, faults int

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at each change
	acked   int
	fired   int
	killed  time.Time // of the fault that is being recovered from; zero if none
	took    time.Duration
}

func newPace(ops, faults int) *pace {
	return &pace{ops: ops, faults: faults, changed: make(chan struct{})}
}

// begin forgets what was answered before: the load proper begins.
func (p *pace) begin() {
	p.change(func() { p.acked = 0 })
}

// gate returns when operation op may begin.
func (p *pace) gate(ctx context.Context, op int) error {
	return p.wait(ctx, func() bool { return p.fired >= op*p.faults/p.ops })
}

// answered notes an acknowledgement.
func (p *pace) answered(a load.Answer) {
	p.change(func() {
		p.acked++
		if full := a.Status == 200 || a.Status == 201; full && !p.killed.IsZero() && a.Asked.After(p.killed) {
			p.took, p.killed = time.Since(p.killed), time.Time{}
		}
	})
}

// due returns when fault n, counted from 0, should happen; part is how far into
// its part of the operations, from 0 to 1.
func (p *pace) due(ctx context.Context, n int, part float64) error {
	size := float64(p.ops) / float64(p.faults)
	threshold := int(size * (float64(n) + part/2))
	return p.wait(ctx, func() bool { return p.acked >= threshold })
}

// hit notes that a process was killed.
func (p *pace) hit() {
	p.change(func() { p.fired, p.killed = p.fired+1, time.Now() })
}

// recovered returns how long it took after the last hit until a command was
// answered in full, or until there was nothing left to ask.
func (p *pace) recovered(ctx context.Context) (time.Duration, error) {
	err := p.wait(ctx, func() bool { return p.killed.IsZero() || p.acked >= p.ops })
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.killed.IsZero() {
		return time.Since(p.killed), err
	}
	return p.took, err
}

func (p *pace) change(apply func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	apply()
	close(p.changed)
	p.changed = make(chan struct{})
}

// wait returns when condition, which is evaluated under the lock, holds.
func (p *pace) wait(ctx context.Context, condition func() bool) error {
	for {
		p.mu.Lock()
		holds, changed := condition(), p.changed
		p.mu.Unlock()
		if holds {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
