package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// MayRewrite returns why the user of a pool could rewrite the trail, or "" if it can't,
// and if there is none: its table was lost.
func MayRewrite(ctx context.Context, pool *pgxpool.Pool) (why string, err error) {
	err = pool.QueryRow(ctx, `
select case
    when (select rolsuper from pg_roles where rolname = current_user) then 'it is a superuser'
    when pg_has_role(current_user, relowner, 'member') then 'it owns, or may become the owner of, ledger.events'
    when oid is null then ''
    when has_table_privilege(oid, 'update') or has_table_privilege(oid, 'delete') or has_table_privilege(oid, 'truncate')
        then 'it may update, delete or truncate ledger.events'
    else '' end
from (select) nothing left join pg_class on oid = to_regclass('ledger.events')`).Scan(&why)
	if err != nil {
		return "", fmt.Errorf("look at the database role's rights: %w", err)
	}
	return why, nil
}
