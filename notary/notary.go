package notary

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/cartulary/cartulary/proof"
)

// Ledgers are what is certified.
type Ledgers interface {
	// Changed returns up to limit ledgers, by id, after the given one, that are not as
	// their last checkpoint has them.
	Changed(ctx context.Context, after uuid.UUID, limit int) ([]uuid.UUID, error)
	// Certify verifies what a ledger has grown by and keeps what sign makes of its tree,
	// as unpublished. It fails with [Config.Rewritten] when the ledger does not
	// begin with what was signed before.
	Certify(ctx context.Context, ledger uuid.UUID, sign func(tlog.Tree) ([]byte, error)) (*proof.Signed, error)
	// Unpublished returns up to limit checkpoints that are not published yet.
	Unpublished(ctx context.Context, limit int) ([]proof.Signed, error)
	// Published says that checkpoints are published.
	Published(ctx context.Context, list []proof.Signed) error
}

// Objects is where checkpoints are kept out of reach of the database.
type Objects interface {
	// Keep stores an object for good, where none is or the same one.
	Keep(ctx context.Context, key, contentType string, data []byte) error
	// Replace stores an object over whatever is there.
	Replace(ctx context.Context, key, contentType string, data []byte) error
}

// Config is what a notary stands on.
type Config struct {
	Ledgers Ledgers
	Objects Objects
	Publish func(ctx context.Context, list []proof.Signed) error // to Kafka
	Signer  note.Signer
	Every   time.Duration // between looks; 5 s if zero
	Logger  *slog.Logger

	Rewritten error // what Ledgers.Certify fails with when it must not sign
}

// Notary signs checkpoints.
type Notary struct {
	cfg    Config
	alarms map[uuid.UUID]time.Time // when an alarm was last raised
	away   bool                    // publishing fails
}

const (
	page        = 256
	alarmEvery  = time.Minute
	contentType = "text/plain; charset=utf-8"
)

// New returns a notary.
func New(cfg Config) *Notary {
	if cfg.Every <= 0 {
		cfg.Every = 5 * time.Second
	}
	return &Notary{cfg: cfg, alarms: make(map[uuid.UUID]time.Time)}
}

// Run signs and publishes until ctx ends or valid, asked before each signature,
// says that this process does not lead any more.
func (n *Notary) Run(ctx context.Context, valid func() bool) {
	ticker := time.NewTicker(n.cfg.Every)
	defer ticker.Stop()
	for valid() {
		n.round(ctx, valid)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// round signs whatever changed, and publishes.
func (n *Notary) round(ctx context.Context, valid func() bool) {
	if err := n.certify(ctx, valid); err != nil && ctx.Err() == nil {
		n.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "notary: can't look for changed ledgers", slog.Any("error", err))
	}
	err := n.publish(ctx)
	switch {
	case err != nil && ctx.Err() == nil && !n.away:
		n.away = true
		n.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "notary: checkpoints wait to be published", slog.Any("error", err))
	case err == nil && n.away:
		n.away = false
		n.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "notary: checkpoints are published again")
	}
}

func (n *Notary) certify(ctx context.Context, valid func() bool) error {
	var after uuid.UUID
	for {
		changed, err := n.cfg.Ledgers.Changed(ctx, after, page)
		if err != nil {
			return err
		}
		for _, ledger := range changed {
			if ctx.Err() != nil || !valid() {
				return nil //nolint:nilerr // whoever leads next goes on
			}
			n.certifyOne(ctx, ledger, valid)
		}
		if len(changed) < page {
			return nil
		}
		after = changed[len(changed)-1]
	}
}

// errDeposed says that the process stopped leading before it signed.
var errDeposed = errors.New("no longer leading")

func (n *Notary) certifyOne(ctx context.Context, ledger uuid.UUID, valid func() bool) {
	_, err := n.cfg.Ledgers.Certify(ctx, ledger, func(tree tlog.Tree) ([]byte, error) {
		if !valid() {
			return nil, errDeposed
		}
		c := proof.Checkpoint{Origin: proof.Origin(n.cfg.Signer.Name(), ledger), Size: tree.N, Root: tree.Hash}
		return c.Sign(n.cfg.Signer)
	})
	switch {
	case err == nil:
		delete(n.alarms, ledger)
	case ctx.Err() != nil || errors.Is(err, errDeposed):
	case errors.Is(err, n.cfg.Rewritten):
		if time.Since(n.alarms[ledger]) >= alarmEvery {
			n.alarms[ledger] = time.Now()
			n.cfg.Logger.LogAttrs(ctx, slog.LevelError, "notary: THE LEDGER WAS REWRITTEN, nothing is signed for it any more",
				slog.String("ledger", ledger.String()), slog.Any("error", err))
		}
	default:
		n.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "notary: ledger not certified, trying again",
			slog.String("ledger", ledger.String()), slog.Any("error", err))
	}
}

// publish brings unpublished checkpoints to where they belong.
func (n *Notary) publish(ctx context.Context) error {
	for {
		list, err := n.cfg.Ledgers.Unpublished(ctx, page)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, s := range list {
			if err := n.cfg.Objects.Keep(ctx, Key(s.Ledger, s.Size), contentType, s.Note); err != nil {
				return fmt.Errorf("object store: %w", err)
			}
			if err := n.cfg.Objects.Replace(ctx, latestPrefix+s.Ledger.String(), contentType, s.Note); err != nil {
				return fmt.Errorf("object store: %w", err)
			}
		}
		if err := n.cfg.Publish(ctx, list); err != nil {
			return fmt.Errorf("kafka: %w", err)
		}
		if err := n.cfg.Ledgers.Published(ctx, list); err != nil {
			return err
		}
	}
}

// latestPrefix begins the keys of ledgers' latest checkpoints, followed by the
// ledger's id.
const latestPrefix = "audit/latest/"

// Key returns the key under which a checkpoint is kept in the object store, for good.
func Key(ledger uuid.UUID, size int64) string {
	return fmt.Sprintf("audit/%s/checkpoints/%d", ledger, size)
}
