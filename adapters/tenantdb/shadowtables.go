package tenantdb

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// checkpointsTable holds the checkpoints of both kinds of databases.
const checkpointsTable = "checkpoints"

// makeTables makes the shadow schema, with tables like the live ones, but without
// what only slows down filling them.
func (s *shadow) makeTables(ctx context.Context) error {
	_, err := s.conn.Exec(ctx, `
		drop schema if exists `+shadowSchema+` cascade;
		create schema `+shadowSchema)
	if err != nil {
		return fmt.Errorf("make the shadow: %w", err)
	}
	var create []string
	for _, table := range s.withCheckpoints() {
		create = append(create, fmt.Sprintf("create table %s (like %s including all excluding indexes)",
			pgx.Identifier{shadowSchema, table}.Sanitize(), pgx.Identifier{s.live, table}.Sanitize()))
	}
	if err := execAll(ctx, s.conn, create); err != nil {
		return err
	}
	// What is looked up, and what may not be there twice, is needed from the start.
	if err := s.copyDefinitions(ctx, `
		select format('alter table %I.%I add constraint %I %s', $2::text, t.relname, c.conname, pg_get_constraintdef(c.oid))
		from pg_constraint c join pg_class t on t.oid = c.conrelid
		where t.relnamespace = $1::regnamespace and t.relname = any($3) and c.contype in ('p', 'u')
		union all
		select format('alter table %I.%I set (%s)', $2::text, t.relname, array_to_string(t.reloptions, ', '))
		from pg_class t
		where t.relnamespace = $1::regnamespace and t.relname = any($3) and t.relkind = 'r' and t.reloptions is not null
		union all
		select format('grant %s on %I.%I to %s%s', a.privilege_type, $2::text, t.relname,
			case a.grantee when 0 then 'public' else a.grantee::regrole::text end,
			case when a.is_grantable then ' with grant option' else '' end)
		from pg_class t, aclexplode(t.relacl) a
		where t.relnamespace = $1::regnamespace and t.relname = any($3) and t.relkind = 'r' and a.grantee <> t.relowner
		union all
		select format('grant %s (%I) on %I.%I to %s%s', a.privilege_type, c.attname, $2::text, t.relname,
			case a.grantee when 0 then 'public' else a.grantee::regrole::text end,
			case when a.is_grantable then ' with grant option' else '' end)
		from pg_class t join pg_attribute c on c.attrelid = t.oid, aclexplode(c.attacl) a
		where t.relnamespace = $1::regnamespace and t.relname = any($3) and t.relkind = 'r' and a.grantee <> t.relowner`); err != nil {
		return err
	}
	// Whoever vacuums a table keeps it from being swapped.
	if err := s.copyDefinitions(ctx, `
		select format('alter table %I.%I set (autovacuum_enabled = off, toast.autovacuum_enabled = off)', $2::text, t.relname)
		from pg_class t
		where t.relnamespace = $1::regnamespace and t.relname = any($3) and t.relkind = 'r'`); err != nil {
		return err
	}
	if err := s.handOver(ctx); err != nil {
		return err
	}
	return toShadow(ctx, s.conn)
}

// handOver gives the shadow, and its tables, to the owners of the live ones: whoever
// rebuilds may be another role, and the product migrates and swaps them later. A role
// that can't act for an owner keeps what it made; it may compare, but not swap.
func (s *shadow) handOver(ctx context.Context) error {
	return s.copyDefinitions(ctx, `
		select case t.relname when '`+checkpointsTable+`'
			then format('alter schema %I owner to %s; ', $2::text, t.relowner::regrole) else '' end
			|| format('alter table %I.%I owner to %s', $2::text, t.relname, t.relowner::regrole)
		from pg_class t
		where t.relnamespace = $1::regnamespace and t.relname = any($3) and t.relkind = 'r'
			and t.relowner <> (select oid from pg_roles where rolname = current_user) and pg_has_role(t.relowner, 'usage')
		order by t.relname <> '`+checkpointsTable+`'`)
}

// vacuumed has the shadow's tables vacuumed as the live ones are.
func (s *shadow) vacuumed(ctx context.Context) error {
	return s.copyDefinitions(ctx, `
		select format('alter table %I.%I reset (autovacuum_enabled, toast.autovacuum_enabled)', $2::text, t.relname)
			|| case when t.reloptions is null then ''
				else format('; alter table %I.%I set (%s)', $2::text, t.relname, array_to_string(t.reloptions, ', ')) end
		from pg_class t
		where t.relnamespace = $1::regnamespace and t.relname = any($3) and t.relkind = 'r'`)
}

// copyDefinitions runs the statements that a query about the live tables returns.
func (s *shadow) copyDefinitions(ctx context.Context, query string) error {
	statements, err := s.definitions(ctx, query)
	if err != nil {
		return err
	}
	return execAll(ctx, s.conn, statements)
}

func (s *shadow) definitions(ctx context.Context, query string) ([]string, error) {
	rows, err := s.conn.Query(ctx, query, s.live, shadowSchema, s.withCheckpoints())
	if err != nil {
		return nil, fmt.Errorf("definitions of the live tables: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("definitions of the live tables: %w", err)
	}
	return list, nil
}

// execAll runs statements in one round trip and transaction, all or none.
func execAll(ctx context.Context, conn *pgx.Conn, statements []string) error {
	if _, err := conn.Exec(ctx, strings.Join(statements, ";\n")); err != nil {
		return fmt.Errorf("make the shadow: %w", err)
	}
	return nil
}

// withCheckpoints returns the names of all tables that are swapped.
func (s *shadow) withCheckpoints() []string {
	return append(append(make([]string, 0, len(s.tables)+1), s.tables...), checkpointsTable)
}
