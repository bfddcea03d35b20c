package tenantdb

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Drop removes a tenant's database for good, whoever of the platform is connected
// to it. Where there is none it changes nothing.
//
// It is not PostgreSQL's own "with (force)": that is refused to a user who may not
// end an autovacuum worker which happens to be in the database. A plain drop sends
// such a worker away by itself, and waits some seconds until all have left.
func (p *Provisioner) Drop(ctx context.Context, tenant uuid.UUID) error {
	name := databaseName(tenant)
	_, err := p.platform.Exec(ctx, `
		select pg_terminate_backend(pid) from pg_stat_activity
		where datname = $1 and pg_has_role(usesysid, 'usage')`, name)
	if err != nil {
		return fmt.Errorf("drop %s: end its sessions: %w", name, err)
	}
	if _, err := p.platform.Exec(ctx, "drop database if exists "+pgx.Identifier{name}.Sanitize()); err != nil {
		return fmt.Errorf("drop %s: %w", name, err)
	}
	return nil
}
