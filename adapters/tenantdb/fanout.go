package tenantdb

import (
	"context"
	"fmt"
	"sync"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/events"
)

// fanOutPage is how many tenants are listed at once.
const fanOutPage = 500

// Status says what became of one tenant's database.
type Status struct {
	Tenant   uuid.UUID
	Database string
	From, To int64 // schema versions
	Err      error // nil if the database is at version To
}

// MigrateTenants brings every tenant's database that exists to the newest schema,
// some at a time, and reports each, one after the other. It makes the template
// first. A tenant that fails does not keep others from being migrated; the error
// says how many failed. Done again it goes on with those that lag.
func (p *Provisioner) MigrateTenants(ctx context.Context, parallel int, report func(Status)) error {
	if _, err := p.ensureTemplate(ctx); err != nil {
		return fmt.Errorf("migrate tenants: %w", err)
	}
	var (
		mu     sync.Mutex
		failed int
		after  uuid.UUID
	)
	for {
		page, err := p.provisioned(ctx, after)
		if err != nil {
			return fmt.Errorf("migrate tenants: %w", err)
		}
		var group errgroup.Group // without a shared context: tenants are independent
		group.SetLimit(max(1, parallel))
		for _, tenant := range page {
			group.Go(func() error {
				status := p.migrateTenant(ctx, tenant)
				mu.Lock()
				defer mu.Unlock()
				if status.Err != nil {
					failed++
				}
				if report != nil {
					report(status)
				}
				return nil
			})
		}
		_ = group.Wait() // reports through failed
		if ctx.Err() != nil {
			return fmt.Errorf("migrate tenants: %w", ctx.Err())
		}
		if len(page) < fanOutPage {
			break
		}
		after = page[len(page)-1]
	}
	if failed > 0 {
		return fmt.Errorf("migrate tenants: %d failed", failed)
	}
	return nil
}

func (p *Provisioner) migrateTenant(ctx context.Context, tenant uuid.UUID) Status {
	status := Status{Tenant: tenant, Database: databaseName(tenant)}
	v, err := p.migrate(ctx, status.Database)
	status.From, status.To = v.from, v.to
	if err != nil {
		status.Err = fmt.Errorf("migrate %s: %w", status.Database, err)
	}
	return status
}

// provisioned lists tenants whose database exists, by id.
func (p *Provisioner) provisioned(ctx context.Context, after uuid.UUID) ([]uuid.UUID, error) {
	rows, err := p.platform.Query(ctx, `
		select h.ledger_id
		from ledger.heads h
		join pg_database d on d.datname = 'tenant_' || replace(h.ledger_id::text, '-', '')
		where h.ledger_id > $1 and h.ledger_id <> $2
		order by h.ledger_id
		limit $3`, after, events.PlatformLedger, fanOutPage)
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	return list, nil
}
