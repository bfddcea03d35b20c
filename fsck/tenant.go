package fsck

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/query"
)

// attempts is how often a thing is looked at that changes all the time.
const attempts = 10

// tenant is the check of one tenant.
type tenant struct {
	*Checker

	id     uuid.UUID
	state  command.Tenant
	before time.Time   // what is orphaned or unfinished counts if it is older
	stuck  time.Time   // what was begun before should be finished
	rows   atomic.Bool // the tenant's read models can be compared

	sweeping bool // see [Checker.Sweep]
}

// Tenant compares what one tenant has. It fails with [ErrNoTenant], and if anything
// could not be read.
func (c *Checker) Tenant(ctx context.Context, id uuid.UUID) error {
	state, err := c.cfg.App.TenantByID(ctx, id)
	if err != nil {
		return err
	}
	if !state.Created {
		return ErrNoTenant
	}
	t := c.tenant(id, state)
	if err := t.record(ctx); err != nil {
		return err
	}
	if state.Purged {
		return t.purged(ctx)
	}
	if err := t.database(ctx); err != nil {
		return err
	}
	if err := t.files(ctx); err != nil {
		return err
	}
	if err := t.documents(ctx); err != nil {
		return err
	}
	return t.objects(ctx)
}

func (c *Checker) tenant(id uuid.UUID, state command.Tenant) *tenant {
	now := time.Now()
	c.count.tenants.Add(1)
	return &tenant{
		Checker: c, id: id, state: state,
		before: now.Add(-c.cfg.Grace), stuck: now.Add(-min(c.cfg.Grace, StuckAfter)),
	}
}

func (t *tenant) found(ctx context.Context, f Finding, r *repair) {
	f.Tenant = t.id
	t.report(ctx, f, r)
}

// await waits for read models to come up with the ledger; false if they do not.
func (t *tenant) await(ctx context.Context, until func(context.Context, uuid.UUID, int64) error) (head int64, reached bool, err error) {
	head, err = t.cfg.Ledgers.Head(ctx, t.id)
	if err != nil {
		return 0, false, err
	}
	waiting, cancel := context.WithTimeout(ctx, t.cfg.Patience)
	defer cancel()
	err = until(waiting, t.id, head)
	if err != nil && waiting.Err() != nil && ctx.Err() == nil {
		return head, false, nil
	}
	return head, err == nil, err
}

// record compares the main database's row of the tenant.
func (t *tenant) record(ctx context.Context) error {
	for range attempts {
		row, err := t.cfg.Models.Tenant(ctx, t.id)
		if err != nil && !errors.Is(err, query.ErrNotFound) {
			return err
		}
		wrong := t.recordDiffers(row, err == nil)
		if wrong == nil {
			return nil
		}
		head, reached, err := t.await(ctx, t.cfg.Models.AwaitPlatform)
		if err != nil {
			return err
		}
		if !reached {
			t.found(ctx, Finding{Kind: Behind, Detail: fmt.Sprintf("the main database does not hold the ledger up to event %d", head)}, nil)
			return nil
		}
		settled, err := t.cfg.App.TenantByID(ctx, t.id)
		if err != nil {
			return err
		}
		row, err = t.cfg.Models.Tenant(ctx, t.id)
		if err != nil && !errors.Is(err, query.ErrNotFound) {
			return err
		}
		moved := settled.Version != t.state.Version
		t.state = settled
		if wrong = t.recordDiffers(row, err == nil); wrong != nil && !moved {
			t.found(ctx, *wrong, nil)
			return nil
		}
	}
	return errors.New("the tenant changes faster than it can be looked at")
}

func (t *tenant) recordDiffers(row query.Tenant, there bool) *Finding {
	if !there {
		return &Finding{Kind: RowMissing, Detail: "tenants has no row of the tenant"}
	}
	var wrong columns
	wrong.compare("name", row.Name == t.state.Name)
	wrong.compare("database_name", row.DatabaseName == events.DatabaseName(t.id))
	wrong.compare("is_active", row.IsActive == !t.state.Deleted)
	wrong.compare("is_ready", row.IsReady == (t.state.Provisioned && !t.state.Purged))
	return wrong.finding("tenants")
}

// database finds out whether the tenant's read models can be compared.
func (t *tenant) database(ctx context.Context) error {
	_, err := t.cfg.Models.Files(ctx, t.id, uuid.Nil, 1)
	switch {
	case err == nil:
	case !errors.Is(err, t.cfg.NoDatabase):
		return err
	case t.state.Provisioned || t.state.CreatedAt.Before(t.stuck):
		t.found(ctx, Finding{Kind: NoDatabase, Detail: "there is no database " + events.DatabaseName(t.id)}, t.provision())
		return nil
	default: // a worker is about to make it
		return nil
	}
	t.rows.Store(true)
	return t.settle(ctx)
}

// settle waits for the tenant's read models, and says so once if they do not come.
func (t *tenant) settle(ctx context.Context) error {
	head, reached, err := t.await(ctx, t.cfg.Models.Await)
	if err != nil || reached {
		return err
	}
	if t.rows.CompareAndSwap(true, false) {
		t.found(ctx, Finding{
			Kind: Behind, Detail: fmt.Sprintf("read models do not come up to event %d of the ledger; rows were not compared any further", head),
		}, nil)
	}
	return nil
}

// purged checks that nothing is left of a tenant that is gone.
func (t *tenant) purged(ctx context.Context) error {
	_, err := t.cfg.Models.Files(ctx, t.id, uuid.Nil, 1)
	switch {
	case err == nil:
		t.found(ctx, Finding{Kind: StrayDatabase, Detail: "the tenant was purged, its database is there"}, t.drop())
	case !errors.Is(err, t.cfg.NoDatabase):
		return err
	}
	return t.objects(ctx)
}
