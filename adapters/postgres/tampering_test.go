package postgres_test

import (
	"context"
	"errors"
	"io"
	"math"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/proof"
)

// put is a copy of an event that stands where none belongs.
const put = `
insert into ledger.events select ledger_id, $2::bigint, gen_random_uuid(), 1, event_id, type, at, traceparent, body
from ledger.events where ledger_id = $1 and seq = $3`

// rows are ways to tamper with events for which the table's own rules are in the way:
// a superuser drops them, too.
func (x *tampering) rows(t *testing.T) []kind {
	t.Helper()
	stands := func(found, at int64) func() (int64, func(pgx.Tx) error) {
		return func() (int64, func(pgx.Tx) error) {
			return found, exec(t, 1, put, x.id, at, x.seq())
		}
	}
	without := func(column string) func() (int64, func(pgx.Tx) error) {
		return func() (int64, func(pgx.Tx) error) {
			seq := x.seq()
			return seq, func(tx pgx.Tx) error {
				return errors.Join(
					exec(t, -1, `alter table ledger.events alter column `+column+` drop not null`)(tx),
					exec(t, 1, `update ledger.events set `+column+` = null where ledger_id = $1 and seq = $2`, x.id, seq)(tx))
			}
		}
	}
	next := x.size + 1
	return []kind{
		{"insert far behind the end", func() (int64, func(pgx.Tx) error) {
			return next, exec(t, 1, put, x.id, next+1+x.random.Int64N(1_000_000), x.seq())
		}},
		{"insert at 2^62", stands(next, 1<<62)},
		{"insert at the last number", stands(next, math.MaxInt64)},
		{"insert at zero", stands(0, 0)},
		{"insert below zero", stands(-1, -1)},
		{"insert at the first number", stands(math.MinInt64, math.MinInt64)},
		{"the same number twice", func() (int64, func(pgx.Tx) error) {
			seq := x.seq()
			return seq, func(tx pgx.Tx) error {
				return errors.Join(
					exec(t, -1, `alter table ledger.events drop constraint events_pkey`)(tx),
					exec(t, 1, put, x.id, seq, seq)(tx))
			}
		}},
		{"no number", func() (int64, func(pgx.Tx) error) {
			return 0, func(tx pgx.Tx) error {
				return errors.Join(
					exec(t, -1, `alter table ledger.events drop constraint events_pkey, alter column seq drop not null`)(tx),
					exec(t, 1, put, x.id, nil, x.seq())(tx))
			}
		}},
		{"no stream", without("stream_id")},
		{"no version", without("stream_version")},
		{"no event id", without("event_id")},
		{"no type", without("type")},
		{"no time", without("at")},
		{"no trace", without("traceparent")},
		{"no body", without("body")},
	}
}

// records are ways to tamper with what is kept of events: tiles and checkpoints.
func (x *tampering) records(t *testing.T) []kind {
	t.Helper()
	tiles := x.size / proof.TileWidth // that are full
	first := func(tile int64) int64 { return tile*proof.TileWidth + 1 }
	tile := func(sql string) func() (int64, func(pgx.Tx) error) {
		return func() (int64, func(pgx.Tx) error) {
			index := x.random.Int64N(tiles + 1)
			return first(index), exec(t, 1, sql+` where ledger_id = $1 and level = 0 and index = $2`, x.id, index)
		}
	}
	// A checkpoint of those that are not the last one is changed as well as that.
	checkpoint := func(rule, set string) func() (int64, func(pgx.Tx) error) {
		return func() (int64, func(pgx.Tx) error) {
			back := x.random.IntN(3)
			return 0, func(tx pgx.Tx) error {
				var err error
				if rule != "" {
					err = exec(t, -1, `alter table ledger.checkpoints `+rule)(tx)
				}
				return errors.Join(err, exec(t, 1, `
update ledger.checkpoints set `+set+` where ledger_id = $1 and size = (
    select size from ledger.checkpoints where ledger_id = $1 order by size desc offset $2 limit 1)`, x.id, back)(tx))
			}
		}
	}
	return []kind{
		{"a tile is missing", tile(`delete from ledger.tiles`)},
		{"all tiles are missing", func() (int64, func(pgx.Tx) error) {
			return 1, exec(t, -1, `delete from ledger.tiles where ledger_id = $1`, x.id)
		}},
		{"tiles above the lowest are missing", func() (int64, func(pgx.Tx) error) {
			return 0, exec(t, 1, `delete from ledger.tiles where ledger_id = $1 and level > 0`, x.id)
		}},
		{"a tile is cut short", func() (int64, func(pgx.Tx) error) {
			index, left := x.random.Int64N(tiles), 1+x.random.Int64N(proof.TileWidth-1)
			return first(index) + left, exec(t, 1, `
update ledger.tiles set hashes = substr(hashes, 1, $3) where ledger_id = $1 and level = 0 and index = $2`, x.id, index, left*32)
		}},
		{"a tile is too wide", func() (int64, func(pgx.Tx) error) {
			index := x.random.Int64N(tiles)
			return first(index), func(tx pgx.Tx) error {
				return errors.Join(
					exec(t, -1, `alter table ledger.tiles drop constraint tiles_hashes_check`)(tx),
					exec(t, 1, `
update ledger.tiles set hashes = hashes || substr(hashes, 1, 32) where ledger_id = $1 and level = 0 and index = $2`, x.id, index)(tx))
			}
		}},
		{"a tile where none belongs", func() (int64, func(pgx.Tx) error) {
			return 0, exec(t, 1, `
insert into ledger.tiles select ledger_id, level, index + (1::bigint << (3 + $2)), hashes from ledger.tiles
where ledger_id = $1 and level = 0 and index = $3`, x.id, x.random.IntN(59), tiles)
		}},
		{"a checkpoint's root", checkpoint("", `root = set_byte(root, 7, get_byte(root, 7) # 1)`)},
		{"a checkpoint's root is longer", checkpoint(`drop constraint checkpoints_root_check`, `root = root || '\x00'`)},
		{"a checkpoint has no root", checkpoint(`alter column root drop not null`, `root = null`)},
		{"a checkpoint has no note", checkpoint(`alter column note drop not null`, `note = null`)},
		{"a checkpoint's size is larger", checkpoint("", `size = size + 1`)},
		{"a checkpoint's size is smaller", checkpoint("", `size = size - 1`)},
		{"a checkpoint's size is huge", checkpoint("", `size = 9223372036854775807`)},
		{"a checkpoint's size is below zero", checkpoint(`drop constraint checkpoints_size_check`, `size = -size`)},
		{"a checkpoint has no size", checkpoint(`drop constraint checkpoints_pkey, alter column size drop not null`, `size = null`)},
	}
}

// A page of events ends where no tampering must hide: behind it stands the same number
// again, or a number is left out.
func TestNothingHidesBetweenPages(t *testing.T) {
	t.Parallel()
	const page = 4096
	c := setupCertified(t)
	c.grow(t, page)
	c.grow(t, 10)
	if _, err := c.certify(t.Context()); err != nil {
		t.Fatal(err)
	}
	x := c.tampering(t)
	x.size = page + 10
	unique := `alter table ledger.events drop constraint events_pkey`
	for _, k := range []struct {
		name, rule, sql string
		args            []any
		found           int64
	}{
		{name: "nothing", sql: `update ledger.events set seq = seq where ledger_id = $1 and seq = $2`, args: []any{page}, found: 0},
		{name: "the last of a page twice", rule: unique, sql: put, args: []any{page, page}, found: page},
		{name: "the first of a page twice", rule: unique, sql: put, args: []any{page + 1, page + 1}, found: page + 1},
		{name: "the last of a page is missing", sql: `delete from ledger.events where ledger_id = $1 and seq = $2`, args: []any{page}, found: page},
		{name: "the first of a page is missing", sql: `delete from ledger.events where ledger_id = $1 and seq = $2`, args: []any{page + 1}, found: page + 1},
		{name: "all behind a page are far away", sql: `
update ledger.events set seq = seq + (1::bigint << 62) where ledger_id = $1 and seq > $2`, args: []any{page}, found: page + 1},
	} {
		err := x.try(t, func(tx pgx.Tx) error {
			var err error
			if k.rule != "" {
				err = exec(t, -1, k.rule)(tx)
			}
			return errors.Join(err, exec(t, -1, k.sql, append([]any{x.id}, k.args...)...)(tx))
		})
		var finding *proof.FindingError
		if found := errors.As(err, &finding); k.found == 0 && err != nil || k.found != 0 && (!found || finding.Seq != k.found) {
			t.Errorf("%s: got %v, want event %d", k.name, err, k.found)
		}
	}
}

// An export ends, whatever is in the way.
func TestExportEndsThoughNumbersAreFarApart(t *testing.T) {
	t.Parallel()
	x := setupTampering(t)
	err := x.attempt(t, func(tx pgx.Tx) error {
		return errors.Join(
			exec(t, 1, put, x.id, int64(1)<<61, 1)(tx),
			exec(t, 1, `update ledger.checkpoints set size = 1::bigint << 62 where ledger_id = $1 and size = $2`, x.id, x.size)(tx))
	}, func(ctx context.Context, tx pgx.Tx) error {
		source, err := postgres.SignedSource(ctx, tx, x.id)
		if err != nil {
			return err
		}
		_, err = proof.WriteBundle(ctx, io.Discard, x.id, source)
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
