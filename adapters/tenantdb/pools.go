package tenantdb

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Errors of [Pools.Tenant].
var (
	// ErrNotProvisioned says that a tenant's database does not exist (yet).
	ErrNotProvisioned = errors.New("the tenant's database does not exist")
	// ErrBusy says that no connection to a tenant's database came free in time.
	ErrBusy = errors.New("no connection to the tenant's database came free in time")
	// ErrClosed says that the pools were closed.
	ErrClosed = errors.New("the pools are closed")
)

// Config says where the databases are and how many connections may be held.
type Config struct {
	// Platform is the main database. Tenants' databases lie on the same server,
	// and are entered as the same user. It is not closed by [Pools.Close].
	Platform *pgxpool.Pool

	MaxConns       int           // to all tenants' databases together; default 10
	MaxPerTenant   int           // to one tenant's database; default half of MaxConns, at least 1
	IdleTimeout    time.Duration // after which an unused connection is closed; default 5 minutes
	ConnectTimeout time.Duration // default 2 seconds
	WaitTimeout    time.Duration // for a connection to come free; default 2 seconds
	LockTimeout    time.Duration // of each statement; default 2 seconds
	StatementLimit time.Duration // how long a statement may run; default 30 seconds
}

func (c Config) withDefaults() Config {
	c.MaxConns = positive(c.MaxConns, 10)
	c.MaxPerTenant = min(positive(c.MaxPerTenant, max(1, c.MaxConns/2)), c.MaxConns)
	c.IdleTimeout = positive(c.IdleTimeout, 5*time.Minute)
	c.ConnectTimeout = positive(c.ConnectTimeout, 2*time.Second)
	c.WaitTimeout = positive(c.WaitTimeout, 2*time.Second)
	c.LockTimeout = positive(c.LockTimeout, 2*time.Second)
	c.StatementLimit = positive(c.StatementLimit, 30*time.Second)
	return c
}

func positive[T int | time.Duration](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}

// Pools holds the connections of one process to tenants' databases: at most
// MaxConns, whatever the number of tenants. A connection that nobody uses is kept
// for the tenant it belongs to until it idles out or another tenant needs its
// place, for a quarter of a second at least; then the one unused longest goes
// first.
type Pools struct {
	cfg    Config
	stop   context.CancelFunc
	closed chan struct{} // closed when the sweeper has ended

	mu      sync.Mutex
	shut    bool
	open    int // connections open or being opened
	tenants map[uuid.UUID]*tenant
	idle    list.List // of *conn, unused longest in front
	waiting list.List // of *waiter, waiting longest in front
}

// tenant is what is held for one tenant. It is forgotten with its last connection.
type tenant struct {
	id   uuid.UUID
	open int     // connections open or being opened
	idle []*conn // used last at the end
}

// conn is a connection to a tenant's database.
type conn struct {
	*pgx.Conn

	tenant *tenant
	opened time.Time
	since  time.Time     // since when it is idle
	place  *list.Element // in Pools.idle
}

// New returns pools without connections. [Pools.Close] ends them.
func New(cfg Config) *Pools {
	ctx, stop := context.WithCancel(context.Background())
	p := &Pools{
		cfg: cfg.withDefaults(), stop: stop, closed: make(chan struct{}),
		tenants: make(map[uuid.UUID]*tenant),
	}
	go p.sweep(ctx)
	return p
}

// Platform returns the main database.
func (p *Pools) Platform() *pgxpool.Pool { return p.cfg.Platform }

// Close closes all connections. Those in use are closed when they are released;
// whoever waits for one gets [ErrClosed].
func (p *Pools) Close() {
	p.stop()
	<-p.closed
	p.mu.Lock()
	p.shut = true
	var unused []*conn
	for e := p.idle.Front(); e != nil; e = p.idle.Front() {
		unused = append(unused, p.takeIdle(e))
	}
	for e := p.waiting.Front(); e != nil; e = p.waiting.Front() {
		p.grant(e, grant{err: ErrClosed})
	}
	for _, c := range unused {
		p.forget(c.tenant)
	}
	p.mu.Unlock()
	for _, c := range unused {
		hangUp(context.Background(), c.Conn)
	}
}

// sweep closes connections that were idle for too long, until ctx ends.
func (p *Pools) sweep(ctx context.Context) {
	defer close(p.closed)
	ticker := time.NewTicker(max(p.cfg.IdleTimeout/4, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			for _, c := range p.expired(now.Add(-p.cfg.IdleTimeout)) {
				hangUp(ctx, c.Conn)
			}
		}
	}
}

func (p *Pools) expired(before time.Time) (expired []*conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for e := p.idle.Front(); e != nil; e = p.idle.Front() {
		if c, _ := e.Value.(*conn); c.since.After(before) {
			break
		}
		c := p.takeIdle(e)
		p.forget(c.tenant)
		expired = append(expired, c)
	}
	return expired
}

// connect opens a connection to a tenant's database.
func (p *Pools) connect(ctx context.Context, id uuid.UUID) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.ConnectTimeout)
	defer cancel()
	cfg := p.cfg.Platform.Config().ConnConfig.Copy()
	cfg.Database = databaseName(id)
	cfg.ConnectTimeout = p.cfg.ConnectTimeout
	cfg.RuntimeParams["lock_timeout"] = milliseconds(p.cfg.LockTimeout)
	cfg.RuntimeParams["statement_timeout"] = milliseconds(p.cfg.StatementLimit)
	cfg.RuntimeParams["idle_in_transaction_session_timeout"] = milliseconds(p.cfg.StatementLimit)
	c, err := pgx.ConnectConfig(ctx, cfg)
	switch {
	case isCode(err, codeNoSuchDatabase):
		return nil, fmt.Errorf("connect to %s: %w", cfg.Database, ErrNotProvisioned)
	case err != nil:
		return nil, fmt.Errorf("connect to %s: %w", cfg.Database, err)
	}
	return c, nil
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// hangUp closes a connection, waiting briefly for the server to hear of it, also
// when ctx has ended.
func hangUp(ctx context.Context, c *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = c.Close(ctx) // whatever happens, it is closed
}
