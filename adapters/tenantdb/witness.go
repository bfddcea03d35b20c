package tenantdb

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/events"
)

// witness finds the last event that speaks of a row: of a tenant's own database in
// the trail that was built, of the main database in the ledger. nil: none does.
func (s *shadow) witness(ctx context.Context, d RowDifference) (*Witness, error) {
	var row pgx.Row
	w := &Witness{Ledger: s.target.ledger}
	const trail = `select seq, event_type, event_id from trail where `
	const ledger = `select seq, type, event_id from ledger.events where ledger_id = $1 and `
	switch d.Table {
	case "trail":
		row = s.conn.QueryRow(ctx, trail+`seq = $1::text::bigint`, d.Key)
	case "document_versions", "file_versions": // whose keys end with the event that began them
		_, seq, _ := strings.Cut(d.Key, "/")
		row = s.conn.QueryRow(ctx, trail+`seq = $1::text::bigint`, seq)
	case "members":
		row = s.conn.QueryRow(ctx, trail+`stream_kind = 'tenant' and data ->> 'user_id' = $1
			and event_type = any($2) order by seq desc limit 1`, d.Key, memberEvents())
	case "user_tenant_associations":
		user, tenant, _ := strings.Cut(d.Key, "/")
		if err := w.Ledger.UnmarshalText([]byte(tenant)); err != nil {
			return nil, err
		}
		row = s.rebuild.cfg.Platform.QueryRow(ctx, ledger+`stream_id = $1 and type = any($3)
			and convert_from(body, 'UTF8')::jsonb -> 'data' ->> 'user_id' = $2
			order by stream_version desc limit 1`, w.Ledger, user, memberEvents())
	case "users":
		w.Ledger = events.PlatformLedger
		row = s.rebuild.cfg.Platform.QueryRow(ctx, ledger+`stream_id = $2::text::uuid
			order by stream_version desc limit 1`, w.Ledger, d.Key)
	case "tenants":
		if err := w.Ledger.UnmarshalText([]byte(d.Key)); err != nil {
			return nil, err
		}
		row = s.rebuild.cfg.Platform.QueryRow(ctx, ledger+`stream_id = $1 order by stream_version desc limit 1`, w.Ledger)
	default:
		row = s.conn.QueryRow(ctx, trail+`stream_id = $1::text::uuid order by seq desc limit 1`, d.Key)
	}
	err := row.Scan(&w.Seq, &w.Type, &w.ID)
	if errors.Is(err, pgx.ErrNoRows) || TableLost(err) {
		return nil, nil
	}
	return w, err
}

func memberEvents() []string {
	return []string{
		string(events.TypeMemberAdded), string(events.TypeMemberRoleChanged), string(events.TypeMemberRemoved),
	}
}
