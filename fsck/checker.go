package fsck

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/semaphore"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/query"
)

// page is how many streams, rows or keys are held in memory at once, of each.
const page = 500

// reads is how many objects are read at once.
const reads = 8

// StuckAfter is how long a file may wait to be verified.
const StuckAfter = 15 * time.Minute

// Ledgers is what ledgers tell of themselves.
type Ledgers interface {
	// Ledgers returns up to limit ids, those after the given one, by id.
	Ledgers(ctx context.Context, after uuid.UUID, limit int) ([]uuid.UUID, error)
	// Head returns the sequence number of a ledger's last event; 0 if there is none.
	Head(ctx context.Context, ledger uuid.UUID) (int64, error)
	// Streams returns up to limit streams that began with an event of a type, those
	// after the given id, by id.
	Streams(ctx context.Context, ledger uuid.UUID, began events.Type, after uuid.UUID, limit int) ([]uuid.UUID, error)
}

// Models are the read models. Those of a tenant fail with Config's NoDatabase if it
// has no database; where one row is asked for and there is none, with query.ErrNotFound.
type Models interface {
	Files(ctx context.Context, tenant, after uuid.UUID, limit int) ([]query.File, error)
	File(ctx context.Context, tenant, id uuid.UUID) (query.File, error)
	Documents(ctx context.Context, tenant, after uuid.UUID, limit int) ([]query.DocumentRow, error)
	Document(ctx context.Context, tenant, id uuid.UUID) (query.DocumentRow, error)
	// Await returns when a tenant's read models hold its ledger up to an event.
	Await(ctx context.Context, tenant uuid.UUID, seq int64) error

	Tenants(ctx context.Context, after uuid.UUID, limit int) ([]query.Tenant, error)
	Tenant(ctx context.Context, id uuid.UUID) (query.Tenant, error)
	// AwaitPlatform is Await for what the main database has of a tenant's ledger.
	AwaitPlatform(ctx context.Context, tenant uuid.UUID, seq int64) error
}

// Object is an object of the store.
type Object struct {
	Key      string
	Size     int64 // bytes
	Modified time.Time
	MD5      string // lower-case hex; "" if the store does not tell
}

// Upload is an upload in parts that did not end.
type Upload struct {
	Key   string
	Name  string
	Begun time.Time
}

// Objects is the object store.
type Objects interface {
	// Verify reads an object and returns what it really holds; Config's NotFound if
	// there is none, as for Head.
	Verify(ctx context.Context, key string) (command.Digest, error)
	Head(ctx context.Context, key string) (Object, error)
	// List, Prefixes and Unfinished call found for each object, stretch of keys up to
	// the next slash, or upload, until that fails.
	List(ctx context.Context, prefix string, found func(Object) error) error
	Prefixes(ctx context.Context, prefix string, found func(string) error) error
	Unfinished(ctx context.Context, prefix string, found func(Upload) error) error

	Copy(ctx context.Context, from, to string) error
	Delete(ctx context.Context, key string) error
	Abort(ctx context.Context, u Upload) error
}

// Databases are the tenants' databases on the server.
type Databases interface {
	// Tenants returns the tenants after which databases are named.
	Tenants(ctx context.Context) ([]uuid.UUID, error)
	// Drop removes a tenant's database.
	Drop(ctx context.Context, tenant uuid.UUID) error
}

// Worker does what messages give cause to.
type Worker interface {
	// Provision makes a tenant's database.
	Provision(ctx context.Context, tenant uuid.UUID) error
}

// Config is what is compared, and how.
type Config struct {
	App        *command.App
	Ledgers    Ledgers
	Models     Models
	Objects    Objects
	Databases  Databases
	Worker     Worker
	NotFound   error // see [Objects]
	NoDatabase error // see [Models]

	Probes string // what the keys begin with of objects that processes try the store with

	Quick    bool             // sizes and what the store says of objects, instead of their bytes
	Repair   bool             // see the package
	By       command.Operator // who repairs; zero: the platform itself
	Grace    time.Duration    // what is orphaned or unfinished counts when it is older
	Patience time.Duration    // that read models get to come up with the ledger

	// Found is called for each finding, Unchecked for each tenant that could not be
	// checked (uuid.Nil: what belongs to none), one at a time.
	Found     func(Finding)
	Unchecked func(tenant uuid.UUID, err error)
}

// ErrNoTenant says that a tenant was named that was never there.
var ErrNoTenant = errors.New("there is no such tenant")

// Checker compares.
type Checker struct {
	cfg   Config
	reads *semaphore.Weighted
	count counters

	mu sync.Mutex // held while the caller is told
}

// New returns a checker.
func New(cfg Config) *Checker {
	return &Checker{cfg: cfg, reads: semaphore.NewWeighted(reads)}
}

// report acts on a finding, if that is asked for and there is a way, and tells the
// caller.
func (c *Checker) report(ctx context.Context, f Finding, r *repair) {
	if f.Remedy == "" {
		f.Remedy = f.Kind.remedy()
	}
	if c.cfg.Repair && r != nil {
		if err := c.perform(ctx, f, r); err != nil {
			f.Refused = err.Error()
		} else {
			f.Repaired = r.done
			c.count.repaired.Add(1)
		}
	}
	c.count.findings.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cfg.Found(f)
}
