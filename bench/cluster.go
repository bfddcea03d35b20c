package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/embedded/postgres"
)

const (
	maintenance = "postgres" // the database from which others are made and dropped
	platform    = "bench_platform"
	stopTimeout = 30 * time.Second
)

// cluster is the private PostgreSQL cluster of a run.
type cluster struct {
	server *postgres.Server
	made   int // databases
}

// startCluster starts a cluster that has nothing but a migrated, empty platform
// database, to be copied.
func startCluster(ctx context.Context, dir string) (*cluster, error) {
	server, err := postgres.Start(ctx, postgres.Config{Dir: dir, Durable: true})
	if err != nil {
		return nil, err
	}
	c := &cluster{server: server}
	if err := c.clear(ctx); err != nil {
		return nil, errors.Join(err, c.stop()) //nolint:contextcheck // ctx bounds the start
	}
	if _, _, err := tenantdb.MigratePlatform(ctx, server.URL(platform)); err != nil {
		return nil, errors.Join(err, c.stop()) //nolint:contextcheck // ctx bounds the start
	}
	return c, nil
}

// stop shuts the cluster down.
func (c *cluster) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	return c.server.Stop(ctx)
}

// clear drops what an earlier run left.
func (c *cluster) clear(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, c.server.URL(maintenance))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	rows, err := conn.Query(ctx, `select datname from pg_database where datname not in ($1, 'template0', 'template1')`, maintenance)
	if err != nil {
		return fmt.Errorf("list databases: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("list databases: %w", err)
	}
	for _, name := range names {
		if err := c.drop(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// create makes a database and returns its name. An empty template leaves it
// empty.
func (c *cluster) create(ctx context.Context, template string) (string, error) {
	if template == "" {
		template = "template0"
	}
	c.made++
	name := fmt.Sprintf("bench_%d", c.made)
	return name, c.exec(ctx, maintenance, "create database "+identifier(name)+" template "+identifier(template))
}

// drop removes a database, whoever uses it, if it is there.
func (c *cluster) drop(ctx context.Context, name string) error {
	return c.exec(ctx, maintenance,
		"update pg_database set datistemplate = false where datname = '"+name+"' and datistemplate",
		"drop database if exists "+identifier(name)+" with (force)")
}

func identifier(name string) string { return pgx.Identifier{name}.Sanitize() }

// exec runs statements, one by one, in a database.
func (c *cluster) exec(ctx context.Context, database string, statements ...string) error {
	conn, err := pgx.Connect(ctx, c.server.URL(database))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return fmt.Errorf("%.40s: %w", s, err)
		}
	}
	return nil
}

// pool returns connections to a database, to be closed by the caller.
func (c *cluster) pool(ctx context.Context, database string) (*pgxpool.Pool, error) {
	return openPool(ctx, c.server.URL(database))
}

func openPool(ctx context.Context, url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = poolSize
	return pgxpool.NewWithConfig(ctx, config)
}

// poolSize is what DATABASE_POOL_SIZE is when it is not set.
const poolSize = 10

func (c *cluster) program(name string) string { return filepath.Join(c.server.Bin(), name) }
