package tenantdb

import "container/list"

// maxProgress is how many targets' progress is remembered.
const maxProgress = 10_000

// progress remembers how far targets are, at least. It forgets the one that
// nobody asked for or heard of for longest.
type progress struct {
	byTarget map[target]*list.Element
	recent   *list.List // of reach, most recent in front
}

type reach struct {
	target target
	seq    int64
}

func newProgress() progress {
	return progress{byTarget: make(map[target]*list.Element), recent: list.New()}
}

// of returns how far a target is known to be; 0 if nothing is known.
func (p *progress) of(t target) int64 {
	e, ok := p.byTarget[t]
	if !ok {
		return 0
	}
	p.recent.MoveToFront(e)
	r, _ := e.Value.(reach)
	return r.seq
}

// learn notes that a target is at seq, or further.
func (p *progress) learn(t target, seq int64) {
	if e, ok := p.byTarget[t]; ok {
		p.recent.MoveToFront(e)
		if r, _ := e.Value.(reach); r.seq < seq {
			e.Value = reach{t, seq}
		}
		return
	}
	p.byTarget[t] = p.recent.PushFront(reach{t, seq})
	if p.recent.Len() > maxProgress {
		r, _ := p.recent.Remove(p.recent.Back()).(reach)
		delete(p.byTarget, r.target)
	}
}
