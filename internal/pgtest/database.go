package pgtest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/pressly/goose/v3"

	"github.com/cartulary/cartulary/migrations"
)

const maintenance = "postgres" // the database from which others are made and dropped

// Platform returns the URL of a fresh main database, migrated, for the role that the
// product runs as: it can add to the trail and not rewrite it. See [Owner].
func Platform(t testing.TB) string {
	t.Helper()
	owner := embedded(t, migrations.Platform, "platform")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := execute(ctx, owner, migrations.Grants(product)); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return get(t).server.URLAs(nameOf(t, owner), product, productPassword)
}

// Owner returns the URL of the same database as url for a superuser.
func Owner(t testing.TB, url string) string {
	t.Helper()
	return get(t).server.URL(nameOf(t, url))
}

// Copy returns the URL, for the same role, of a copy of the database as it is now: a
// backup that was restored. Whoever is connected to it is cut off.
func Copy(t testing.TB, url string) string {
	t.Helper()
	c, from := get(t), nameOf(t, url)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	name, err := c.copyInUse(ctx, from)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	c.dropAfter(t, name)
	return strings.Replace(url, from, name, 1)
}

// copyInUse copies a database to which nobody can connect meanwhile.
func (c *cluster) copyInUse(ctx context.Context, from string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.databases++
	name, quoted := fmt.Sprintf("test_%d", c.databases), pgx.Identifier{from}.Sanitize()
	err := c.exec(ctx, "alter database "+quoted+" with allow_connections false")
	if err == nil {
		err = c.exec(ctx, "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = '"+from+"'")
	}
	if err == nil {
		err = c.copyDatabase(ctx, name, from)
	}
	return name, cmp.Or(err, c.exec(ctx, "alter database "+quoted+" with allow_connections true"))
}

func nameOf(t testing.TB, url string) string {
	t.Helper()
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return cfg.Database
}

// execute runs a statement on a connection of its own.
func execute(ctx context.Context, url, statement string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return cmp.Or(err, conn.Close(ctx))
}

// Tenant returns the URL of a fresh tenant database, migrated.
func Tenant(t testing.TB) string {
	t.Helper()
	return embedded(t, migrations.Tenant, "tenant")
}

func embedded(t testing.TB, files fs.FS, dir string) string {
	t.Helper()
	sub, err := fs.Sub(files, dir)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	return Database(t, sub)
}

// Database returns the URL of a fresh database on which the goose migrations in
// the root of files were applied; nil leaves it empty. It is dropped, whoever
// uses it, when the test ends.
func Database(t testing.TB, files fs.FS) string {
	t.Helper()
	c := get(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	name, err := c.create(ctx, files)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	c.dropAfter(t, name)
	return c.server.URL(name)
}

// dropAfter drops a database, whoever uses it, when the test ends.
func (c *cluster) dropAfter(t testing.TB, name string) {
	t.Helper()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := c.exec(ctx, "drop database if exists "+pgx.Identifier{name}.Sanitize()+" with (force)"); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
}

func (c *cluster) create(ctx context.Context, files fs.FS) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	template := "template0"
	if files != nil {
		var err error
		if template, err = c.template(ctx, files); err != nil {
			return "", err
		}
	}
	c.databases++
	name := fmt.Sprintf("test_%d", c.databases)
	return name, c.copyDatabase(ctx, name, template)
}

func (c *cluster) copyDatabase(ctx context.Context, name, template string) error {
	return c.exec(ctx, "create database "+pgx.Identifier{name}.Sanitize()+
		" template "+pgx.Identifier{template}.Sanitize())
}

// template returns the name of a database with files applied. The caller holds
// the mutex.
func (c *cluster) template(ctx context.Context, files fs.FS) (string, error) {
	key, err := digest(files)
	if err != nil {
		return "", fmt.Errorf("read migrations: %w", err)
	}
	if name, ok := c.templates[key]; ok {
		return name, nil
	}
	name := "migrated_" + hex.EncodeToString(key[:8])
	if err := c.copyDatabase(ctx, name, "template0"); err != nil {
		return "", err
	}
	if err := migrate(ctx, c.server.URL(name), files); err != nil {
		return "", err
	}
	c.templates[key] = name
	return name, nil
}

func migrate(ctx context.Context, url string, files fs.FS) (err error) {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer func() { err = cmp.Or(err, db.Close()) }()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

func digest(files fs.FS) (key [32]byte, err error) {
	h := sha256.New()
	err = fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, path)
		_, _ = fmt.Fprintf(h, "%q %d\n", path, len(text)) // a hash takes everything
		h.Write(text)
		return err
	})
	h.Sum(key[:0])
	return key, err
}

func (c *cluster) exec(ctx context.Context, statement string) error {
	return execute(ctx, c.server.URL(maintenance), statement)
}
