package tenantdb

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/cartulary/cartulary/migrations"
)

// schemaLock is the advisory lock under which a database is migrated: by one
// process at a time.
const schemaLock = 0x6361_7274_756c_6179 // "cartulay"

// maintenanceDatabase is where one connects to create databases.
const maintenanceDatabase = "postgres"

// MigratePlatform brings the main database to the newest schema, and creates it
// if it is not there. Doing so again, or at the same time, changes nothing more.
// It returns the versions of the schema before, 0 if there was none, and after.
func MigratePlatform(ctx context.Context, url string) (from, to int64, err error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return 0, 0, fmt.Errorf("migrate the main database: %w", err)
	}
	if err := ensureDatabase(ctx, cfg); err != nil {
		return 0, 0, fmt.Errorf("migrate the main database: %w", err)
	}
	files, err := fs.Sub(migrations.Platform, "platform")
	if err != nil {
		return 0, 0, fmt.Errorf("migrate the main database: %w", err)
	}
	v, err := migrate(ctx, cfg, files)
	if err != nil {
		return 0, 0, fmt.Errorf("migrate the main database: %w", err)
	}
	return v.from, v.to, nil
}

// ensureDatabase creates the database of cfg if it is not there.
func ensureDatabase(ctx context.Context, cfg *pgx.ConnConfig) error {
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err == nil {
		hangUp(ctx, conn)
		return nil
	}
	if !isCode(err, codeNoSuchDatabase) {
		return err
	}
	maintenance := cfg.Copy()
	maintenance.Database = maintenanceDatabase
	conn, err = pgx.ConnectConfig(ctx, maintenance)
	if err != nil {
		return err
	}
	defer hangUp(ctx, conn)
	_, err = conn.Exec(ctx, "create database "+pgx.Identifier{cfg.Database}.Sanitize())
	if err != nil && !alreadyExists(err) {
		return fmt.Errorf("create database: %w", err)
	}
	return nil
}

// alreadyExists reports whether a database could not be created because it is
// there, or because someone else created it at that moment.
func alreadyExists(err error) bool {
	return isCode(err, codeDatabaseExists) || isCode(err, codeUniqueViolation)
}

// versions are the schema versions of a database before and after a migration.
type versions struct{ from, to int64 }

// migrate applies the migrations that the database of cfg lacks. It waits for
// whoever is at it.
func migrate(ctx context.Context, cfg *pgx.ConnConfig, files fs.FS) (v versions, err error) {
	lock, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return versions{}, err
	}
	defer hangUp(ctx, lock) // which releases the lock, too
	if _, err := lock.Exec(ctx, "select pg_advisory_lock($1)", schemaLock); err != nil {
		return versions{}, fmt.Errorf("lock the schema: %w", err)
	}
	db := stdlib.OpenDB(*cfg)
	defer func() { err = errors.Join(err, db.Close()) }()
	return up(ctx, db, files)
}

func up(ctx context.Context, db *sql.DB, files fs.FS) (v versions, err error) {
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()),
		goose.WithAllowOutofOrder(true)) // whose numbers were given out before others landed
	if err != nil {
		return versions{}, err
	}
	if v.from, err = provider.GetDBVersion(ctx); err != nil {
		return versions{}, fmt.Errorf("schema version: %w", err)
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return v, fmt.Errorf("apply migrations: %w", err)
	}
	v.to = v.from
	for _, r := range results {
		v.to = max(v.to, r.Source.Version)
	}
	return v, nil
}

// tenantFiles returns the migrations of tenants' databases.
func tenantFiles() (fs.FS, error) { return fs.Sub(migrations.Tenant, "tenant") }

// templateName names the template of tenants' databases after what made it, so
// that a new schema gets a new template.
func templateName(files fs.FS) (string, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, name := range names { // in lexical order
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return "", err
		}
		h.Write(fmt.Appendf(nil, "%q %d\n", name, len(text)))
		h.Write(text)
	}
	return fmt.Sprintf("cartulary_template_%d_%s", len(names), hex.EncodeToString(h.Sum(nil)[:6])), nil
}
