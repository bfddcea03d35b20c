package migrations

import "strings"

// Grants returns the statements, to be run in one transaction by the owner of a main
// database that was just migrated, that let a role of its own run the product and not
// rewrite the trail:
//
//   - events, checkpoints and their keys, and the answers to commands can be read and added;
//   - heads and tiles can be changed, too, and outboxes cleared;
//   - what is in other schemas can be changed;
//   - the read models are the role's own, so that it can rebuild them beside.
//
// Whoever runs them must be a superuser or a member of the role.
func Grants(role string) string {
	return strings.ReplaceAll(grants, "$ROLE", "'"+strings.ReplaceAll(role, "'", "''")+"'")
}

const grants = `
do $do$
declare
    role text := $ROLE;
    item record;
begin
    execute format('grant connect, create, temporary on database %I to %I', current_database(), role);
    execute format('grant usage, create on schema public to %I', role);
    for item in
        select nspname as name from pg_namespace
        where nspname !~ '^pg_' and nspname not in ('information_schema', 'public')
            and pg_has_role(current_user, nspowner, 'usage')
    loop
        execute format('grant usage on schema %I to %I', item.name, role);
        if item.name = 'ledger' then
            execute format('revoke all on all tables in schema ledger from %I', role);
            execute format('grant select, insert on all tables in schema ledger to %I', role);
        else
            execute format('grant select, insert, update, delete on all tables in schema %I to %I', item.name, role);
            execute format('grant usage on all sequences in schema %I to %I', item.name, role);
        end if;
    end loop;
    execute format('grant update on ledger.heads, ledger.tiles to %I', role);
    execute format('grant delete on ledger.outbox, ledger.checkpoint_outbox to %I', role);
    execute format('grant select on public.goose_db_version to %I', role);
    for item in
        select relname as name from pg_class
        where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> 'goose_db_version'
            and relowner <> (select oid from pg_roles where rolname = role)
    loop
        execute format('alter table public.%I owner to %I', item.name, role);
    end loop;
end
$do$`

// Adopt returns the statements, to be run in a tenant's database by whoever owned it,
// that make everything in it a role's own.
func Adopt(role string) string {
	return strings.ReplaceAll(adopt, "$ROLE", "'"+strings.ReplaceAll(role, "'", "''")+"'")
}

const adopt = `
do $do$
declare
    role text := $ROLE;
    item record;
begin
    execute format('alter database %I owner to %I', current_database(), role);
    execute format('alter schema public owner to %I', role);
    for item in
        select relname as name from pg_class
        where relnamespace = 'public'::regnamespace and relkind = 'r'
            and relowner <> (select oid from pg_roles where rolname = role)
    loop
        execute format('alter table public.%I owner to %I', item.name, role);
    end loop;
end
$do$`
