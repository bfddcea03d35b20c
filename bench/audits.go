package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/klauspost/compress/zstd"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/proof"
)

// audits measures events a second that are verified, beside reading and hashing the
// same bytes and nothing else. Both return how many events they read.
func audits(name string, aim float64, read, audit func(*trail, context.Context) (int64, error)) figure {
	return figure{name: name, unit: "events/s", aim: aim, prepare: func(ctx context.Context, b *bench) (contest, error) {
		t, err := b.theTrail(ctx)
		if err != nil {
			return contest{}, err
		}
		perSecond := func(f func(*trail, context.Context) (int64, error)) func(context.Context) (float64, error) {
			return func(ctx context.Context) (float64, error) {
				begin := time.Now()
				n, err := f(t, ctx)
				took := time.Since(begin)
				if err == nil && n != t.events {
					err = fmt.Errorf("%d events were read, not %d", n, t.events)
				}
				return float64(n) / took.Seconds(), err
			}
		}
		return contest{reference: perSecond(read), product: perSecond(audit)}, nil
	}}
}

// readLedger reads all bodies on one connection and hashes each.
func (t *trail) readLedger(ctx context.Context) (n int64, err error) {
	err = t.snapshot(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select body from ledger.events where ledger_id = $1 order by seq`, t.tenant)
		if err != nil {
			return err
		}
		defer rows.Close()
		var sum [sha256.Size]byte
		for rows.Next() {
			sum = sha256.Sum256(rows.RawValues()[0])
			n++
		}
		_ = sum
		return rows.Err()
	})
	return n, err
}

// auditLedger verifies every event, column, tile and checkpoint, and the head.
func (t *trail) auditLedger(ctx context.Context) (int64, error) {
	var report proof.Report
	err := t.snapshot(ctx, func(tx pgx.Tx) (err error) {
		report, err = postgres.Audit(ctx, tx, t.wanted())
		return err
	})
	return t.signed(report, err)
}

func (t *trail) wanted() proof.Audit { return proof.Audit{Ledger: t.tenant, Keys: t.keys} }

// signed returns how many events were verified, which must all be signed.
func (t *trail) signed(report proof.Report, err error) (int64, error) {
	if err == nil && report.Signed != t.events {
		err = fmt.Errorf("%d of %d events are signed", report.Signed, t.events)
	}
	return report.Events, err
}

// readBundle decompresses the bundle and hashes each line. Lines that are no events
// are not counted.
func (t *trail) readBundle(context.Context) (n int64, err error) {
	file, err := os.Open(t.bundle) //nolint:gosec // below the directory of the user's own choice
	if err != nil {
		return 0, err
	}
	defer func() { _ = file.Close() }()
	decoder, err := zstd.NewReader(file, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return 0, err
	}
	defer decoder.Close()
	in := bufio.NewReaderSize(decoder, 1<<20)
	var sum [sha256.Size]byte
	for {
		line, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF):
			return n, nil
		case err != nil:
			return n, err
		}
		sum = sha256.Sum256(line)
		if len(line) > 2 && line[2] == 'c' && line[3] == 'o' { // command_id
			n++
		}
		_ = sum
	}
}

// auditBundle verifies the bundle as cartulary audit verify --bundle does.
func (t *trail) auditBundle(ctx context.Context) (int64, error) {
	file, err := os.Open(t.bundle) //nolint:gosec // below the directory of the user's own choice
	if err != nil {
		return 0, err
	}
	defer func() { _ = file.Close() }()
	bundle, err := proof.OpenBundle(file)
	if err != nil {
		return 0, err
	}
	defer bundle.Close()
	a := t.wanted()
	a.Ledger = bundle.Ledger
	report, err := a.Run(ctx, bundle.Read)
	return t.signed(report, err)
}
