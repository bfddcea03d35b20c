package tenantdb

import (
	"context"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// NewLedgerSource returns a cursor at the beginning of the ledgers.
func NewLedgerSource(
	ledger Ledger, heads func(ctx context.Context, after uuid.UUID, limit int) ([]Head, error),
) *LedgerSource {
	return &LedgerSource{ledger: ledger, heads: heads, at: make(map[uuid.UUID]int64)}
}

const ledgerPage = 5_000

// LedgerSource is a [Source]: the ledgers themselves.
type LedgerSource struct {
	ledger Ledger
	heads  func(ctx context.Context, after uuid.UUID, limit int) ([]Head, error)
	at     map[uuid.UUID]int64 // up to which events were handed over
}

// Close implements [Source]. It holds nothing.
func (*LedgerSource) Close() {}

// Follow implements [Source].
func (l *LedgerSource) Follow(
	ctx context.Context, wanted func(uuid.UUID) bool, yield func([]events.Message) error,
) error {
	const page = 1_000
	for after := uuid.Nil; ; {
		heads, err := l.heads(ctx, after, page)
		if err != nil {
			return err
		}
		for _, head := range heads {
			after = head.Ledger
			if !wanted(head.Ledger) {
				continue
			}
			if err := l.drain(ctx, head, yield); err != nil {
				return err
			}
		}
		if len(heads) < page {
			return nil
		}
	}
}

func (l *LedgerSource) drain(ctx context.Context, head Head, yield func([]events.Message) error) error {
	for at := l.at[head.Ledger]; at < head.Seq; at = l.at[head.Ledger] {
		list, err := l.ledger.Read(ctx, head.Ledger, at, int(min(ledgerPage, head.Seq-at)))
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return nil // the events are gone, and the head is not; who looks for them will miss them
		}
		if err := yield(list); err != nil {
			return err
		}
		l.at[head.Ledger] = list[len(list)-1].Seq
	}
	return nil
}
