package tenantdb

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// analyzedFrom is how many events a database has to hold for statistics to be gathered
// before it is used. In a smaller one plans are good enough until autovacuum comes by.
const analyzedFrom = 50_000

// finishTables adds the indexes and references of the live tables, under their
// names, and gathers statistics: of two tables at once, unless other databases are
// finished meanwhile.
func (s *shadow) finishTables(ctx context.Context) error {
	indexes, references, err := s.lastDefinitions(ctx)
	if err != nil {
		return err
	}
	conns := []*pgx.Conn{s.conn}
	if s.alone {
		beside, err := s.second(ctx)
		if err != nil {
			return err
		}
		conns = append(conns, beside)
	}
	// The last tables hold the most: what is begun last is short.
	tables := make(chan string, len(s.tables)+1)
	for _, table := range slices.Backward(s.withCheckpoints()) {
		tables <- table
	}
	close(tables)
	var group errgroup.Group
	for _, conn := range conns {
		group.Go(func() error {
			for table := range tables {
				statements := indexes[table]
				if s.result.Events >= analyzedFrom {
					statements = append(statements, "analyze "+pgx.Identifier{table}.Sanitize())
				}
				if err := execAll(ctx, conn, statements); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return execAll(ctx, s.conn, references)
}

// lastDefinitions returns what makes the indexes of each table, and the references
// between them. The search path tells where a reference leads.
func (s *shadow) lastDefinitions(ctx context.Context) (indexes map[string][]string, references []string, err error) {
	if _, err := s.conn.Exec(ctx, "set search_path to "+pgx.Identifier{s.live}.Sanitize()); err != nil {
		return nil, nil, err
	}
	rows, err := s.conn.Query(ctx, `
		select t.relname, replace(pg_get_indexdef(i.indexrelid),
			format(' ON %I.%I ', $1::text, t.relname), format(' ON %I.%I ', $2::text, t.relname))
		from pg_index i join pg_class t on t.oid = i.indrelid
		where t.relnamespace = $1::regnamespace and t.relname = any($3)
			and not exists (select from pg_constraint c where c.conindid = i.indexrelid and c.contype in ('p', 'u', 'x'))
		order by i.indexrelid`, s.live, shadowSchema, s.withCheckpoints())
	if err != nil {
		return nil, nil, fmt.Errorf("definitions of the live tables: %w", err)
	}
	indexes = make(map[string][]string)
	var table, statement string
	if _, err := pgx.ForEachRow(rows, []any{&table, &statement}, func() error {
		indexes[table] = append(indexes[table], statement)
		return nil
	}); err != nil {
		return nil, nil, fmt.Errorf("definitions of the live tables: %w", err)
	}
	references, err = s.definitions(ctx, `
		select format('alter table %I.%I add constraint %I %s', $2::text, t.relname, c.conname, pg_get_constraintdef(c.oid))
		from pg_constraint c join pg_class t on t.oid = c.conrelid
		where t.relnamespace = $1::regnamespace and t.relname = any($3) and c.contype = 'f'`)
	if err != nil {
		return nil, nil, err
	}
	if _, err := s.conn.Exec(ctx, "set search_path to "+shadowSchema); err != nil {
		return nil, nil, err
	}
	return indexes, references, nil
}
