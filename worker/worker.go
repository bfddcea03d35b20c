package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// parallel is how many events of a batch are worked on at once.
const parallel = 8

// Databases makes the databases of tenants.
type Databases interface {
	// Provision makes and migrates a tenant's database. Doing so again, or at the
	// same time, changes nothing.
	Provision(ctx context.Context, tenant uuid.UUID) error
}

// Objects is the store of documents' bytes.
type Objects interface {
	// Verify reads an object and returns what it really holds; ErrNotFound
	// (Worker's Config) if there is none.
	Verify(ctx context.Context, key string) (command.Digest, error)
	Copy(ctx context.Context, from, to string) error
}

// Config is what a worker works with.
type Config struct {
	App       *command.App
	Databases Databases
	Objects   Objects
	NotFound  error // what Objects fails with when there is no such object
	Logger    *slog.Logger
}

// Worker acts on events.
type Worker struct {
	cfg Config
}

// New returns a worker.
func New(cfg Config) *Worker { return &Worker{cfg: cfg} }

// Topics are the topics whose events a worker acts on.
func Topics() []string { return []string{events.TopicTenantCreated, events.TopicFileProcess} }

// Handle acts on a batch. It fails if any of it must be done again; what was done
// is not done twice.
func (w *Worker) Handle(ctx context.Context, batch []events.Message) error {
	var group errgroup.Group // without a shared context: one failure must not stop the others
	group.SetLimit(parallel)
	failures := make([]error, len(batch))
	for i, message := range batch {
		group.Go(func() error {
			failures[i] = w.act(ctx, message)
			return nil
		})
	}
	_ = group.Wait() // reports through failures
	return errors.Join(failures...)
}

func (w *Worker) act(ctx context.Context, m events.Message) error {
	recorded, err := events.Decode(m.Body)
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	switch e := recorded.Event.(type) {
	case events.TenantCreated:
		return w.provision(ctx, recorded)
	case events.FileReceived:
		return w.finalize(ctx, recorded, e.S3Path)
	case events.FileRetried:
		return w.finalize(ctx, recorded, e.S3Path)
	default:
		return nil
	}
}

// provision makes the new tenant's database and records that it is ready.
func (w *Worker) provision(ctx context.Context, r events.Recorded) error {
	switch tenant, err := w.cfg.App.TenantByID(ctx, r.Ledger); {
	case err != nil:
		return fmt.Errorf("load tenant %s: %w", r.Ledger, err)
	case tenant.Purged: // the message came again, long after
		return nil
	}
	if err := w.cfg.Databases.Provision(ctx, r.Ledger); err != nil {
		return fmt.Errorf("provision tenant %s: %w", r.Ledger, err)
	}
	if _, err := w.cfg.App.MarkProvisioned(ctx, causedBy(r), r.Ledger); err != nil {
		return fmt.Errorf("record that tenant %s is provisioned: %w", r.Ledger, err)
	}
	w.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "tenant provisioned", slog.String("tenant_id", r.Ledger.String()))
	return nil
}

// causedBy returns the origin of a command that an event gave cause to. Its id
// derives from the event's, so that a repetition has the same.
func causedBy(r events.Recorded) command.Meta {
	return command.Meta{
		ID: uuid.NewSHA1(r.ID, []byte("worker")), RequestID: r.RequestID, TraceParent: r.TraceParent,
	}
}
