package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// MayRewrite returns why the user of a pool could rewrite the trail, or "" if it can't.
// Of tables that are lost nothing is said; see [MissingTables].
func MayRewrite(ctx context.Context, pool *pgxpool.Pool) (why string, err error) {
	err = pool.QueryRow(ctx, `
with tables as (
    select oid, relname as name, relowner from pg_class where relnamespace = to_regnamespace('ledger') and relkind = 'r'
), reasons (rank, why) as (
    select 1, 'it is a superuser' from pg_roles where rolname = current_user and rolsuper
    union all
    select 2, 'it owns, or may become the owner of, the schema ledger'
    from pg_namespace where nspname = 'ledger' and pg_has_role(nspowner, 'member')
    union all
    select 3, 'it owns, or may become the owner of, ledger.' || name from tables where pg_has_role(relowner, 'member')
    union all
    select 4, 'it may update, delete or truncate ledger.' || name from tables
    where has_any_column_privilege(oid, 'update') and name not in ('heads', 'tiles')
        or (has_table_privilege(oid, 'delete') or has_table_privilege(oid, 'truncate')) and name not in ('outbox', 'checkpoint_outbox')
)
select coalesce((select why from reasons order by rank, why limit 1), '')`).Scan(&why)
	if err != nil {
		return "", fmt.Errorf("look at the database role's rights: %w", err)
	}
	return why, nil
}

// MissingTables names those of the ledger's tables that are not in the main database.
func MissingTables(ctx context.Context, pool *pgxpool.Pool) ([]string, error) {
	rows, err := pool.Query(ctx, `
select name from unnest(array['ledger.heads', 'ledger.events', 'ledger.commands', 'ledger.outbox',
    'ledger.tiles', 'ledger.checkpoints', 'ledger.checkpoint_keys', 'ledger.checkpoint_outbox']) name
where to_regclass(name) is null`)
	if err != nil {
		return nil, fmt.Errorf("look for the ledger's tables: %w", err)
	}
	missing, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("look for the ledger's tables: %w", err)
	}
	return missing, nil
}
