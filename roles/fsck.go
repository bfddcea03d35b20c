package roles

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/fsck"
	"github.com/cartulary/cartulary/query"
	"github.com/cartulary/cartulary/worker"
)

// FsckOptions says what is compared, and how; see [fsck.Config].
type FsckOptions struct {
	Tenant   uuid.UUID // uuid.Nil: all, and what belongs to none
	Quick    bool
	Repair   bool
	By       command.Operator // who repairs; zero: the platform itself
	Grace    time.Duration
	Patience time.Duration

	Found     func(fsck.Finding)
	Unchecked func(tenant uuid.UUID, err error)
	Progress  func(fsck.Progress) // called every second
}

// Fsck compares ledgers, read models and the object store. It makes no bucket.
func (p *Platform) Fsck(ctx context.Context, o FsckOptions) (fsck.Progress, error) {
	p.cfg.S3.CreateBucket = false
	store, err := p.openObjects(ctx)
	if err != nil {
		return fsck.Progress{}, err
	}
	awaiter := tenantdb.NewAwaiter(p.pools)
	defer awaiter.Close()
	o.By = operator()
	checker := p.newFsck(store, awaiter, o)
	ended := make(chan struct{})
	told := tell(ended, func() { o.Progress(checker.Progress()) })
	if o.Tenant != uuid.Nil {
		err = checker.Tenant(ctx, o.Tenant)
	} else {
		err = checker.All(ctx)
	}
	close(ended)
	<-told
	return checker.Progress(), err
}

func (p *Platform) newFsck(store *s3.Store, awaiter *tenantdb.Awaiter, o FsckOptions) *fsck.Checker {
	databases := tenantdb.NewProvisioner(p.main)
	return fsck.New(fsck.Config{
		App: p.app, Ledgers: ledgers{p.ledger}, Models: models{p, awaiter}, Objects: objects{store}, Databases: databases,
		Worker: worker.New(worker.Config{
			App: p.app, Databases: databases, Objects: store, NotFound: s3.ErrNotFound, Logger: slog.New(slog.DiscardHandler),
		}),
		NotFound: s3.ErrNotFound, NoDatabase: tenantdb.ErrNotProvisioned, Probes: s3.ProbesPrefix,
		Quick: o.Quick, Repair: o.Repair, By: o.By, Grace: o.Grace, Patience: o.Patience, Found: o.Found, Unchecked: o.Unchecked,
	})
}

// objects is the object store as a check sees it.
type objects struct{ *s3.Store }

func (o objects) Head(ctx context.Context, key string) (fsck.Object, error) {
	return objectOf(o.Store.Head(ctx, key))
}

func (o objects) List(ctx context.Context, prefix string, found func(fsck.Object) error) error {
	return o.Store.List(ctx, prefix, func(object s3.Object) error {
		seen, _ := objectOf(object, nil)
		return found(seen)
	})
}

func (o objects) Unfinished(ctx context.Context, prefix string, found func(fsck.Upload) error) error {
	return o.Store.Unfinished(ctx, prefix, func(u s3.Unfinished) error {
		return found(fsck.Upload{Key: u.Key, Name: u.Upload, Begun: u.Begun})
	})
}

func (o objects) Abort(ctx context.Context, u fsck.Upload) error {
	return o.AbortParts(ctx, u.Key, u.Name)
}

func objectOf(o s3.Object, err error) (fsck.Object, error) {
	return fsck.Object{Key: o.Key, Size: o.Size, Modified: o.LastModified, MD5: o.MD5}, err
}

// models are the read models as a check sees them.
type models struct {
	*Platform

	awaiter *tenantdb.Awaiter
}

// of asks a tenant's database.
func of[T any](ctx context.Context, m models, tenant uuid.UUID, ask func(query.DB) (T, error)) (answer T, err error) {
	db, release, err := m.pools.Tenant(ctx, tenant)
	if err != nil {
		return answer, err
	}
	defer release()
	return ask(db)
}

func (m models) Files(ctx context.Context, tenant, after uuid.UUID, limit int) ([]query.File, error) {
	return of(ctx, m, tenant, func(db query.DB) ([]query.File, error) { return query.FileRows(ctx, db, after, limit) })
}

func (m models) File(ctx context.Context, tenant, id uuid.UUID) (query.File, error) {
	return of(ctx, m, tenant, func(db query.DB) (query.File, error) { return query.FileByID(ctx, db, id) })
}

func (m models) Documents(ctx context.Context, tenant, after uuid.UUID, limit int) ([]query.DocumentRow, error) {
	return of(ctx, m, tenant, func(db query.DB) ([]query.DocumentRow, error) {
		return query.DocumentRows(ctx, db, after, limit)
	})
}

func (m models) Document(ctx context.Context, tenant, id uuid.UUID) (query.DocumentRow, error) {
	return of(ctx, m, tenant, func(db query.DB) (query.DocumentRow, error) { return query.DocumentRowByID(ctx, db, id) })
}

func (m models) Await(ctx context.Context, tenant uuid.UUID, seq int64) error {
	return m.awaiter.Await(ctx, events.DatabaseName(tenant), tenant, seq)
}

func (m models) Tenants(ctx context.Context, after uuid.UUID, limit int) ([]query.Tenant, error) {
	return query.TenantRows(ctx, m.main, after, limit)
}

func (m models) Tenant(ctx context.Context, id uuid.UUID) (query.Tenant, error) {
	return query.TenantByID(ctx, m.main, id)
}

func (m models) AwaitPlatform(ctx context.Context, tenant uuid.UUID, seq int64) error {
	return m.awaiter.Await(ctx, tenantdb.PlatformDatabase, tenant, seq)
}
