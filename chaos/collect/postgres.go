package collect

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/chaos/check"
)

// mainDatabase holds the ledgers.
const mainDatabase = "saas_platform"

// databases reads the ledgers and all read models into s.
func databases(ctx context.Context, url func(string) string, s *check.Snapshot) error {
	var tenants []string
	err := in(ctx, url(mainDatabase), func(tx pgx.Tx) (err error) {
		if err := ledgers(ctx, tx, s); err != nil {
			return err
		}
		if s.Platform, err = tables(ctx, tx, check.PlatformTables()); err != nil {
			return err
		}
		rows, _ := tx.Query(ctx, `select datname from pg_database where datname ~ '^tenant_[0-9a-f]{32}$'`)
		tenants, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		return fmt.Errorf("main database: %w", err)
	}
	s.Databases = make(map[string]check.Tables, len(tenants))
	for _, name := range tenants {
		err := in(ctx, url(name), func(tx pgx.Tx) (err error) {
			s.Databases[name], err = tables(ctx, tx, check.TenantTables())
			return err
		})
		if err != nil {
			return fmt.Errorf("database %s: %w", name, err)
		}
	}
	return nil
}

// in runs read over one consistent state of a database.
func in(ctx context.Context, url string, read func(pgx.Tx) error) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, read)
}

func ledgers(ctx context.Context, tx pgx.Tx, s *check.Snapshot) error {
	s.Heads, s.Keys, s.Events = map[uuid.UUID]check.Head{}, map[uuid.UUID][]byte{}, nil
	var ledger, stream, id uuid.UUID
	var head check.Head
	rows, _ := tx.Query(ctx, `select ledger_id, seq, range from ledger.heads`)
	_, err := pgx.ForEachRow(rows, []any{&ledger, &head.Seq, &head.Range}, func() error {
		s.Heads[ledger] = check.Head{Seq: head.Seq, Range: append([]byte(nil), head.Range...)}
		return nil
	})
	if err != nil {
		return fmt.Errorf("heads: %w", err)
	}
	var e check.Event
	rows, _ = tx.Query(ctx, `
		select ledger_id, seq, stream_id, stream_version, event_id, type, body
		from ledger.events order by ledger_id, seq`)
	_, err = pgx.ForEachRow(rows, []any{&ledger, &e.Seq, &stream, &e.StreamVersion, &id, &e.Type, &e.Body}, func() error {
		s.Events = append(s.Events, check.Event{
			Ledger: ledger, Seq: e.Seq, Stream: stream, StreamVersion: e.StreamVersion, ID: id, Type: e.Type,
			Body: append([]byte(nil), e.Body...),
		})
		return nil
	})
	if err != nil {
		return fmt.Errorf("events: %w", err)
	}
	var key []byte
	rows, _ = tx.Query(ctx, `select user_id, key from identity.person_keys`)
	_, err = pgx.ForEachRow(rows, []any{&id, &key}, func() error {
		s.Keys[id] = append([]byte(nil), key...)
		return nil
	})
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	return tx.QueryRow(ctx, `select count(*) from ledger.outbox`).Scan(&s.Outbox)
}

// tables reads the rows of tables as text.
func tables(ctx context.Context, tx pgx.Tx, wanted []check.Table) (check.Tables, error) {
	read := check.Tables{}
	for _, t := range wanted {
		columns := append(append([]string(nil), t.Key...), t.Columns...)
		expressions := make([]string, len(columns))
		for i, column := range columns {
			expressions[i] = asText(column)
		}
		rows, _ := tx.Query(ctx, "select array["+strings.Join(expressions, ", ")+"] from "+pgx.Identifier{t.Name}.Sanitize())
		all, err := pgx.CollectRows(rows, pgx.RowTo[[]string])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		read[t.Name] = make(map[string]check.Row, len(all))
		for _, values := range all {
			row := make(check.Row, len(columns))
			for i, column := range columns {
				row[column] = values[i]
			}
			for _, column := range []string{"data", "origin"} {
				if text, ok := row[column]; ok {
					row[column] = check.CanonicalJSON([]byte(text))
				}
			}
			read[t.Name][t.KeyOf(row)] = row
		}
	}
	return read, nil
}

// asText returns the SQL expression for a column in the spelling of [check.Row].
func asText(column string) string {
	name := pgx.Identifier{column}.Sanitize()
	text := name + "::text"
	if column == "at" || strings.HasSuffix(column, "_at") {
		text = `to_char(` + name + ` at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
	}
	return "coalesce(" + text + ", '" + check.Null + "')"
}
