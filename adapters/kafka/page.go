package kafka

import (
	"context"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// page is a run of outbox rows.
type page struct {
	messages []events.Message
	ids      []int64
	full     bool // near the limit: there may be more
	err      error
}

func (p page) last() int64 { return p.ids[len(p.ids)-1] }

// read returns the outbox's oldest page; it fails only with errStopped. Reading
// from the very beginning is always in order: a row that is visible was written
// after the earlier rows of its ledger were committed, and those come first.
func (r *Relay) read(ctx context.Context) (page, error) {
	for wait := (backoff{}); ; {
		p := r.pending(ctx, 0)
		if p.err == nil {
			r.database.ended(ctx)
			return p, nil
		}
		if ctx.Err() != nil {
			return p, errStopped
		}
		r.database.began(ctx, p.err)
		if !wait.pause(ctx) {
			return p, errStopped
		}
	}
}

func (r *Relay) pending(ctx context.Context, after int64) page {
	messages, ids, err := r.outbox.Pending(ctx, after, r.options.Page)
	return page{messages: messages, ids: ids, full: 2*len(messages) >= r.options.Page, err: err}
}

// follows says whether a page that was read from the middle of the outbox
// continues what was published. Rows get their ids before they are committed, so
// that a row may turn up behind one that was read already, and the next row of
// the same ledger in front: only a page whose ledgers all go on where they
// stopped is safe to send.
func (r *Relay) follows(p page) bool {
	positions := make(map[uuid.UUID]int64)
	for i := range p.messages {
		m := &p.messages[i]
		at, ok := positions[m.Ledger]
		if !ok {
			at, ok = r.positions[m.Ledger]
		}
		if ok && m.Seq != at+1 || !ok && m.Seq != 1 {
			return false
		}
		positions[m.Ledger] = m.Seq
	}
	return true
}

// readAhead is a page being read while another is sent.
type readAhead struct {
	stop   context.CancelFunc
	result chan page
}

func (r *Relay) readAhead(ctx context.Context, after int64) *readAhead {
	ctx, stop := context.WithCancel(ctx)
	a := &readAhead{stop: stop, result: make(chan page, 1)}
	go func() { a.result <- r.pending(ctx, after) }()
	return a
}

func (a *readAhead) wait() page {
	defer a.stop()
	return <-a.result
}

// cancel gives the page up and returns when nothing is under way any more.
func (a *readAhead) cancel() {
	if a != nil {
		a.stop()
		<-a.result
	}
}
