package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/adapters/kafka"
	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/events"
)

const (
	manyTenants = 100  // of a replay of many
	leastLedger = 1000 // events of each of them, at least
	fewerEvents = 10   // times fewer, of replays that are compared with larger ones
)

// replayTrial is tenants whose events lie in an audit.log of their own, and whose read
// models are up to date.
type replayTrial struct {
	b       *bench
	topics  *topics
	pool    *pgxpool.Pool
	tenants []uuid.UUID
	events  int64
	rows    int64
	parts   [copiesAtOnce][]exported // the rows, evenly
}

// replays measures events a second from the beginning of audit.log to read models
// that were built anew, compared and swapped, beside two parallel COPYs of the same rows.
func replays(name string, tenants int) figure {
	return figure{name: name, unit: "events/s", aim: 0.6, prepare: func(ctx context.Context, b *bench) (contest, error) {
		t, err := b.theReplay(ctx, b.replay, tenants)
		if err != nil {
			return contest{}, err
		}
		perSecond := func(measure func(context.Context) (time.Duration, error)) func(context.Context) (float64, error) {
			return func(ctx context.Context) (float64, error) {
				took, err := measure(ctx)
				return float64(t.events) / took.Seconds(), err
			}
		}
		return contest{reference: perSecond(t.copyAll), product: perSecond(t.replay)}, nil
	}}
}

// prepareReplayGrowth measures the seconds that a replay takes, beside one of a tenth
// of the events.
func prepareReplayGrowth(ctx context.Context, b *bench) (contest, error) {
	return b.compareReplays(ctx, func(ctx context.Context, t *replayTrial) (float64, error) {
		took, err := t.replay(ctx)
		return took.Seconds(), err
	})
}

// compareReplays measures a replay, beside one of a tenth of the events.
func (b *bench) compareReplays(ctx context.Context, measure func(context.Context, *replayTrial) (float64, error)) (contest, error) {
	small, err := b.theReplay(ctx, max(1, b.replay/fewerEvents), 1)
	if err != nil {
		return contest{}, err
	}
	large, err := b.theReplay(ctx, b.replay, 1)
	if err != nil {
		return contest{}, err
	}
	return contest{
		reference: func(ctx context.Context) (float64, error) { return measure(ctx, small) },
		product:   func(ctx context.Context) (float64, error) { return measure(ctx, large) },
	}, nil
}

// replaySize names a trial.
type replaySize struct{ events, tenants int }

// theReplay makes a trial when it is first asked for.
func (b *bench) theReplay(ctx context.Context, n, tenants int) (*replayTrial, error) {
	size := replaySize{n, max(1, min(tenants, n/leastLedger))}
	if made, ok := b.replays[size]; ok {
		return made, nil
	}
	b.say("  publishing and projecting %d events of %d tenants", size.events, size.tenants)
	t := &replayTrial{b: b}
	if err := t.fill(ctx, size); err != nil {
		return nil, errors.Join(fmt.Errorf("make the replay: %w", err), t.close())
	}
	if b.replays == nil {
		b.replays = make(map[replaySize]*replayTrial)
	}
	b.replays[size] = t
	return t, nil
}

func (t *replayTrial) close() error {
	if t.pool != nil {
		t.pool.Close()
	}
	if t.topics != nil {
		return t.topics.close()
	}
	return nil
}

func (t *replayTrial) fill(ctx context.Context, size replaySize) error {
	database, err := t.b.cluster.create(ctx, platform)
	if err != nil {
		return err
	}
	if t.pool, err = t.b.cluster.pool(ctx, database); err != nil {
		return err
	}
	if t.topics, err = t.b.startBroker(ctx); err != nil {
		return err
	}
	t.tenants = newTenants(size.tenants)
	if t.events, err = publishTrails(ctx, t.topics, t.tenants, size.events); err != nil {
		return err
	}
	if err := t.provision(ctx, t.tenants); err != nil {
		return err
	}
	// What is swapped the first time replaces tables that are empty.
	if _, err := replayAll(ctx, t.pool, t.topics.addresses(), t.tenants, tenantdb.RebuildConfig{Swap: true, Force: true, Patience: time.Nanosecond}); err != nil {
		return err
	}
	if err := t.vacuum(ctx); err != nil {
		return err
	}
	return t.export(ctx)
}

// vacuum vacuums the read models, so that the server does not do so while something is
// measured.
func (t *replayTrial) vacuum(ctx context.Context) error {
	for _, tenant := range t.tenants {
		if err := t.b.cluster.exec(ctx, events.DatabaseName(tenant), "vacuum (analyze)"); err != nil {
			return err
		}
	}
	return nil
}

func newTenants(n int) []uuid.UUID {
	list := make([]uuid.UUID, n)
	for i := range list {
		list[i] = uuid.New()
	}
	return list
}

func (t *replayTrial) provision(ctx context.Context, tenants []uuid.UUID) error {
	provisioner := tenantdb.NewProvisioner(t.pool)
	for _, tenant := range tenants {
		if err := provisioner.Provision(ctx, tenant); err != nil {
			return err
		}
	}
	return nil
}

// replay returns how long it took to build, compare and swap everything.
func (t *replayTrial) replay(ctx context.Context) (time.Duration, error) {
	begin := time.Now()
	n, err := replayAll(ctx, t.pool, t.topics.addresses(), t.tenants, tenantdb.RebuildConfig{Swap: true})
	took := time.Since(begin)
	if err == nil && n != t.events {
		err = fmt.Errorf("%d events were applied, not %d", n, t.events)
	}
	if err == nil {
		err = t.vacuum(ctx)
	}
	return took, err
}

// replayAll rebuilds tenants as cartulary replay --from audit.log does, and returns
// how many events were applied.
func replayAll(ctx context.Context, pool *pgxpool.Pool, brokers []string, tenants []uuid.UUID, cfg tenantdb.RebuildConfig) (n int64, err error) {
	cfg.Platform, cfg.Keys, cfg.Logger = pool, postgres.NewPersonKeys(pool), slog.New(slog.DiscardHandler)
	cfg.Source = func(ctx context.Context) (tenantdb.Source, error) {
		return kafka.OpenLog(ctx, brokers, kafka.Security{}, cfg.Logger)
	}
	var bad error
	err = tenantdb.NewRebuild(cfg).Tenants(ctx, tenants, func(r tenantdb.Rebuilt) {
		n += r.Events
		if !r.Swapped || !cfg.Force && !r.Equal() {
			bad = errors.Join(bad, fmt.Errorf("%s: swapped: %v, compared: %v, differing: %v: %w", r.Database, r.Swapped, r.Compared, r.Differing, r.Err))
		}
	})
	return n, errors.Join(err, bad)
}
