package tenantdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/events"
)

// Source is where a rebuild takes events from: a cursor over all ledgers.
type Source interface {
	// Follow hands over the events of the ledgers that are wanted, from where the
	// last call stopped to where they end at the time of this one; those of a ledger
	// in order, and any number of times each.
	Follow(ctx context.Context, wanted func(ledger uuid.UUID) bool, yield func([]events.Message) error) error
	Close()
}

// RebuildConfig says what a rebuild works with. Zero durations and numbers mean
// the defaults.
type RebuildConfig struct {
	Platform *pgxpool.Pool
	Source   func(ctx context.Context) (Source, error) // a new cursor, at the beginning
	Keys     Keys
	Logger   *slog.Logger

	Swap     bool // puts what was built in the place of the live tables, if they are equal
	Force    bool // also if they are not
	Keep     bool // leaves what was not swapped in the shadow schema
	MaxBatch int  // events applied at once; default 5,000
	Shown    int  // differences told of one table; default 20

	// Patience is how long the live read models may take to reach what was read, and
	// the source to reach them; default 1 minute.
	Patience time.Duration
}

// At least, and at most, so many databases are filled in one pass over a source. Each
// holds a connection.
const (
	fewRebuilds  = 16
	manyRebuilds = 100
)

// rebuildsAtOnce returns how many databases are filled in one pass over a source: the
// more, the less often that is read, but of the server's free connections half stay so.
func (r *Rebuild) rebuildsAtOnce(ctx context.Context) (int, error) {
	var free int
	err := r.cfg.Platform.QueryRow(ctx, `
		select current_setting('max_connections')::int - count(*) from pg_stat_activity where datid is not null`).Scan(&free)
	if err != nil {
		return 0, fmt.Errorf("count connections: %w", err)
	}
	return min(max(free/2, fewRebuilds), manyRebuilds), nil
}

// ErrRebuilding says that a database is being rebuilt, or migrated, by somebody
// else.
var ErrRebuilding = errors.New("it is being rebuilt or migrated by somebody else; try again when that is done")

// Rebuilt is what came of the rebuild of one database.
type Rebuilt struct {
	Database    string           `json:"database"`
	Ledger      uuid.UUID        `json:"ledger"` // the tenant's, or the platform's
	Seq         int64            `json:"seq"`    // of that ledger's last event that was applied
	Events      int64            `json:"events"` // that were applied
	Compared    bool             `json:"compared"`
	Tables      []TableDigest    `json:"tables,omitempty"`
	Differences []RowDifference  `json:"differences,omitempty"` // the first of each table
	Differing   map[string]int64 `json:"differing,omitempty"`   // rows, by table
	Swapped     bool             `json:"swapped"`
	Err         error            `json:"-"`
}

// Equal reports whether live rows were compared, and are what they have to be.
func (r Rebuilt) Equal() bool { return r.Err == nil && r.Compared && len(r.Differing) == 0 }

// Rebuild builds read models anew, each database's in a schema of its own beside
// the live ones, which stay in use. See the package for what it promises.
type Rebuild struct {
	cfg     RebuildConfig
	applied atomic.Int64
}

// NewRebuild returns a rebuild.
func NewRebuild(cfg RebuildConfig) *Rebuild {
	cfg.MaxBatch = positive(cfg.MaxBatch, 5_000)
	cfg.Shown = positive(cfg.Shown, 20)
	cfg.Patience = positive(cfg.Patience, time.Minute)
	return &Rebuild{cfg: cfg}
}

// Applied returns how many events were applied so far, to all databases.
func (r *Rebuild) Applied() int64 { return r.applied.Load() }

// Platform rebuilds the main database.
func (r *Rebuild) Platform(ctx context.Context, done func(Rebuilt)) error {
	return r.group(ctx, []*shadow{newShadow(r, target{site: onPlatform})}, done)
}

// Tenants rebuilds the own databases of tenants. What fails in one of them is told
// to done, and stops nobody else.
func (r *Rebuild) Tenants(ctx context.Context, tenants []uuid.UUID, done func(Rebuilt)) error {
	for len(tenants) > 0 {
		most, err := r.rebuildsAtOnce(ctx)
		if err != nil {
			return err
		}
		n := min(len(tenants), most)
		list := make([]*shadow, n)
		for i, tenant := range tenants[:n] {
			list[i] = newShadow(r, target{tenant, onTenant})
		}
		if err := r.group(ctx, list, done); err != nil {
			return err
		}
		tenants = tenants[n:]
	}
	return nil
}

// group rebuilds databases in one pass over the source.
func (r *Rebuild) group(ctx context.Context, list []*shadow, done func(Rebuilt)) error {
	source, err := r.cfg.Source(ctx)
	if err != nil {
		return err
	}
	defer source.Close()
	g := newGathering(r, source, list)
	defer func() {
		for _, s := range list {
			s.close(ctx)
		}
	}()
	g.each(func(s *shadow) {
		s.alone = len(list) == 1
		s.failed(s.open(ctx))
	})
	if err := g.follow(ctx); err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	var telling sync.Mutex
	g.each(func(s *shadow) {
		if ctx.Err() != nil {
			return
		}
		result := g.finish(ctx, s)
		telling.Lock()
		defer telling.Unlock()
		done(result)
	})
	return ctx.Err()
}

// KnownTenants lists the tenants that the main database knows of, by their ledgers and,
// since those may be lost, by its checkpoints and its read models.
func KnownTenants(ctx context.Context, platform *pgxpool.Pool) ([]uuid.UUID, error) {
	var ledgers bool
	if err := platform.QueryRow(ctx, `select to_regclass('ledger.heads') is not null`).Scan(&ledgers); err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	known := `select ledger_id from checkpoints union select id from tenants`
	if ledgers {
		known += ` union select ledger_id from ledger.heads`
	}
	rows, err := platform.Query(ctx, `
		select ledger_id from (`+known+`) x where ledger_id <> $1 order by ledger_id`, events.PlatformLedger)
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	return list, nil
}
