package notary

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/cartulary/cartulary/proof"
)

// publish brings unpublished checkpoints to where they belong. It fails if it can't go
// on; after the object store failed, the next round goes on behind the checkpoint at
// which it did.
func (n *Notary) publish(ctx context.Context) error {
	after := n.toPublish
	n.toPublish = position{}
	for {
		list, err := n.cfg.Ledgers.Unpublished(ctx, after.ledger, after.size, page)
		if err != nil || len(list) == 0 {
			return err
		}
		stored, failure := n.store(ctx, list)
		if err := n.announce(ctx, stored); err != nil {
			return err
		}
		if failure != nil || len(list) < page {
			return failure
		}
		after = positionOf(list[len(list)-1])
	}
}

// announce sends checkpoints that are in the object store to Kafka; so they are
// published.
func (n *Notary) announce(ctx context.Context, stored []proof.Signed) error {
	if len(stored) == 0 {
		return nil
	}
	if err := n.cfg.Publish(ctx, stored); err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	return n.cfg.Ledgers.Published(ctx, stored)
}

// store brings checkpoints to the object store and returns those that are there. What
// must not be there is told and passed over.
func (n *Notary) store(ctx context.Context, list []proof.Signed) (stored []proof.Signed, err error) {
	for _, s := range list {
		err := n.storeOne(ctx, s)
		switch {
		case err == nil:
			stored = append(stored, s)
			n.alarms.clear(positionOf(s))
		case errors.Is(err, n.cfg.Differs) || disagrees(err):
			if n.alarms.due(positionOf(s)) {
				n.cfg.Logger.LogAttrs(ctx, slog.LevelError, "notary: A CHECKPOINT CAN'T BE PUBLISHED, others are",
					slog.String("ledger", s.Ledger.String()), slog.Int64("checkpoint", s.Size), slog.Any("error", err))
			}
		default:
			n.toPublish = positionOf(s)
			return stored, fmt.Errorf("checkpoint of %d events of ledger %s: %w", s.Size, s.Ledger, err)
		}
	}
	return stored, nil
}

// storeOne keeps a checkpoint in the object store, and lays it over the ledger's latest
// one there if it goes on from that.
func (n *Notary) storeOne(ctx context.Context, s proof.Signed) error {
	last, err := n.published(ctx, s.Ledger)
	if err == nil {
		err = n.oneHistory(ctx, s, last)
	}
	if err != nil {
		return err
	}
	if err := n.cfg.Objects.Keep(ctx, Key(s.Ledger, s.Size), contentType, s.Note); err != nil {
		return fmt.Errorf("%w: %w", errStore, err)
	}
	if last.N >= s.Size { // whoever published that was killed before he could say so
		return nil
	}
	if err := n.cfg.Objects.Replace(ctx, latestPrefix+s.Ledger.String(), contentType, s.Note); err != nil {
		return fmt.Errorf("%w: %w", errStore, err)
	}
	n.latest[s.Ledger] = s.Tree()
	return nil
}

// oneHistory fails with a [*DisagreementError] unless of a checkpoint and what was
// published last of its ledger, the longer begins with the shorter.
func (n *Notary) oneHistory(ctx context.Context, s proof.Signed, last tlog.Tree) error {
	if last.N == 0 {
		return nil
	}
	longer, shorter := s.Tree(), last
	if last.N > s.Size {
		longer, shorter = last, s.Tree()
	}
	hashes, err := n.cfg.Ledgers.Consistency(ctx, proof.Signed{Ledger: s.Ledger, Size: longer.N, Root: longer.Hash}, shorter.N)
	switch {
	case errors.Is(err, proof.ErrTiles):
	case err != nil:
		return err
	default:
		err = proof.CheckConsistency(hashes, longer, shorter)
	}
	if err != nil {
		return &DisagreementError{Ledger: s.Ledger, Size: last.N, Reason: err.Error()}
	}
	return nil
}

func positionOf(s proof.Signed) position { return position{s.Ledger, s.Size} }
