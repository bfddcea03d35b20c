package tenantdb

import (
	"context"
	"fmt"
	"sync"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Provisioner makes and migrates tenants' databases, on the server of the main
// database. It keeps one template database of the newest schema, which it makes
// when it is first needed.
//
// Every step may be cut off at any point, done again, or done by several
// processes at the same time: a database that PostgreSQL lists was copied whole
// from a template that was migrated whole, and goose records each migration in the
// transaction that makes it.
type Provisioner struct {
	platform *pgxpool.Pool

	mu       sync.Mutex
	template string // name of the template; "" until it is known to be there
}

// NewProvisioner returns a provisioner on the server of the main database, whose
// user must be allowed to create databases.
func NewProvisioner(platform *pgxpool.Pool) *Provisioner {
	return &Provisioner{platform: platform}
}

// Provision makes a tenant's database and brings it to the newest schema. Where
// that is so already it changes nothing.
func (p *Provisioner) Provision(ctx context.Context, tenant uuid.UUID) error {
	name := databaseName(tenant)
	template, err := p.ensureTemplate(ctx)
	if err != nil {
		return fmt.Errorf("provision %s: %w", name, err)
	}
	created, err := p.copyTemplate(ctx, name, template)
	if err != nil {
		return fmt.Errorf("provision %s: %w", name, err)
	}
	if created {
		return nil
	}
	if _, err := p.migrate(ctx, name); err != nil {
		return fmt.Errorf("provision %s: %w", name, err)
	}
	return nil
}

// migrate brings an existing database to the newest schema.
func (p *Provisioner) migrate(ctx context.Context, name string) (versions, error) {
	files, err := tenantFiles()
	if err != nil {
		return versions{}, err
	}
	return migrate(ctx, p.configOf(name), files)
}

func (p *Provisioner) configOf(name string) *pgx.ConnConfig {
	cfg := p.platform.Config().ConnConfig.Copy()
	cfg.Database = name
	return cfg
}

// copyTemplate creates a database from the template; false if it is there.
func (p *Provisioner) copyTemplate(ctx context.Context, name, template string) (created bool, err error) {
	var version int
	var exists bool
	err = p.platform.QueryRow(ctx, `
		select current_setting('server_version_num')::int, exists (select from pg_database where datname = $1)`,
		name).Scan(&version, &exists)
	if err != nil {
		return false, fmt.Errorf("look for the database: %w", err)
	}
	if exists {
		return false, nil
	}
	statement := "create database " + pgx.Identifier{name}.Sanitize() +
		" template " + pgx.Identifier{template}.Sanitize()
	if version >= 150_000 {
		statement += " strategy wal_log" // PostgreSQL 14 knows no other than file_copy
	}
	switch _, err := p.platform.Exec(ctx, statement); {
	case alreadyExists(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("create database: %w", err)
	}
	return true, p.mark(ctx, name)
}
