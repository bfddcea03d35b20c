package roles

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/command"
)

// recordReplay says in a ledger that its read models were swapped, or that others are kept
// beside them. A ledger that lost events is left alone: what it recorded next would contradict
// audit.log.
func (p *Platform) recordReplay(ctx context.Context, b tenantdb.Rebuilt, o RebuildOptions) error {
	if kept := o.Keep && b.Err == nil; !b.Swapped && !kept {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	head, err := p.ledger.Head(ctx, b.Ledger)
	if tenantdb.TableLost(err) {
		head, err = 0, nil
	}
	if err != nil {
		return fmt.Errorf("done, but that is not recorded: %w", err)
	}
	if head < b.Seq {
		p.logger.LogAttrs(ctx, slog.LevelWarn, "what was done is not recorded: the ledger lacks events that the read models hold",
			slog.String("database", b.Database), slog.Int64("ledger", head), slog.Int64("read_models", b.Seq))
		return nil
	}
	act := command.RecordOperation{Ledger: b.Ledger, By: operator(), Action: "replay", Detail: replayed(b, o.FromLog)}
	if _, err := p.app.RecordOperation(ctx, act); err != nil {
		return fmt.Errorf("done, but that is not recorded: %w", err)
	}
	return nil
}

// replayed says what a replay did to a database.
func replayed(b tenantdb.Rebuilt, fromLog bool) string {
	source := "the ledger"
	if fromLog {
		source = "audit.log"
	}
	detail := fmt.Sprintf("read models rebuilt from %s up to event %d", source, b.Seq)
	if !b.Swapped {
		detail = fmt.Sprintf("read models built from %s up to event %d, beside the live ones", source, b.Seq)
	}
	var differing int64
	for _, rows := range b.Differing {
		differing += rows
	}
	if !b.Compared {
		return detail + ", not compared"
	}
	return fmt.Sprintf("%s, %d rows differed", detail, differing)
}
