package tenantdb

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"

	"github.com/jackc/pgx/v5"
)

// ensureTemplate returns the name of the template of tenants' databases, which it
// makes if it is not there. A template is finished when PostgreSQL has it marked
// as one; then nobody can connect to it, and so nobody is in the way of a copy.
func (p *Provisioner) ensureTemplate(ctx context.Context) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.template != "" {
		return p.template, nil
	}
	files, err := tenantFiles()
	if err != nil {
		return "", err
	}
	name, err := templateName(files)
	if err != nil {
		return "", err
	}
	if err := p.makeTemplate(ctx, name); err != nil {
		return "", fmt.Errorf("template %s: %w", name, err)
	}
	p.template = name
	return name, nil
}

// makeTemplate makes the template, or goes on where someone was cut off, under a
// lock that all processes of the server share.
func (p *Provisioner) makeTemplate(ctx context.Context, name string) error {
	// A connection of its own, ended in any case: that ends the lock.
	conn, err := pgx.ConnectConfig(ctx, p.configOf(maintenanceDatabase))
	if err != nil {
		return err
	}
	defer hangUp(ctx, conn)
	if _, err := conn.Exec(ctx, "select pg_advisory_lock($1)", templateLock(name)); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	var finished bool
	err = conn.QueryRow(ctx, `select datistemplate from pg_database where datname = $1`, name).Scan(&finished)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		_, err := conn.Exec(ctx, "create database "+pgx.Identifier{name}.Sanitize()+" template template0")
		if err != nil && !alreadyExists(err) {
			return fmt.Errorf("create database: %w", err)
		}
	case err != nil:
		return fmt.Errorf("look for it: %w", err)
	case finished:
		return nil
	}
	if _, err := p.migrate(ctx, name); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "alter database "+pgx.Identifier{name}.Sanitize()+" is_template true allow_connections false")
	if err != nil {
		return fmt.Errorf("finish: %w", err)
	}
	return nil
}

func templateLock(name string) int64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return int64(h.Sum64()) //nolint:gosec // any 64 bits will do
}
