package roles

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/config"
)

// migrateParallel is how many tenants' databases are migrated at once.
const migrateParallel = 4

// Migrate brings the main database and every tenant's own to the newest schema.
// Doing so again changes nothing; cut off, it goes on where it stopped. That a
// tenant's database was changed stands in the tenant's trail.
func Migrate(ctx context.Context, cfg config.Config, logger *slog.Logger) error {
	owner := cmp.Or(cfg.Database.MigrateURL, cfg.Database.URL)
	if err := tenantdb.MigratePlatform(ctx, owner); err != nil {
		return err
	}
	if err := tenantdb.Grant(ctx, owner, cfg.Database.URL); err != nil {
		return err
	}
	logger.LogAttrs(ctx, slog.LevelInfo, "main database migrated")
	pool, err := openPool(ctx, cfg.Database)
	if err != nil {
		return err
	}
	defer pool.Close()
	ledger := postgres.New(pool, postgres.Options{Writers: 1})
	defer ledger.Close()
	app := command.NewApp(ledger, postgres.NewPersonKeys(pool), nil) // claims no addresses
	return tenantdb.NewProvisioner(pool).MigrateTenants(ctx, migrateParallel, func(s tenantdb.Status) {
		switch {
		case s.Err != nil:
			logger.LogAttrs(ctx, slog.LevelError, "tenant database not migrated",
				slog.String("database", s.Database), slog.Any("error", s.Err))
		case s.From != s.To:
			logger.LogAttrs(ctx, slog.LevelInfo, "tenant database migrated",
				slog.String("database", s.Database), slog.Int64("from", s.From), slog.Int64("to", s.To))
			detail := fmt.Sprintf("schema of the tenant's database from version %d to %d", s.From, s.To)
			if _, err := app.RecordOperation(ctx, s.Tenant, "migrate", detail); err != nil {
				logger.LogAttrs(ctx, slog.LevelError, "migration not recorded in the tenant's trail",
					slog.String("database", s.Database), slog.Any("error", err))
			}
		}
	})
}
