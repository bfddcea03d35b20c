package tenantdb

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/projections"
)

// toShadow makes a connection see the shadow alone, and write as who can begin anew:
// commits wait for no disk. Whole pages of new indexes, of which most of what is written
// ahead are made, do not get smaller when they are compressed, but it takes twice the
// time; who may not say so writes them as the server does.
func toShadow(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `
		set synchronous_commit = off;
		select set_config('wal_compression', 'off', false) from pg_roles where rolname = current_user and rolsuper;
		set search_path to `+shadowSchema)
	if err != nil {
		return fmt.Errorf("connect to the shadow: %w", err)
	}
	return nil
}

// second returns the shadow's other connection.
func (s *shadow) second(ctx context.Context) (*pgx.Conn, error) {
	if s.beside != nil {
		return s.beside, nil
	}
	conn, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := toShadow(ctx, conn); err != nil {
		hangUp(ctx, conn)
		return nil, err
	}
	s.beside = conn
	return conn, nil
}

// write makes writes. If the shadow is filled alone, those that copy rows are made over
// another connection, at once with the rest: nobody reads a shadow, and what is cut off
// begins anew.
func (s *shadow) write(ctx context.Context, writes *projections.Writes) error {
	if !s.alone || writes.Alone() {
		return makeAll(ctx, s.conn, writes)
	}
	beside, err := s.second(ctx)
	if err != nil {
		return err
	}
	rows := writes.Apart()
	var group errgroup.Group
	group.Go(func() error { return makeAll(ctx, beside, rows) })
	err = makeAll(ctx, s.conn, writes)
	if other := group.Wait(); err == nil {
		err = other
	}
	return err
}
