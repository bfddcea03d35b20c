package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/adapters/kafka"
	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/projections"
)

// projected lists the tenant's tables that a backlog fills, in an order that
// foreign keys allow.
var projected = [...]string{"files", "documents", "document_versions", "file_versions", "trail"} //nolint:gochecknoglobals // constant

// projectionTrial is a backlog on a topic and the database it is projected into.
type projectionTrial struct {
	b      *bench
	k      *backlog
	topics *topics
	groups int // consumer groups used so far
	rows   int64
	export [len(projected)][]byte // the rows, as COPY writes them
}

// prepareProjection measures the projector reading a backlog from Kafka into a
// tenant's database, beside one COPY of the rows it makes.
func prepareProjection(ctx context.Context, b *bench) (contest, error) {
	k, err := b.theBacklog(ctx)
	if err != nil {
		return contest{}, err
	}
	t := &projectionTrial{b: b, k: k}
	if t.topics, err = b.startBroker(ctx); err != nil {
		return contest{}, err
	}
	if err := t.fill(ctx); err != nil {
		return contest{}, errors.Join(err, t.close())
	}
	return contest{reference: t.perSecond(t.copyAll), product: t.perSecond(t.projectAll), close: t.close}, nil
}

func (t *projectionTrial) close() error { return t.topics.close() }

// fill publishes the backlog, projects it once, and exports the rows.
func (t *projectionTrial) fill(ctx context.Context) error {
	t.b.say("  publishing, projecting and exporting the backlog once")
	if _, err := relayAll(ctx, t.k, t.topics); err != nil {
		return err
	}
	if err := t.emptyDatabase(ctx); err != nil {
		return err
	}
	if _, err := t.projectAll(ctx); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, t.url())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	for i, table := range projected {
		var rows bytes.Buffer
		tag, err := conn.PgConn().CopyTo(ctx, &rows, "copy "+table+" to stdout")
		if err != nil {
			return fmt.Errorf("export %s: %w", table, err)
		}
		t.export[i] = rows.Bytes()
		t.rows += tag.RowsAffected()
	}
	return nil
}

func (t *projectionTrial) url() string {
	return t.b.cluster.server.URL(events.DatabaseName(t.k.tenant))
}

// emptyDatabase makes the tenant's database anew and forgets what was projected.
func (t *projectionTrial) emptyDatabase(ctx context.Context) error {
	if err := t.b.cluster.drop(ctx, events.DatabaseName(t.k.tenant)); err != nil {
		return err
	}
	if _, err := t.k.pool.Exec(ctx, `truncate checkpoints, user_tenant_associations, tenants, users`); err != nil {
		return fmt.Errorf("forget what was projected: %w", err)
	}
	return tenantdb.NewProvisioner(t.k.pool).Provision(ctx, t.k.tenant)
}

// perSecond turns a time for all rows, into an empty database, into a rate.
func (t *projectionTrial) perSecond(measure func(context.Context) (time.Duration, error)) func(context.Context) (float64, error) {
	return func(ctx context.Context) (float64, error) {
		if err := t.emptyDatabase(ctx); err != nil {
			return 0, err
		}
		if err := t.b.cluster.exec(ctx, maintenance, "checkpoint"); err != nil {
			return 0, err
		}
		took, err := measure(ctx)
		if err != nil {
			return 0, err
		}
		return float64(t.rows) / took.Seconds(), t.whole(ctx)
	}
}

// whole fails unless all rows are there.
func (t *projectionTrial) whole(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, t.url())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	var found int64
	for _, table := range projected {
		var n int64
		if err := conn.QueryRow(ctx, "select count(*) from "+table).Scan(&n); err != nil {
			return fmt.Errorf("count %s: %w", table, err)
		}
		found += n
	}
	if found != t.rows {
		return fmt.Errorf("%d rows were written, not %d", found, t.rows)
	}
	return nil
}

// copyAll copies the exported rows in, in one transaction.
func (t *projectionTrial) copyAll(ctx context.Context) (time.Duration, error) {
	conn, err := pgx.Connect(ctx, t.url())
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close(ctx) }()
	begin := time.Now()
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for i, table := range projected {
			if _, err := tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(t.export[i]), "copy "+table+" from stdin"); err != nil {
				return fmt.Errorf("copy %s: %w", table, err)
			}
		}
		return nil
	})
	return time.Since(begin), err
}

// projectAll reads the topic as a new consumer group and returns how long it took
// from the first batch that was handed over to the commit of the last row.
func (t *projectionTrial) projectAll(ctx context.Context) (time.Duration, error) {
	pools := tenantdb.New(tenantdb.Config{Platform: t.k.pool, MaxConns: poolSize}) //nolint:contextcheck // closed below
	defer pools.Close()
	ledger := postgres.New(t.k.pool, postgres.Options{})
	defer ledger.Close()
	database, logger := events.DatabaseName(t.k.tenant), slog.New(slog.DiscardHandler)
	var first, took atomic.Int64
	begin := time.Now()
	ctx, done := context.WithCancel(ctx)
	defer done()
	projector := tenantdb.NewProjector(tenantdb.ProjectorConfig{
		Pools: pools, Ledger: ledger, Keys: postgres.NewPersonKeys(t.k.pool), Logger: logger,
		OnProgress: func(p projections.Progress) {
			if p.Database == database && p.Seq >= t.k.last && took.CompareAndSwap(0, int64(time.Since(begin))-first.Load()) {
				done()
			}
		},
	})
	t.groups++
	subscriber := kafka.NewSubscriber(kafka.SubscriberConfig{
		Brokers: t.topics.addresses(), Group: fmt.Sprintf("bench-%d", t.groups), Topics: []string{events.TopicAudit}, Logger: logger,
	})
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error { projector.Run(running); return nil })
	group.Go(func() error {
		return subscriber.Run(running, func(ctx context.Context, batch []events.Message) error {
			first.CompareAndSwap(0, int64(time.Since(begin)))
			return projector.Apply(ctx, batch)
		})
	})
	err := group.Wait()
	if took.Load() == 0 {
		return 0, errors.Join(errors.New("the projection ended early"), err, ctx.Err())
	}
	return time.Duration(took.Load()), nil
}
