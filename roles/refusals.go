package roles

import (
	"context"
	"errors"
	"sync"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/query"
	"github.com/cartulary/cartulary/refusals"
)

// recordRefusals starts what brings refusals into tenants' trails. finish ends it,
// once nothing is refused any more.
func (p *Platform) recordRefusals(ctx context.Context) (recorder *refusals.Recorder, finish func()) {
	recorder = refusals.New(refusals.Config{Record: p.app.RecordRefusal, Exists: p.tenantOpen, Logger: p.logger})
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { recorder.Run(ctx) })
	return recorder, func() {
		stop()
		running.Wait()
	}
}

// tenantOpen reports whether a tenant exists and was not closed, as far as the
// read model knows.
func (p *Platform) tenantOpen(ctx context.Context, tenant uuid.UUID) (bool, error) {
	t, err := query.TenantByID(ctx, p.main, tenant)
	if errors.Is(err, query.ErrNotFound) {
		return false, nil
	}
	return err == nil && t.IsActive, err
}
