package tenantdb

import (
	"container/list"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// trustIdle is how long an unused connection is taken to be alive without asking.
const trustIdle = time.Second

// turn is how long a connection is its own tenant's before others get its place,
// if there is no other: opening one costs as much as many queries, and without it
// a process with more to do than it has connections would do little else.
const turn = 250 * time.Millisecond

// waiter is someone who waits for a connection to a tenant's database.
type waiter struct {
	tenant  uuid.UUID
	granted chan grant // buffered: a grant never blocks
}

// grant is what a waiter gets: a connection, or the right to open one, or an error.
type grant struct {
	conn   *conn
	tenant *tenant // where the right to open one is booked
	err    error
}

// Tenant returns a connection to a tenant's own database, for the caller alone,
// and a function that gives it back and must be called. A connection that is
// given back in a transaction, or broken, is closed.
//
// It fails with [ErrNotProvisioned] if the database does not exist, with
// [ErrBusy] if none came free in time, and with ctx.
func (p *Pools) Tenant(ctx context.Context, id uuid.UUID) (*pgx.Conn, func(), error) {
	for {
		c, err := p.acquire(ctx, id)
		if err != nil {
			return nil, nil, err
		}
		if time.Since(c.since) > trustIdle && !p.alive(ctx, c) {
			p.release(ctx, c)
			if ctx.Err() != nil {
				return nil, nil, fmt.Errorf("connection to %s: %w", databaseName(id), ctx.Err())
			}
			continue // its siblings may be dead as well; each is tried once and dropped
		}
		return c.Conn, sync.OnceFunc(func() { p.release(ctx, c) }), nil
	}
}

// alive asks the server. A connection that does not answer is closed by that.
func (p *Pools) alive(ctx context.Context, c *conn) bool {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.ConnectTimeout)
	defer cancel()
	return c.Ping(ctx) == nil
}

// acquire takes an idle connection, opens one, or waits for either.
func (p *Pools) acquire(ctx context.Context, id uuid.UUID) (*conn, error) {
	p.mu.Lock()
	if p.shut {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	t := p.tenants[id]
	if t != nil && len(t.idle) > 0 {
		c := p.takeIdle(t.idle[len(t.idle)-1].place)
		p.mu.Unlock()
		return c, nil
	}
	if t == nil || t.open < p.cfg.MaxPerTenant {
		if evicted, ok := p.makeRoom(); ok {
			t = p.book(id)
			p.mu.Unlock()
			if evicted != nil {
				hangUp(ctx, evicted.Conn)
			}
			return p.dial(ctx, t)
		}
	}
	w := &waiter{tenant: id, granted: make(chan grant, 1)}
	place := p.waiting.PushBack(w)
	p.mu.Unlock()
	return p.await(ctx, w, place)
}

// makeRoom sees to it that one more connection may be opened, if need be at the
// cost of the one that is unused longest of those that have had their turn, which
// the caller closes.
func (p *Pools) makeRoom() (evicted *conn, ok bool) {
	if p.open < p.cfg.MaxConns {
		return nil, true
	}
	for e := p.idle.Front(); e != nil; e = e.Next() {
		if c, _ := e.Value.(*conn); time.Since(c.opened) >= turn {
			evicted = p.takeIdle(e)
			p.forget(evicted.tenant)
			return evicted, true
		}
	}
	return nil, false
}

// await waits for a grant.
func (p *Pools) await(ctx context.Context, w *waiter, place *list.Element) (*conn, error) {
	timer := time.NewTimer(p.cfg.WaitTimeout)
	defer timer.Stop()
	again := time.NewTicker(turn)
	defer again.Stop()
	var cause error
	for cause == nil {
		select {
		case g := <-w.granted:
			return p.accept(ctx, g)
		case <-again.C: // the turn of a connection that is unused may have ended
			p.serveNow(ctx)
		case <-timer.C:
			cause = ErrBusy
		case <-ctx.Done():
			cause = ctx.Err()
		}
	}
	p.mu.Lock()
	select {
	case g := <-w.granted: // it came after all
		p.mu.Unlock()
		return p.accept(ctx, g)
	default:
		p.waiting.Remove(place)
		p.mu.Unlock()
		return nil, fmt.Errorf("connection to %s: %w", databaseName(w.tenant), cause)
	}
}

// serveNow serves whoever can be served.
func (p *Pools) serveNow(ctx context.Context) {
	p.mu.Lock()
	evicted := p.serve()
	p.mu.Unlock()
	if evicted != nil {
		hangUp(ctx, evicted.Conn)
	}
}

// accept uses a grant.
func (p *Pools) accept(ctx context.Context, g grant) (*conn, error) {
	switch {
	case g.err != nil:
		return nil, g.err
	case g.conn != nil:
		return g.conn, nil
	default:
		return p.dial(ctx, g.tenant)
	}
}

// dial opens the connection that was booked for t.
func (p *Pools) dial(ctx context.Context, t *tenant) (*conn, error) {
	pg, err := p.connect(ctx, t.id)
	if err != nil {
		p.mu.Lock()
		p.forget(t)
		p.serve()
		p.mu.Unlock()
		return nil, err
	}
	now := time.Now()
	return &conn{Conn: pg, tenant: t, opened: now, since: now}, nil
}

// release takes a connection back: for whoever waits, or to be kept.
func (p *Pools) release(ctx context.Context, c *conn) {
	usable := !c.IsClosed() && c.PgConn().TxStatus() == 'I'
	p.mu.Lock()
	if !usable || p.shut {
		p.forget(c.tenant)
		p.serve()
		p.mu.Unlock()
		hangUp(ctx, c.Conn)
		return
	}
	c.since = time.Now()
	c.tenant.idle = append(c.tenant.idle, c)
	c.place = p.idle.PushBack(c)
	var evicted *conn
	if c.since.Sub(c.opened) >= turn || !p.serveOwn(c) {
		evicted = p.serve()
	}
	p.mu.Unlock()
	if evicted != nil {
		hangUp(ctx, evicted.Conn)
	}
}

// serveOwn gives a connection to who waits longest for the tenant that it belongs
// to, and reports whether there was anyone.
func (p *Pools) serveOwn(c *conn) bool {
	for e := p.waiting.Front(); e != nil; e = e.Next() {
		if w, _ := e.Value.(*waiter); w.tenant == c.tenant.id {
			p.grant(e, grant{conn: p.takeIdle(c.place)})
			return true
		}
	}
	return false
}

// serve gives what has become free to the waiter who can use it and waits
// longest. It returns the connection that went for it, which the caller closes.
func (p *Pools) serve() (evicted *conn) {
	for e := p.waiting.Front(); e != nil; e = e.Next() {
		w, _ := e.Value.(*waiter)
		t := p.tenants[w.tenant]
		if t != nil && len(t.idle) > 0 {
			p.grant(e, grant{conn: p.takeIdle(t.idle[len(t.idle)-1].place)})
			return nil
		}
		if t != nil && t.open >= p.cfg.MaxPerTenant {
			continue
		}
		evicted, ok := p.makeRoom()
		if !ok {
			continue
		}
		p.grant(e, grant{tenant: p.book(w.tenant)})
		return evicted
	}
	return nil
}

func (p *Pools) grant(e *list.Element, g grant) {
	w, _ := p.waiting.Remove(e).(*waiter)
	w.granted <- g
}

// book counts a connection that is about to be opened for a tenant.
func (p *Pools) book(id uuid.UUID) *tenant {
	t := p.tenants[id]
	if t == nil {
		t = &tenant{id: id}
		p.tenants[id] = t
	}
	t.open++
	p.open++
	return t
}

// forget counts a connection of t as closed.
func (p *Pools) forget(t *tenant) {
	p.open--
	if t.open--; t.open == 0 {
		delete(p.tenants, t.id)
	}
}

// takeIdle takes a connection out of the idle ones.
func (p *Pools) takeIdle(e *list.Element) *conn {
	c, _ := p.idle.Remove(e).(*conn)
	c.place = nil
	if i := slices.Index(c.tenant.idle, c); i >= 0 {
		c.tenant.idle = slices.Delete(c.tenant.idle, i, i+1)
	}
	return c
}
