package roles

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/adapters/kafka"
	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/config"
)

// emailClaims names the secret that keys the ids of e-mail claims.
const emailClaims = "email_claims"

// loginAttempts names the secret that keys what attempts to sign in are counted for.
const loginAttempts = "login_attempts"

// uploadTickets names the secret that seals the ids of uploads to the store.
const uploadTickets = "upload_tickets"

// Platform is what the roles of one process share. Its methods Relay, Projector,
// Worker and API are the roles.
type Platform struct {
	cfg    config.Config
	logger *slog.Logger
	hints  *Hints

	main   *pgxpool.Pool // saas_platform
	pools  *tenantdb.Pools
	ledger *postgres.Ledger
	keys   *postgres.PersonKeys
	app    *command.App
}

// Open connects to the main database, which must hold the ledger's tables.
// [Platform.Close] must follow.
func Open(ctx context.Context, cfg config.Config, hints *Hints, logger *slog.Logger) (*Platform, error) {
	p, err := OpenToReplay(ctx, cfg, hints, logger)
	if err != nil {
		return nil, err
	}
	if err := p.checkTables(ctx); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// OpenToReplay connects to a main database whose ledger may be lost: read models can be
// rebuilt from audit.log without. [Platform.Close] must follow.
func OpenToReplay(ctx context.Context, cfg config.Config, hints *Hints, logger *slog.Logger) (*Platform, error) {
	pool, err := openPool(ctx, cfg.Database)
	if err != nil {
		return nil, err
	}
	p := &Platform{
		cfg: cfg, logger: logger, hints: hints, main: pool,
		pools: tenantdb.New(tenantdb.Config{ //nolint:contextcheck // outlives the call; ended by Close
			Platform: pool, MaxConns: cfg.Database.PoolSize,
		}),
		keys: postgres.NewPersonKeys(pool),
		ledger: postgres.New(pool, postgres.Options{
			OnAppend: func(uuid.UUID, int64) { hints.Appended(context.WithoutCancel(ctx)) },
		}),
	}
	if err := p.checkRole(ctx); err != nil {
		p.Close()
		return nil, err
	}
	emailKey, err := postgres.NewSecrets(pool).Secret(ctx, emailClaims)
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("read the platform's secrets (was it migrated?): %w", err)
	}
	p.app = command.NewApp(p.ledger, p.keys, emailKey)
	hints.OnErased(p.keys.Forget)
	return p, nil
}

// checkRole refuses, in production, a database role that could rewrite the trail, and
// warns of it elsewhere.
func (p *Platform) checkRole(ctx context.Context) error {
	why, err := postgres.MayRewrite(ctx, p.main)
	if err != nil {
		return fmt.Errorf("%w (was it migrated?)", err)
	}
	if why == "" {
		return nil
	}
	if p.cfg.Environment == config.Production {
		return fmt.Errorf("DATABASE_URL names a role that could rewrite the trail: %s; give the product a role of its own, "+
			"and migrate with the owner in MIGRATE_DATABASE_URL (docs/operations.md)", why)
	}
	p.logger.LogAttrs(ctx, slog.LevelWarn, "the database role could rewrite the trail; production refuses it", slog.String("why", why))
	return nil
}

// checkTables refuses a main database without the ledger: what runs on it would not
// know what happened, and could record nothing.
func (p *Platform) checkTables(ctx context.Context) error {
	missing, err := postgres.MissingTables(ctx, p.main)
	if err != nil || len(missing) == 0 {
		return err
	}
	return fmt.Errorf("the main database lacks %s: run cartulary migrate if it is new; if they were lost, restore them from a backup "+
		"(docs/operations.md). Only replay and drift --from audit.log work without", strings.Join(missing, ", "))
}

// Close ends what Open opened. No role may run any more.
func (p *Platform) Close() {
	p.ledger.Close()
	p.pools.Close()
	p.main.Close()
}

func openPool(ctx context.Context, cfg config.Database) (*pgxpool.Pool, error) {
	settings, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL can't be read: %w", err)
	}
	settings.MaxConns = int32(cfg.PoolSize) //nolint:gosec // bounded by the configuration
	pool, err := pgxpool.NewWithConfig(ctx, settings)
	if err != nil {
		return nil, fmt.Errorf("connect to the main database: %w", err)
	}
	return pool, nil
}

// openObjects connects to the object store.
func (p *Platform) openObjects(ctx context.Context) (*s3.Store, error) {
	store, err := s3.New(ctx, s3.Config{
		Endpoint: p.cfg.S3.Endpoint, PublicEndpoint: p.cfg.S3.PublicEndpoint,
		AccessKey: p.cfg.S3.AccessKey, SecretKey: p.cfg.S3.SecretKey,
		Bucket: p.cfg.S3.Bucket, Region: p.cfg.S3.Region, PathStyle: p.cfg.S3.PathStyle,
		CreateBucket: p.cfg.S3.CreateBucket, SSE: p.cfg.S3.SSE, KMSKey: p.cfg.S3.KMSKey,
		KeepFor: p.cfg.Audit.KeepFor,
	})
	if err != nil {
		return nil, fmt.Errorf("open the object store: %w", err)
	}
	return store, nil
}

// kafkaSecurity says how brokers are talked to.
func (p *Platform) kafkaSecurity() kafka.Security {
	k := p.cfg.Kafka
	return kafka.Security{TLS: k.TLS, Mechanism: k.Mechanism, Username: k.Username, Password: k.Password}
}

// ensureTopics makes sure that Kafka keeps what it is given.
func (p *Platform) ensureTopics(ctx context.Context) error {
	if err := kafka.EnsureTopics(ctx, kafka.TopicsConfig{Brokers: p.cfg.Kafka.Brokers, Security: p.kafkaSecurity()}); err != nil {
		return fmt.Errorf("prepare the topics: %w", err)
	}
	return nil
}
