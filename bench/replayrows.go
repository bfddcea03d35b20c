package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/projections"
)

const copiesAtOnce = 2

// exported is rows of a tenant's table, in a file that COPY wrote.
type exported struct {
	tenant int // by its place
	table  string
	file   string
}

// exporting is what export does to one database.
type exporting struct {
	t      *replayTrial
	conn   *pgx.Conn
	tenant int
}

// export writes all rows to files, in two parts of about as many rows. Nothing refers
// to the trail, and it refers to nothing: one tenant's may be cut in two.
func (t *replayTrial) export(ctx context.Context) error {
	for i, tenant := range t.tenants {
		err := t.within(ctx, tenant, func(conn *pgx.Conn) error {
			e := exporting{t, conn, i}
			before := t.rows
			for _, table := range projections.TenantTables() {
				if table == trailTable && len(t.tenants) == 1 {
					return e.halves(ctx, t.rows-before)
				}
				if err := e.rows(ctx, i%copiesAtOnce, table, ""); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	return nil
}

const trailTable = "trail" // the last of a tenant's tables

// halves shares out the trail, of which the first part gets less, having others rows
// already.
func (e exporting) halves(ctx context.Context, others int64) error {
	cut := max(0, (e.t.events-others)/2)
	if err := e.rows(ctx, 0, trailTable, fmt.Sprintf("where seq <= %d", cut)); err != nil {
		return err
	}
	return e.rows(ctx, 1, trailTable, fmt.Sprintf("where seq > %d", cut))
}

func (e exporting) rows(ctx context.Context, part int, table, where string) (err error) {
	path := filepath.Join(e.t.topics.dir, fmt.Sprintf("rows-%d-%d-%s", e.tenant, part, table))
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	tag, err := e.conn.PgConn().CopyTo(ctx, file, "copy (select * from "+identifier(table)+" "+where+") to stdout")
	e.t.rows += tag.RowsAffected()
	e.t.parts[part] = append(e.t.parts[part], exported{e.tenant, table, path})
	return err
}

// within calls do with a connection to a tenant's database.
func (t *replayTrial) within(ctx context.Context, tenant uuid.UUID, do func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, t.b.cluster.server.URL(events.DatabaseName(tenant)))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	return do(conn)
}

// copyAll copies the exported rows into new databases, over two connections at a time,
// a transaction for each database and part.
func (t *replayTrial) copyAll(ctx context.Context) (took time.Duration, err error) {
	fresh := newTenants(len(t.tenants))
	defer func() {
		for _, tenant := range fresh {
			err = errors.Join(err, t.b.cluster.drop(ctx, events.DatabaseName(tenant)))
		}
	}()
	if err := t.provision(ctx, fresh); err != nil {
		return 0, err
	}
	if err := t.b.cluster.exec(ctx, maintenance, "checkpoint"); err != nil {
		return 0, err
	}
	begin := time.Now()
	group, copying := errgroup.WithContext(ctx)
	for _, part := range t.parts {
		group.Go(func() error {
			for len(part) > 0 {
				n := 1
				for n < len(part) && part[n].tenant == part[0].tenant {
					n++
				}
				if err := t.copyInto(copying, fresh[part[0].tenant], part[:n]); err != nil {
					return err
				}
				part = part[n:]
			}
			return nil
		})
	}
	err = group.Wait()
	return time.Since(begin), err
}

func (t *replayTrial) copyInto(ctx context.Context, tenant uuid.UUID, list []exported) error {
	return t.within(ctx, tenant, func(conn *pgx.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			for _, x := range list {
				file, err := os.Open(x.file)
				if err != nil {
					return err
				}
				_, err = tx.Conn().PgConn().CopyFrom(ctx, file, "copy "+identifier(x.table)+" from stdin")
				if err = errors.Join(err, file.Close()); err != nil {
					return fmt.Errorf("copy %s: %w", x.table, err)
				}
			}
			return nil
		})
	})
}
