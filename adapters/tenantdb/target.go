package tenantdb

import (
	"log/slog"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/projections"
)

// site says in which kind of database read models are.
type site bool

const (
	onPlatform site = false
	onTenant   site = true
)

// target is what one database holds of one ledger: what has a checkpoint, and
// what can be parked.
type target struct {
	ledger uuid.UUID
	site   site
}

func (t target) database() string {
	if t.site == onPlatform {
		return PlatformDatabase
	}
	return databaseName(t.ledger)
}

// reads returns the projections of the database that read the ledger.
func (t target) reads() []projections.Projection {
	all := projections.Platform()
	if t.site == onTenant {
		all = projections.Tenant()
	}
	list := all[:0]
	for _, p := range all {
		if p.Reads(t.ledger) {
			list = append(list, p)
		}
	}
	return list
}

func (t target) attrs(more ...slog.Attr) []slog.Attr {
	return append([]slog.Attr{
		slog.String("ledger", t.ledger.String()), slog.String("database", t.database()),
	}, more...)
}
