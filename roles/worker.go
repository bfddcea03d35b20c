package roles

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/adapters/kafka"
	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/query"
	"github.com/cartulary/cartulary/worker"
)

const (
	workerGroup    = "cartulary-worker"
	workerBatch    = 64 // a batch is done when its last file is
	removerGroup   = "cartulary-remover"
	janitorEvery   = 5 * time.Minute
	forgetterEvery = time.Hour // it looks into every tenant's database
)

// Worker makes tenants' databases, finishes files and, whenever it leads, signs
// checkpoints, until ctx ends.
func (p *Platform) Worker(ctx context.Context) error {
	store, err := p.openObjects(ctx)
	if err != nil {
		return err
	}
	if err := p.ensureTopics(ctx); err != nil {
		return err
	}
	w := worker.New(worker.Config{
		App: p.app, Databases: tenantdb.NewProvisioner(p.main), Objects: store, NotFound: s3.ErrNotFound, Logger: p.logger,
	})
	janitor := worker.Janitor{
		App: p.app, Staging: staging{store}, Ledgers: ledgers{p.ledger}, Shown: p.shown, Logger: p.logger, Every: janitorEvery,
	}
	purger := worker.Purger{
		App: p.app, Databases: tenantdb.NewProvisioner(p.main), Objects: staging{store}, Closed: p.closedTenants,
		Logger: p.logger, Grace: p.cfg.Grace.Tenant, Every: janitorEvery,
	}
	subscriber := kafka.NewSubscriber(kafka.SubscriberConfig{
		Brokers: p.cfg.Kafka.Brokers, Security: p.kafkaSecurity(), Group: workerGroup, Topics: worker.Topics(), MaxBatch: workerBatch, Logger: p.logger,
	})
	remover := worker.Remover{App: p.app, Objects: store, Logger: p.logger}
	acting := worker.Patient{Queue: "worker", Act: w.Act, Deferrals: postgres.NewDeferrals(p.main), Logger: p.logger}
	removing := worker.Patient{
		Queue: "remover", Act: remover.Act, Deferrals: postgres.NewDeferrals(p.main), Logger: p.logger, Delay: worker.RemovalDelay,
	}
	removals := kafka.NewSubscriber(kafka.SubscriberConfig{
		Brokers: p.cfg.Kafka.Brokers, Security: p.kafkaSecurity(), Group: removerGroup, Topics: worker.RemoverTopics(),
		MaxBatch: workerBatch, Logger: p.logger,
	})
	forgetter := worker.Forgetter{
		App: p.app, Ledgers: ledgers{p.ledger}, Unreferenced: p.unreferenced, Logger: p.logger,
		Grace: p.cfg.Grace.File, Every: forgetterEvery,
	}
	certify, err := p.openNotary(ctx, store)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return certify(ctx) })
	group.Go(func() error {
		janitor.Run(ctx)
		return nil
	})
	group.Go(func() error {
		p.sweepIdentity(ctx)
		return nil
	})
	group.Go(func() error {
		purger.Run(ctx)
		return nil
	})
	group.Go(func() error {
		p.newEraser(ctx).Run(ctx, janitorEvery)
		return nil
	})
	group.Go(func() error {
		p.sweepOrphans(ctx, store)
		return nil
	})
	group.Go(func() error {
		forgetter.Run(ctx)
		return nil
	})
	group.Go(func() error {
		acting.Run(ctx)
		return nil
	})
	group.Go(func() error {
		removing.Run(ctx)
		return nil
	})
	group.Go(func() error { return removals.Run(ctx, removing.Handle) })
	group.Go(func() error { return subscriber.Run(ctx, acting.Handle) })
	return group.Wait()
}

// closedTenants lists tenants that were closed before a time and are still there.
func (p *Platform) closedTenants(ctx context.Context, before time.Time, limit int) ([]uuid.UUID, error) {
	tenants, err := query.ClosedTenants(ctx, p.main, before, limit)
	ids := make([]uuid.UUID, len(tenants))
	for i, t := range tenants {
		ids[i] = t.ID
	}
	return ids, err
}

// unreferenced lists a tenant's files on which no document stands.
func (p *Platform) unreferenced(
	ctx context.Context, tenant uuid.UUID, before time.Time, after uuid.UUID, limit int,
) ([]uuid.UUID, error) {
	db, release, err := p.pools.Tenant(ctx, tenant)
	if errors.Is(err, tenantdb.ErrNotProvisioned) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer release()
	files, err := query.Unreferenced(ctx, db, before, after, limit)
	ids := make([]uuid.UUID, len(files))
	for i, f := range files {
		ids[i] = f.ID
	}
	return ids, err
}

// shown tells where a tenant's read model has a file.
func (p *Platform) shown(ctx context.Context, tenant, file uuid.UUID) (string, error) {
	db, release, err := p.pools.Tenant(ctx, tenant)
	if errors.Is(err, tenantdb.ErrNotProvisioned) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer release()
	f, err := query.FileByID(ctx, db, file)
	if errors.Is(err, query.ErrNotFound) {
		return "", nil
	}
	return f.S3Path, err
}

// staging is the object store as the janitor sees it.
type staging struct{ *s3.Store }

func (s staging) List(ctx context.Context, prefix string, found func(worker.StagedObject) error) error {
	return s.Store.List(ctx, prefix, func(o s3.Object) error {
		return found(worker.StagedObject{Key: o.Key, Modified: o.LastModified})
	})
}

// ledgers is the ledger as the janitor sees it.
type ledgers struct{ *postgres.Ledger }

func (l ledgers) Ledgers(ctx context.Context, after uuid.UUID, limit int) ([]uuid.UUID, error) {
	heads, err := l.Ledger.Ledgers(ctx, after, limit)
	ids := make([]uuid.UUID, len(heads))
	for i, h := range heads {
		ids[i] = h.Ledger
	}
	return ids, err
}
