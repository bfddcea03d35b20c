package notary

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/cartulary/cartulary/proof"
)

// latestPrefix begins the keys of ledgers' latest checkpoints, followed by the
// ledger's id.
const latestPrefix = "audit/latest/"

// maxLatest is how many bytes of such an object are read, more than a checkpoint has.
const maxLatest = 1 << 16

// Key returns the key under which a checkpoint is kept in the object store, for good.
func Key(ledger uuid.UUID, size int64) string {
	return fmt.Sprintf("audit/%s/checkpoints/%d", ledger, size)
}

// errStore says that the object store failed.
var errStore = errors.New("object store")

// published returns what was last published of a ledger, as the object store has it:
// the empty tree if nothing was. It fails with errStore, or with a
// [*DisagreementError] if what is there can't be trusted.
func (n *Notary) published(ctx context.Context, ledger uuid.UUID) (tlog.Tree, error) {
	if tree, ok := n.latest[ledger]; ok {
		return tree, nil
	}
	signed, err := n.cfg.Objects.Read(ctx, latestPrefix+ledger.String(), maxLatest)
	if err != nil && !errors.Is(err, n.cfg.NotFound) {
		return tlog.Tree{}, fmt.Errorf("%w: %w", errStore, err)
	}
	var tree tlog.Tree
	if err == nil {
		c, err := openLatest(ledger, signed, n.keys)
		if err != nil {
			return tlog.Tree{}, err
		}
		tree = tlog.Tree{N: c.Size, Hash: c.Root}
	}
	n.latest[ledger] = tree
	return tree, nil
}

// openLatest reads a ledger's latest checkpoint. It fails with a [*DisagreementError].
func openLatest(ledger uuid.UUID, signed []byte, keys proof.Keys) (proof.Checkpoint, error) {
	c, err := proof.OpenCheckpoint(signed, keys)
	if err != nil {
		return c, &DisagreementError{Ledger: ledger, Reason: fmt.Sprintf(
			"the database knows no key that signed it; was it set back to an earlier time? (%v)", err)}
	}
	if of, err := c.Ledger(); err != nil || of != ledger {
		return c, &DisagreementError{Ledger: ledger, Size: c.Size, Reason: "the published checkpoint speaks of another ledger"}
	}
	return c, nil
}

// trusted returns the public keys of those who signed, and more.
func trusted(ctx context.Context, signers Signers, more proof.Keys) (proof.Keys, error) {
	texts, err := signers.Keys(ctx)
	if err != nil {
		return nil, err
	}
	known, err := proof.ParseKeys(texts...)
	if err != nil {
		return nil, err
	}
	return append(known, more...), nil
}

// disagrees reports whether err is a [*DisagreementError].
func disagrees(err error) bool {
	_, ok := errors.AsType[*DisagreementError](err)
	return ok
}
