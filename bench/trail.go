package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/proof"
)

// trail is one tenant's ledger with its tiles and checkpoints, and a bundle of it.
type trail struct {
	b      *bench
	pool   *pgxpool.Pool
	url    string
	tenant uuid.UUID
	key    proof.Key
	keys   proof.Keys
	events int64
	bundle string // file
}

// trailParts is how many checkpoints a trail has: one each so many events.
const trailParts = 8

// theTrail makes the trail when it is first asked for.
func (b *bench) theTrail(ctx context.Context) (*trail, error) {
	if b.trails != nil {
		return b.trails, nil
	}
	b.say("  copying %d events into a ledger", b.trail)
	database, err := b.cluster.create(ctx, platform)
	if err != nil {
		return nil, err
	}
	pool, err := b.cluster.pool(ctx, database)
	if err != nil {
		return nil, err
	}
	made := &trail{b: b, pool: pool, url: b.cluster.server.URL(database), tenant: uuid.New(), bundle: filepath.Join(b.scratch, "trail.bundle")}
	if err := made.fill(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("make the trail: %w", err)
	}
	b.trails = made
	return made, nil
}

func (t *trail) fill(ctx context.Context) error {
	text, err := proof.DrawKey()
	if err != nil {
		return err
	}
	if t.key, err = proof.ParseKey(text); err != nil {
		return err
	}
	if t.keys, err = proof.ParseKeys(t.key.Public()); err != nil {
		return err
	}
	w := newScribe(t.tenant)
	for part := range trailParts {
		w.until = int64(t.b.trail) * int64(part+1) / trailParts
		if err := t.add(ctx, w); err != nil {
			return err
		}
	}
	t.events = w.seq
	if _, err := t.pool.Exec(ctx, `vacuum (analyze) ledger.events`); err != nil {
		return err
	}
	return t.export(ctx)
}

// add copies what w writes into the ledger, and signs it.
func (t *trail) add(ctx context.Context, w *scribe) error {
	_, err := t.pool.CopyFrom(ctx, pgx.Identifier{"ledger", "events"}, []string{
		"ledger_id", "seq", "stream_id", "stream_version", "event_id", "type", "at", "traceparent", "body",
	}, w)
	if err != nil || w.seq == 0 {
		return err
	}
	_, err = t.pool.Exec(ctx, `
insert into ledger.heads (ledger_id, seq, at, range) values ($1, $2, $3, $4)
on conflict (ledger_id) do update set seq = excluded.seq, at = excluded.at, range = excluded.range`,
		t.tenant, w.seq, w.at, bytes.Join(w.tree.Hashes(), nil))
	if err != nil {
		return err
	}
	_, err = postgres.NewProofs(t.pool).Certify(ctx, t.tenant, tlog.Tree{}, func(tree tlog.Tree) ([]byte, error) {
		return proof.Checkpoint{Origin: proof.Origin(t.key.Name(), t.tenant), Size: tree.N, Root: tree.Hash}.Sign(t.key)
	})
	return err
}

// export writes the bundle.
func (t *trail) export(ctx context.Context) error {
	file, err := os.Create(t.bundle)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // closed before, unless something failed
	err = t.snapshot(ctx, func(tx pgx.Tx) error {
		source, err := postgres.SignedSource(ctx, tx, t.tenant)
		if err != nil {
			return err
		}
		n, err := proof.WriteBundle(ctx, file, t.tenant, source)
		if err == nil && n != t.events {
			err = fmt.Errorf("%d events were exported, not %d", n, t.events)
		}
		return err
	})
	if err != nil {
		return err
	}
	return file.Close()
}

// snapshot calls read with the database as it is.
func (t *trail) snapshot(ctx context.Context, read func(pgx.Tx) error) error {
	conn, err := pgx.Connect(ctx, t.url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	tx, err := postgres.Snapshot(ctx, conn)
	if err != nil {
		return err
	}
	return read(tx)
}
