package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/internal/pgtest"
	"github.com/cartulary/cartulary/proof"
)

// tampering is a ledger that is tampered with, again and again, in transactions that
// are rolled back.
type tampering struct {
	*certified

	conn   *pgx.Conn
	audit  proof.Audit
	random *rand.Rand
	size   int64
}

const tamperedEvents = 600

func setupTampering(t *testing.T) *tampering {
	t.Helper()
	c := setupCertified(t)
	var last *proof.Signed
	for range 3 {
		c.grow(t, tamperedEvents/3)
		var err error
		if last, err = c.certify(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	x := c.tampering(t)
	x.size = tamperedEvents
	known, err := proof.OpenCheckpoint(last.Note, x.audit.Keys)
	if err != nil {
		t.Fatal(err)
	}
	x.audit.Known = []proof.Checkpoint{known}
	return x
}

// tampering returns what tampers with the ledger.
func (c *certified) tampering(t *testing.T) *tampering {
	t.Helper()
	keys, err := proof.ParseKeys(c.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), pgtest.Owner(t, c.pool.Config().ConnString()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return &tampering{
		certified: c, conn: conn, audit: proof.Audit{Ledger: c.id, Keys: keys}, random: rand.New(rand.NewPCG(1000, 1)),
	}
}

// try does something as a superuser and returns what the audit says of it.
func (x *tampering) try(t *testing.T, tamper func(tx pgx.Tx) error) error {
	t.Helper()
	return x.attempt(t, tamper, func(ctx context.Context, tx pgx.Tx) error {
		_, err := postgres.Audit(ctx, tx, x.audit)
		return err
	})
}

// attempt does something as a superuser and returns what is said of it. Whoever looks
// must come to an end.
func (x *tampering) attempt(t *testing.T, tamper func(tx pgx.Tx) error, look func(context.Context, pgx.Tx) error) error {
	t.Helper()
	tx, err := x.conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	if _, err := tx.Exec(t.Context(), `set local session_replication_role = replica`); err != nil {
		t.Fatal(err)
	}
	if err := tamper(tx); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return look(ctx, tx)
}

func (x *tampering) seq() int64 { return 1 + x.random.Int64N(x.size) }

// exec returns what changes exactly the given number of rows.
func exec(t *testing.T, rows int64, sql string, args ...any) func(pgx.Tx) error {
	t.Helper()
	return func(tx pgx.Tx) error {
		tag, err := tx.Exec(t.Context(), sql, args...)
		if err == nil && rows >= 0 && tag.RowsAffected() != rows {
			err = fmt.Errorf("%d rows changed, want %d", tag.RowsAffected(), rows)
		}
		return err
	}
}

func TestAuditFindsNothingInAnHonestLedger(t *testing.T) {
	t.Parallel()
	x := setupTampering(t)
	tx, err := postgres.Snapshot(t.Context(), x.conn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	report, err := postgres.Audit(t.Context(), tx, x.audit)
	if err != nil || report.Events != x.size || report.Signed != x.size || report.Checkpoints != 4 {
		t.Fatalf("%+v, %v", report, err)
	}
	ledgers, err := postgres.AllLedgers(t.Context(), tx)
	if err != nil || len(ledgers) != 1 || ledgers[0] != x.id {
		t.Errorf("ledgers %v, %v", ledgers, err)
	}
}

// A superuser, with triggers disabled, does one thing to a ledger: a thousand times,
// at random places, and is found each time.
func TestAThousandTamperingsAreFound(t *testing.T) {
	t.Parallel()
	x := setupTampering(t)
	kinds := slices.Concat(x.kinds(t), x.rows(t), x.records(t))
	const tamperings = 1000
	for i := range tamperings {
		kind := kinds[i%len(kinds)]
		seq, tamper := kind.draw()
		err := x.try(t, tamper)
		var finding *proof.FindingError
		if !errors.As(err, &finding) {
			t.Errorf("%d: %s at %d: not found: %v", i, kind.name, seq, err)
			continue
		}
		if seq != 0 && finding.Seq != seq {
			t.Errorf("%d: %s at %d: found %v", i, kind.name, seq, finding)
		}
	}
}

// kind is a way to tamper. draw returns the first bad event, or 0 if it can't be
// told, and what is done.
type kind struct {
	name string
	draw func() (int64, func(pgx.Tx) error)
}

func (x *tampering) kinds(t *testing.T) []kind {
	t.Helper()
	column := func(set string) func() (int64, func(pgx.Tx) error) {
		return func() (int64, func(pgx.Tx) error) {
			seq := x.seq()
			return seq, exec(t, 1, `update ledger.events set `+set+` where ledger_id = $1 and seq = $2`, x.id, seq)
		}
	}
	return []kind{
		{"flip a bit", func() (int64, func(pgx.Tx) error) {
			seq, at, bit := x.seq(), x.random.IntN(400), 1<<x.random.IntN(8)
			return seq, exec(t, 1, `
update ledger.events set body = set_byte(body, $3, get_byte(body, $3) # $4) where ledger_id = $1 and seq = $2`, x.id, seq, at, bit)
		}},
		{"another name, as canonical as before", column(
			`body = convert_to(replace(convert_from(body, 'UTF8'), '.pdf"', '.txt"'), 'UTF8')`)},
		{"a space", column(`body = body || ' '`)},
		{"another stream", column(`stream_id = gen_random_uuid()`)},
		{"another version", column(`stream_version = stream_version + 100000`)},
		{"another type", column(`type = 'document.deleted'`)},
		{"another time", column(`at = at + interval '1 microsecond'`)},
		{"another event id", column(`event_id = gen_random_uuid()`)},
		{"another trace", column(`traceparent = 'x'`)},
		{"delete", func() (int64, func(pgx.Tx) error) {
			seq := x.seq()
			return seq, exec(t, 1, `delete from ledger.events where ledger_id = $1 and seq = $2`, x.id, seq)
		}},
		{"delete and close the gap", func() (int64, func(pgx.Tx) error) {
			seq := x.seq()
			return seq, func(tx pgx.Tx) error {
				return errors.Join(
					exec(t, 1, `delete from ledger.events where ledger_id = $1 and seq = $2`, x.id, seq)(tx),
					exec(t, -1, `update ledger.events set seq = -seq where ledger_id = $1 and seq > $2`, x.id, seq)(tx),
					exec(t, -1, `update ledger.events set seq = -seq - 1 where ledger_id = $1 and seq < 0`, x.id)(tx))
			}
		}},
		{"insert behind the end", func() (int64, func(pgx.Tx) error) {
			return x.size + 1, exec(t, 1, `
insert into ledger.events select ledger_id, $2::bigint, gen_random_uuid(), 1, event_id, type, at, traceparent, body
from ledger.events where ledger_id = $1 and seq = $3`, x.id, x.size+1, x.seq())
		}},
		{"insert between", func() (int64, func(pgx.Tx) error) {
			seq := x.seq()
			return seq, func(tx pgx.Tx) error {
				return errors.Join(
					exec(t, -1, `update ledger.events set seq = -seq where ledger_id = $1 and seq >= $2`, x.id, seq)(tx),
					exec(t, -1, `update ledger.events set seq = -seq + 1 where ledger_id = $1 and seq < 0`, x.id)(tx),
					exec(t, 1, `
insert into ledger.events select ledger_id, $2::bigint, gen_random_uuid(), 1, event_id, type, at, traceparent, body
from ledger.events where ledger_id = $1 and seq = $2::bigint + 1`, x.id, seq)(tx))
			}
		}},
		{"swap", func() (int64, func(pgx.Tx) error) {
			a, b := x.seq(), x.seq()
			for b == a {
				b = x.seq()
			}
			return min(a, b), func(tx pgx.Tx) error {
				return errors.Join(
					exec(t, 1, `update ledger.events set seq = 0 where ledger_id = $1 and seq = $2`, x.id, a)(tx),
					exec(t, 1, `update ledger.events set seq = $2 where ledger_id = $1 and seq = $3`, x.id, a, b)(tx),
					exec(t, 1, `update ledger.events set seq = $2 where ledger_id = $1 and seq = 0`, x.id, b)(tx))
			}
		}},
		{"cut the tail", func() (int64, func(pgx.Tx) error) {
			seq := x.seq()
			return seq, exec(t, -1, `delete from ledger.events where ledger_id = $1 and seq >= $2`, x.id, seq)
		}},
		{"cut the tail, head and checkpoints too", func() (int64, func(pgx.Tx) error) {
			seq := x.seq()
			return seq, x.forge(t, seq, func([]byte) []byte { return nil })
		}},
		{"rewrite, with head and tiles made anew", func() (int64, func(pgx.Tx) error) {
			// Nothing is left that could tell which event it was.
			return 0, x.forge(t, x.seq(), func(body []byte) []byte { return bytes.Replace(body, []byte(`.pdf"`), []byte(`.txt"`), 1) })
		}},
		{"truncate", func() (int64, func(pgx.Tx) error) {
			return 1, exec(t, -1, `truncate ledger.events`)
		}},
		{"everything is gone", func() (int64, func(pgx.Tx) error) {
			return 1, exec(t, -1, `truncate ledger.events, ledger.heads, ledger.tiles, ledger.checkpoints`)
		}},
		{"a tile", func() (int64, func(pgx.Tx) error) {
			seq := x.seq()
			at := (seq - 1) % proof.TileWidth * tlog.HashSize
			return seq, exec(t, 1, `
update ledger.tiles set hashes = set_byte(hashes, $3, get_byte(hashes, $3) # 1)
where ledger_id = $1 and level = 0 and index = $2`, x.id, (seq-1)/proof.TileWidth, at)
		}},
		{"half a hash behind a tile", func() (int64, func(pgx.Tx) error) {
			return 0, func(tx pgx.Tx) error {
				return errors.Join(
					exec(t, -1, `alter table ledger.tiles drop constraint tiles_hashes_check`)(tx),
					exec(t, 1, `
update ledger.tiles set hashes = hashes || '\x00' where ledger_id = $1 and level = 0 and index = $2`, x.id, (x.size-1)/proof.TileWidth)(tx))
			}
		}},
		{"an upper tile", func() (int64, func(pgx.Tx) error) {
			return 0, exec(t, 1, `
update ledger.tiles set hashes = set_byte(hashes, $2, get_byte(hashes, $2) # 1) where ledger_id = $1 and level = 1`,
				x.id, x.random.IntN(2*tlog.HashSize))
		}},
		{"a checkpoint", func() (int64, func(pgx.Tx) error) {
			return 0, exec(t, 3, `
update ledger.checkpoints set note = set_byte(note, $2, get_byte(note, $2) # 1) where ledger_id = $1`, x.id, x.random.IntN(100))
		}},
		{"the head's range", func() (int64, func(pgx.Tx) error) {
			return 0, exec(t, 1, `update ledger.heads set range = set_byte(range, 5, get_byte(range, 5) # 1) where ledger_id = $1`, x.id)
		}},
		{"the head's size", func() (int64, func(pgx.Tx) error) {
			return 0, exec(t, 1, `update ledger.heads set seq = seq + 1 where ledger_id = $1`, x.id)
		}},
	}
}

// forge changes the bodies from an event on, or cuts the ledger there, and makes
// head, tiles and checkpoints anew as the platform itself would, but for the
// signatures.
func (x *tampering) forge(t *testing.T, from int64, change func([]byte) []byte) func(pgx.Tx) error {
	t.Helper()
	return func(tx pgx.Tx) error {
		rows, err := tx.Query(t.Context(), `select body from ledger.events where ledger_id = $1 order by seq`, x.id)
		if err != nil {
			return err
		}
		bodies, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
		if err != nil {
			return err
		}
		changed := change(bodies[from-1])
		if changed == nil {
			bodies = bodies[:from-1]
			err = exec(t, -1, `delete from ledger.events where ledger_id = $1 and seq >= $2`, x.id, from)(tx)
		} else {
			bodies[from-1] = changed
			err = exec(t, 1, `update ledger.events set body = $3 where ledger_id = $1 and seq = $2`, x.id, from, changed)(tx)
		}
		return errors.Join(err, x.makeAnew(t, tx, bodies))
	}
}

func (x *tampering) makeAnew(t *testing.T, tx pgx.Tx, bodies [][]byte) error {
	t.Helper()
	err := exec(t, -1, `delete from ledger.tiles where ledger_id = $1`, x.id)(tx)
	err = errors.Join(err, exec(t, -1, `delete from ledger.checkpoints where ledger_id = $1`, x.id)(tx))
	if len(bodies) == 0 {
		return errors.Join(err, exec(t, 1, `update ledger.heads set seq = 0, range = '' where ledger_id = $1`, x.id)(tx))
	}
	return errors.Join(err, exec(t, 1, `update ledger.heads set seq = $2, range = $3 where ledger_id = $1`,
		x.id, len(bodies), compactRange(t, bodies))(tx))
}

// compactRange returns what a head keeps of a tree.
func compactRange(t *testing.T, bodies [][]byte) []byte {
	t.Helper()
	factory := &compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	r := factory.NewEmptyRange(0)
	for _, body := range bodies {
		if err := r.Append(rfc6962.DefaultHasher.HashLeaf(body), nil); err != nil {
			t.Fatal(err)
		}
	}
	return bytes.Join(r.Hashes(), nil)
}
