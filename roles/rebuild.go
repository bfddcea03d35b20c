package roles

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/kafka"
	"github.com/cartulary/cartulary/adapters/tenantdb"
)

// RebuildOptions says which read models are rebuilt, from what, and what becomes
// of them.
type RebuildOptions struct {
	Tenants  []uuid.UUID // nobody, if empty
	All      bool        // the main database and every tenant's
	Platform bool        // the main database
	FromLog  bool        // from audit.log; else from the ledger

	Swap     bool // see [tenantdb.RebuildConfig], as for the rest
	Force    bool
	Keep     bool
	Patience time.Duration

	Progress func(applied int64)    // called every second; may be nil
	Done     func(tenantdb.Rebuilt) // called for each database
}

// Rebuild builds read models anew beside the live ones. That they were swapped, or kept
// there, stands in the ledger concerned: the tenant's, or the platform's.
func (p *Platform) Rebuild(ctx context.Context, o RebuildOptions) error {
	rebuild := tenantdb.NewRebuild(tenantdb.RebuildConfig{
		Platform: p.main, Source: p.sourceOf(o.FromLog), Keys: p.keys, Logger: p.logger,
		Swap: o.Swap, Force: o.Force, Keep: o.Keep, Patience: o.Patience,
	})
	if o.Progress != nil {
		ended := make(chan struct{})
		told := tell(ended, func() { o.Progress(rebuild.Applied()) })
		defer func() { close(ended); <-told }()
	}
	done := func(b tenantdb.Rebuilt) {
		b.Err = errors.Join(b.Err, p.recordReplay(ctx, b, o))
		o.Done(b)
	}
	if o.All || o.Platform {
		if err := rebuild.Platform(ctx, done); err != nil {
			return fmt.Errorf("rebuild the main database: %w", err)
		}
	}
	// The main database may have learnt of tenants just now.
	tenants, err := p.rebuilt(ctx, o)
	if err != nil {
		return err
	}
	if err := rebuild.Tenants(ctx, tenants, done); err != nil {
		return fmt.Errorf("rebuild tenants' databases: %w", err)
	}
	return nil
}

// tell calls f every second until ended is closed, and closes what it returns then.
func tell(ended <-chan struct{}, f func()) <-chan struct{} {
	told := make(chan struct{})
	go func() {
		defer close(told)
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				f()
			case <-ended:
				return
			}
		}
	}()
	return told
}

func (p *Platform) sourceOf(log bool) func(context.Context) (tenantdb.Source, error) {
	if log {
		return func(ctx context.Context) (tenantdb.Source, error) {
			return kafka.OpenLog(ctx, p.cfg.Kafka.Brokers, p.kafkaSecurity(), p.logger)
		}
	}
	return func(context.Context) (tenantdb.Source, error) {
		return tenantdb.NewLedgerSource(p.ledger, p.heads), nil
	}
}

// errNoTenant says that a tenant was named who was never there.
var errNoTenant = errors.New("there is no such tenant")

// rebuilt returns the tenants whose own databases are rebuilt.
func (p *Platform) rebuilt(ctx context.Context, o RebuildOptions) ([]uuid.UUID, error) {
	known, err := tenantdb.KnownTenants(ctx, p.main)
	if err != nil || o.All {
		return known, err
	}
	there := make(map[uuid.UUID]bool, len(known))
	for _, tenant := range known {
		there[tenant] = true
	}
	for _, tenant := range o.Tenants {
		if !there[tenant] {
			return nil, fmt.Errorf("tenant %s: %w", tenant, errNoTenant)
		}
	}
	return o.Tenants, nil
}
