package worker

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

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

	// Step, unless nil, is told of each step before it is taken: one of [Steps]. Tests
	// end the process there.
	Step func(name string)
}

// Steps names what a worker does to a tenant and to a file.
func Steps() []string {
	return []string{StepProvision, StepProvisioned, StepVerify, StepCopy, StepRecord, StepRecorded, StepFail}
}

// The steps.
const (
	StepProvision   = "provision"   // a tenant's database is about to be made
	StepProvisioned = "provisioned" // it was, and that is about to be recorded
	StepVerify      = "verify"      // a file is about to be read
	StepCopy        = "copy"        // it was found to be right, and is about to be copied
	StepRecord      = "record"      // it was copied, and that is about to be recorded
	StepRecorded    = "recorded"    // it was
	StepFail        = "fail"        // it was found to be wrong, and that is about to be recorded
)

func (w *Worker) step(name string) {
	if w.cfg.Step != nil {
		w.cfg.Step(name)
	}
}

// Worker acts on events.
type Worker struct {
	cfg Config
}

// New returns a worker.
func New(cfg Config) *Worker { return &Worker{cfg: cfg} }

// Topics are the topics whose events a worker acts on.
func Topics() []string { return []string{events.TopicTenantCreated, events.TopicFileProcess} }

// Act acts on an event. It fails if that must be done again; what was done is not done
// twice.
func (w *Worker) Act(ctx context.Context, m events.Message) error {
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
	w.step(StepProvision)
	if err := w.cfg.Databases.Provision(ctx, r.Ledger); err != nil {
		return fmt.Errorf("provision tenant %s: %w", r.Ledger, err)
	}
	w.step(StepProvisioned)
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
