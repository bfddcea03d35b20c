package roles

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/config"
	"github.com/cartulary/cartulary/proof"
)

// Trail is the ledgers of the main database as they are at one moment, for those who
// check them.
type Trail struct {
	conn *pgx.Conn
	tx   pgx.Tx
}

// OpenTrail takes a snapshot that changes nothing. [Trail.Close] must follow.
func OpenTrail(ctx context.Context, cfg config.Config) (*Trail, error) {
	conn, err := pgx.Connect(ctx, cfg.Database.URL)
	if err != nil {
		return nil, fmt.Errorf("connect to the main database: %w", err)
	}
	tx, err := postgres.Snapshot(ctx, conn)
	if err != nil {
		_ = conn.Close(ctx)
		return nil, err
	}
	return &Trail{conn: conn, tx: tx}, nil
}

// Close gives the snapshot up.
func (t *Trail) Close() {
	_ = t.conn.Close(context.Background()) // it only read
}

// Ledgers returns every ledger of which anything is left.
func (t *Trail) Ledgers(ctx context.Context) ([]uuid.UUID, error) {
	return postgres.AllLedgers(ctx, t.tx)
}

// Audit checks one ledger; see [postgres.Audit].
func (t *Trail) Audit(ctx context.Context, a proof.Audit) (proof.Report, error) {
	return postgres.Audit(ctx, t.tx, a)
}

// ExportTrail writes a ledger's signed events as a bundle and returns how many those
// are. That it does stands in that ledger, if the database's role may add to it: an
// auditor's may not have to.
func ExportTrail(ctx context.Context, cfg config.Config, ledger uuid.UUID, w io.Writer, logger *slog.Logger) (int64, error) {
	t, err := OpenTrail(ctx, cfg)
	if err != nil {
		return 0, err
	}
	defer t.Close()
	source, err := postgres.SignedSource(ctx, t.tx, ledger)
	if err != nil {
		return 0, err
	}
	switch err := recordExport(ctx, cfg, ledger); {
	case postgres.MayOnlyRead(err):
		logger.LogAttrs(ctx, slog.LevelWarn, "the export is not recorded: the role may only read", slog.String("ledger", ledger.String()))
	case err != nil:
		return 0, fmt.Errorf("record the export: %w", err)
	}
	return proof.WriteBundle(ctx, w, ledger, source)
}

// recordExport says in a ledger that an operator takes its trail along.
func recordExport(ctx context.Context, cfg config.Config, ledger uuid.UUID) error {
	pool, err := openPool(ctx, cfg.Database)
	if err != nil {
		return err
	}
	defer pool.Close()
	return recordAct(ctx, pool, ledger, "audit export", "the signed trail as a bundle")
}

// AuditKeys returns the public keys of those who signed checkpoints, the newest
// first, or the configured one if there is no database to ask.
func AuditKeys(ctx context.Context, cfg config.Config) ([]string, error) {
	if cfg.Audit.SigningKey != "" {
		key, err := proof.ParseKey(cfg.Audit.SigningKey)
		if err != nil {
			return nil, fmt.Errorf("AUDIT_SIGNING_KEY %w", err)
		}
		return []string{key.Public()}, nil
	}
	if cfg.Database.URL == "" {
		return nil, errors.New("set AUDIT_SIGNING_KEY, or DATABASE_URL to ask the database")
	}
	pool, err := openPool(ctx, cfg.Database)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	keys, err := postgres.NewProofs(pool).Keys(ctx)
	if err == nil && len(keys) == 0 {
		err = errors.New("nobody has signed yet: a worker does, when it runs")
	}
	return keys, err
}
