package roles

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/config"
	"github.com/cartulary/cartulary/events"
)

// migrateParallel is how many tenants' databases are migrated at once.
const migrateParallel = 4

// Migrate brings the main database and every tenant's own to the newest schema.
// Doing so again changes nothing; cut off, it goes on where it stopped. What was changed
// stands in the trail, the platform's or the tenant's, but for the beginning of all: that
// makes the trail.
func Migrate(ctx context.Context, cfg config.Config, logger *slog.Logger) error {
	owner := cmp.Or(cfg.Database.MigrateURL, cfg.Database.URL)
	from, to, err := tenantdb.MigratePlatform(ctx, owner)
	if err != nil {
		return err
	}
	if err := tenantdb.Grant(ctx, owner, cfg.Database.URL); err != nil {
		return err
	}
	pool, err := openPool(ctx, cfg.Database)
	if err != nil {
		return err
	}
	defer pool.Close()
	record := func(ledger uuid.UUID, detail string) { // what was changed stays, whether or not
		if err := recordAct(ctx, pool, ledger, "migrate", detail); err != nil {
			logger.LogAttrs(ctx, slog.LevelError, "migration not recorded in the trail",
				slog.String("ledger", ledger.String()), slog.String("detail", detail), slog.Any("error", err))
		}
	}
	logger.LogAttrs(ctx, slog.LevelInfo, "main database migrated", slog.Int64("from", from), slog.Int64("to", to))
	if from > 0 && from != to {
		record(events.PlatformLedger, fmt.Sprintf("schema of the main database from version %d to %d", from, to))
	}
	return tenantdb.NewProvisioner(pool).MigrateTenants(ctx, migrateParallel, func(s tenantdb.Status) {
		switch {
		case s.Err != nil:
			logger.LogAttrs(ctx, slog.LevelError, "tenant database not migrated",
				slog.String("database", s.Database), slog.Any("error", s.Err))
		case s.From != s.To:
			logger.LogAttrs(ctx, slog.LevelInfo, "tenant database migrated",
				slog.String("database", s.Database), slog.Int64("from", s.From), slog.Int64("to", s.To))
			record(s.Tenant, fmt.Sprintf("schema of the tenant's database from version %d to %d", s.From, s.To))
		}
	})
}
