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
	// begin with what was signed before, or with published.
	Certify(ctx context.Context, ledger uuid.UUID, published tlog.Tree, sign func(tlog.Tree) ([]byte, error)) (*proof.Signed, error)
	// Consistency proves that a checkpoint begins with its ledger's first from events. It
	// fails with proof.ErrTiles if the ledger does not hold what the checkpoint says.
	Consistency(ctx context.Context, c proof.Signed, from int64) ([]tlog.Hash, error)
	// Unpublished returns up to limit checkpoints, by ledger and size, that are not
	// published yet, after that of the given ledger and size.
	Unpublished(ctx context.Context, after uuid.UUID, size int64, limit int) ([]proof.Signed, error)
	// Published says that checkpoints are published.
	Published(ctx context.Context, list []proof.Signed) error
	Signers
}

// Signers are those who signed.
type Signers interface {
	// Keys returns their public keys.
	Keys(ctx context.Context) ([]string, error)
}

// Objects is where checkpoints are kept out of reach of the database.
type Objects interface {
	// Read returns the first limit bytes of an object; [Config.NotFound] if there is none.
	Read(ctx context.Context, key string, limit int64) ([]byte, error)
	// Keep stores an object for good, where none is or the same one; otherwise it fails
	// with [Config.Differs].
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
	Keys    proof.Keys    // trusted, of what is published, besides those that the database names
	Every   time.Duration // between looks; 5 s if zero
	Logger  *slog.Logger

	Rewritten error // what Ledgers.Certify fails with when it must not sign
	NotFound  error // what Objects.Read fails with when there is none
	Differs   error // what Objects.Keep fails with when there is another
}

// Notary signs checkpoints.
type Notary struct {
	cfg    Config
	alarms alarms
	away   time.Time // when it was last told that publishing fails; zero if it does not

	// Where the next round begins, after one that the object store cut short: so what
	// it fails at holds up nothing but itself.
	toSign    uuid.UUID
	toPublish position

	// As of this round:
	keys   proof.Keys
	latest map[uuid.UUID]tlog.Tree // what is published
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
	return &Notary{cfg: cfg, alarms: make(alarms)}
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
	whole := n.toSign == uuid.Nil && n.toPublish == position{}
	keys, err := trusted(ctx, n.cfg.Ledgers, n.cfg.Keys)
	if err == nil {
		n.keys, n.latest = keys, make(map[uuid.UUID]tlog.Tree)
		err = errors.Join(n.certify(ctx, valid), n.publish(ctx))
	}
	switch {
	case ctx.Err() != nil:
	case err != nil && time.Since(n.away) >= alarmEvery:
		n.away = time.Now()
		n.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "notary: checkpoints wait to be published", slog.Any("error", err))
	case err == nil && whole && !n.away.IsZero():
		n.away = time.Time{}
		n.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "notary: checkpoints are published again")
	}
}

// certify signs whatever changed. It fails if it can't go on; the next round goes on
// behind the ledger at which it ended.
func (n *Notary) certify(ctx context.Context, valid func() bool) error {
	after := n.toSign
	n.toSign = uuid.Nil
	for {
		changed, err := n.cfg.Ledgers.Changed(ctx, after, page)
		if err != nil {
			return err
		}
		for _, ledger := range changed {
			if ctx.Err() != nil || !valid() {
				return nil //nolint:nilerr // whoever leads next goes on
			}
			err := n.certifyOne(ctx, ledger, valid)
			if errors.Is(err, errStore) {
				n.toSign = ledger
				return fmt.Errorf("ledger %s: %w", ledger, err)
			}
			n.tell(ctx, ledger, err)
		}
		if len(changed) < page {
			return nil
		}
		after = changed[len(changed)-1]
	}
}

// errDeposed says that the process stopped leading before it signed.
var errDeposed = errors.New("no longer leading")

// certifyOne signs a ledger that begins with what was published of it.
func (n *Notary) certifyOne(ctx context.Context, ledger uuid.UUID, valid func() bool) error {
	published, err := n.published(ctx, ledger)
	if err != nil {
		return err
	}
	_, err = n.cfg.Ledgers.Certify(ctx, ledger, published, func(tree tlog.Tree) ([]byte, error) {
		if !valid() {
			return nil, errDeposed
		}
		c := proof.Checkpoint{Origin: proof.Origin(n.cfg.Signer.Name(), ledger), Size: tree.N, Root: tree.Hash}
		return c.Sign(n.cfg.Signer)
	})
	return err
}

// tell says why a ledger was not signed.
func (n *Notary) tell(ctx context.Context, ledger uuid.UUID, err error) {
	switch at := (position{ledger: ledger}); {
	case err == nil:
		n.alarms.clear(at)
	case ctx.Err() != nil || errors.Is(err, errDeposed):
	case errors.Is(err, n.cfg.Rewritten) || disagrees(err):
		if n.alarms.due(at) {
			n.cfg.Logger.LogAttrs(ctx, slog.LevelError, "notary: THE LEDGER IS NOT WHAT WAS SIGNED OR PUBLISHED BEFORE, nothing is signed for it any more",
				slog.String("ledger", ledger.String()), slog.Any("error", err))
		}
	default:
		n.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "notary: ledger not certified, trying again",
			slog.String("ledger", ledger.String()), slog.Any("error", err))
	}
}
