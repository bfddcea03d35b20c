package tenantdb

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// mark notes, as a comment on a tenant's database, which main database it belongs to:
// a server may hold several. It is for [Provisioner.Tenants] alone; a database without
// it is as good as any.
func (p *Provisioner) mark(ctx context.Context, name string) error {
	comment := "'" + strings.ReplaceAll(p.owned(), "'", "''") + "'"
	if _, err := p.platform.Exec(ctx, "comment on database "+pgx.Identifier{name}.Sanitize()+" is "+comment); err != nil {
		return fmt.Errorf("mark the database: %w", err)
	}
	return nil
}

// owned is the mark of databases that belong to the main database.
func (p *Provisioner) owned() string {
	return "of a tenant of " + p.platform.Config().ConnConfig.Database
}

// Tenants returns the tenants whose databases were made for the main database and are
// there, in the order of their ids.
func (p *Provisioner) Tenants(ctx context.Context) ([]uuid.UUID, error) {
	rows, err := p.platform.Query(ctx, `
		select datname from pg_database
		where datname ~ '^tenant_[0-9a-f]{32}$' and shobj_description(oid, 'pg_database') = $1
		order by datname collate "C"`, p.owned())
	if err != nil {
		return nil, fmt.Errorf("list tenants' databases: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list tenants' databases: %w", err)
	}
	list := make([]uuid.UUID, len(names))
	for i, name := range names {
		if _, err := hex.Decode(list[i][:], []byte(strings.TrimPrefix(name, "tenant_"))); err != nil {
			return nil, fmt.Errorf("database %s: %w", name, err)
		}
	}
	return list, nil
}
