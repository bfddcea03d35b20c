package tenantdb

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/migrations"
)

// Grant lets the user of productURL run the product on the main database of ownerURL,
// and makes tenants' databases that are not the user's its own. It does nothing when
// both are the same user. Doing so again changes nothing.
func Grant(ctx context.Context, ownerURL, productURL string) error {
	owner, err := pgx.ParseConfig(ownerURL)
	if err != nil {
		return fmt.Errorf("grant: %w", err)
	}
	product, err := pgx.ParseConfig(productURL)
	if err != nil {
		return fmt.Errorf("grant: %w", err)
	}
	if owner.User == product.User {
		return nil
	}
	conn, err := pgx.ConnectConfig(ctx, owner)
	if err != nil {
		return fmt.Errorf("grant: %w", err)
	}
	defer hangUp(ctx, conn)
	if _, err := conn.Exec(ctx, migrations.Grants(product.User)); err != nil {
		return fmt.Errorf("grant %s what it needs (its owner must be a superuser or a member of it): %w", product.User, err)
	}
	rows, err := conn.Query(ctx, `
select datname from pg_database
where datname ~ '^tenant_[0-9a-f]{32}$' and datallowconn and datdba <> (select oid from pg_roles where rolname = $1)`, product.User)
	if err != nil {
		return fmt.Errorf("grant: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("grant: %w", err)
	}
	for _, name := range names {
		if err := adopt(ctx, owner, name, product.User); err != nil {
			return fmt.Errorf("hand database %s to %s: %w", name, product.User, err)
		}
	}
	return nil
}

func adopt(ctx context.Context, owner *pgx.ConnConfig, database, role string) error {
	cfg := owner.Copy()
	cfg.Database = database
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer hangUp(ctx, conn)
	_, err = conn.Exec(ctx, migrations.Adopt(role))
	return err
}
