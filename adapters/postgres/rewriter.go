package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// MayRewrite returns why the user of a pool could rewrite the trail, or "" if it can't.
func MayRewrite(ctx context.Context, pool *pgxpool.Pool) (why string, err error) {
	err = pool.QueryRow(ctx, `
select case
    when (select rolsuper from pg_roles where rolname = current_user) then 'it is a superuser'
    when pg_has_role(current_user, relowner, 'member') then 'it owns, or may become the owner of, ledger.events'
    when has_table_privilege(oid, 'update') or has_table_privilege(oid, 'delete') or has_table_privilege(oid, 'truncate')
        then 'it may update, delete or truncate ledger.events'
    else '' end
from pg_class where oid = 'ledger.events'::regclass`).Scan(&why)
	if err != nil {
		return "", fmt.Errorf("look at the database role's rights: %w", err)
	}
	return why, nil
}
