package tenantdb

// maxKnown bounds what is remembered of targets.
const maxKnown = 200_000

// learn notes how far a target is. The caller holds the mutex.
func (p *Projector) learn(t target, seq int64) {
	if seq <= p.known[t] {
		return
	}
	if len(p.known) >= maxKnown {
		clear(p.known) // it only saves look-ups
	}
	p.known[t] = seq
}

// recall returns where all checkpoints of a target are taken to be. Somebody else
// may have moved them.
func (p *Projector) recall(t target) (seq int64, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	seq, ok = p.even[t]
	return seq, ok
}

// remember notes where all checkpoints of a target are.
func (p *Projector) remember(t target, seq int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.even) >= maxKnown {
		clear(p.even)
	}
	p.even[t] = seq
}

// forget notes that it is not known where the checkpoints of a target are.
func (p *Projector) forget(t target) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.even, t)
}
