package roles

import (
	"context"
	"log/slog"

	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/config"
)

// migrateParallel is how many tenants' databases are migrated at once.
const migrateParallel = 4

// Migrate brings the main database and every tenant's own to the newest schema.
// Doing so again changes nothing; cut off, it goes on where it stopped.
func Migrate(ctx context.Context, cfg config.Config, logger *slog.Logger) error {
	if err := tenantdb.MigratePlatform(ctx, cfg.Database.URL); err != nil {
		return err
	}
	logger.LogAttrs(ctx, slog.LevelInfo, "main database migrated")
	pool, err := openPool(ctx, cfg.Database)
	if err != nil {
		return err
	}
	defer pool.Close()
	return tenantdb.NewProvisioner(pool).MigrateTenants(ctx, migrateParallel, func(s tenantdb.Status) {
		switch {
		case s.Err != nil:
			logger.LogAttrs(ctx, slog.LevelError, "tenant database not migrated",
				slog.String("database", s.Database), slog.Any("error", s.Err))
		case s.From != s.To:
			logger.LogAttrs(ctx, slog.LevelInfo, "tenant database migrated",
				slog.String("database", s.Database), slog.Int64("from", s.From), slog.Int64("to", s.To))
		}
	})
}
