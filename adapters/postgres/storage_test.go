package postgres_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/events"
)

func TestEventsAreAppendOnly(t *testing.T) {
	t.Parallel()
	l, pool := setup(t, postgres.Options{})
	mustAppend(t, l, rename(newID(), document(), 0, 3))
	for _, sql := range []string{
		`update ledger.events set body = body`,
		`delete from ledger.events`,
		`truncate ledger.events`,
	} {
		_, err := pool.Exec(t.Context(), sql)
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != "42501" {
			t.Errorf("%s: %v, want it refused", sql, err)
		}
	}
	if n := scan[int](t, pool, `select count(*) from ledger.events`); n != 3 {
		t.Errorf("%d events left of 3", n)
	}
}

func TestEverythingOfAnAppendIsOneTransaction(t *testing.T) {
	t.Parallel()
	l, pool := setup(t, postgres.Options{})
	ledger := newID()
	a := rename(ledger, document(), 0, 3)
	a.Meta.Keyed = true
	mustAppend(t, l, a)
	const transactions = `
select count(distinct x) from (
    select xmin::text as x from ledger.events union all select xmin::text from ledger.heads
    union all select xmin::text from ledger.outbox union all select xmin::text from ledger.commands) as rows`
	if n := scan[int](t, pool, transactions); n != 1 {
		t.Errorf("written by %d transactions", n)
	}
	var first, last int64
	err := pool.QueryRow(t.Context(), `select first_seq, last_seq from ledger.outbox where ledger_id = $1`, ledger).
		Scan(&first, &last)
	if err != nil || first != 1 || last != 3 {
		t.Errorf("the outbox holds %d to %d (%v), want 1 to 3", first, last, err)
	}
}

func TestMerkleRangeIsThatOfTheBodies(t *testing.T) {
	t.Parallel()
	l, pool := setup(t, postgres.Options{})
	ledger, s := newID(), document()
	var version int64
	for _, n := range []int{1, 1, 2, 3, 5, 8, 13, 1, 100} {
		mustAppend(t, l, rename(ledger, s, version, n))
		version += int64(n)
		rows, err := pool.Query(t.Context(), `select body from ledger.events where ledger_id = $1 order by seq`, ledger)
		if err != nil {
			t.Fatal(err)
		}
		bodies, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
		if err != nil {
			t.Fatal(err)
		}
		hashes := scan[[]byte](t, pool, `select range from ledger.heads where ledger_id = $1`, ledger)
		if got, want := rootOfRange(hashes), naiveRoot(bodies); !bytes.Equal(got, want) {
			t.Fatalf("root over %d events is %x, want %x", len(bodies), got, want)
		}
	}
}

// naiveRoot is MTH of RFC 6962, section 2.1, word for word.
func naiveRoot(leaves [][]byte) []byte {
	if len(leaves) == 1 {
		sum := sha256.Sum256(append([]byte{0}, leaves[0]...))
		return sum[:]
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	return node(naiveRoot(leaves[:k]), naiveRoot(leaves[k:]))
}

func node(left, right []byte) []byte {
	sum := sha256.Sum256(append(append([]byte{1}, left...), right...))
	return sum[:]
}

// rootOfRange folds the roots of a tree's perfect subtrees, from right to left.
func rootOfRange(hashes []byte) []byte {
	root := hashes[len(hashes)-sha256.Size:]
	for rest := len(hashes) - sha256.Size; rest > 0; rest -= sha256.Size {
		root = node(hashes[rest-sha256.Size:rest], root)
	}
	return root
}

func TestTimesStayBehindNoHead(t *testing.T) {
	t.Parallel()
	l, pool := setup(t, postgres.Options{})
	ledger, s := newID(), document()
	mustAppend(t, l, rename(ledger, s, 0, 1))
	ahead := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	if _, err := pool.Exec(t.Context(), `update ledger.heads set at = $1`, ahead); err != nil {
		t.Fatal(err)
	}
	if r := mustAppend(t, l, rename(ledger, s, 1, 1)); !r.At.Equal(ahead) {
		t.Errorf("the next event is of %s, want %s", r.At, ahead)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	l, pool := setup(t, postgres.Options{})
	ledger, s := newID(), document()
	mustAppend(t, l, rename(newID(), document(), 0, 5))
	mustAppend(t, l, rename(ledger, s, 0, 250))
	if head, err := l.Head(t.Context(), ledger); err != nil || head != 250 {
		t.Errorf("head %d (%v), want 250", head, err)
	}
	if head, err := l.Head(t.Context(), newID()); err != nil || head != 0 {
		t.Errorf("head of no ledger %d (%v), want 0", head, err)
	}
	var after int64
	for _, want := range []int{100, 100, 50, 0} {
		page, err := l.Read(t.Context(), ledger, after, 100)
		if err != nil || len(page) != want {
			t.Fatalf("%d events after %d (%v), want %d", len(page), after, err, want)
		}
		for _, m := range page {
			after++
			wantMessage(t, m, ledger, after)
		}
	}
	wantLedgers(t, l, pool)
}

func wantMessage(t *testing.T, m events.Message, ledger uuid.UUID, seq int64) {
	t.Helper()
	r, err := events.Decode(m.Body)
	if err != nil {
		t.Fatal(err)
	}
	want := events.Message{
		ID: r.ID, Ledger: ledger, Seq: seq, StreamID: r.Stream.ID, Type: r.Type,
		At: r.At, TraceParent: r.TraceParent,
	}
	m.Body = nil
	if m.ID != want.ID || m.Ledger != want.Ledger || m.Seq != want.Seq || r.Seq != seq || r.Ledger != ledger ||
		m.StreamID != want.StreamID || m.Type != want.Type || !m.At.Equal(want.At) || m.TraceParent != want.TraceParent {
		t.Fatalf("message %+v, want %+v", m, want)
	}
}

func wantLedgers(t *testing.T, l *postgres.Ledger, pool *pgxpool.Pool) {
	t.Helper()
	rows, err := pool.Query(t.Context(), `select ledger_id, seq from ledger.heads order by ledger_id`)
	if err != nil {
		t.Fatal(err)
	}
	want, err := pgx.CollectRows(rows, pgx.RowToStructByPos[postgres.Head])
	if err != nil {
		t.Fatal(err)
	}
	var after uuid.UUID
	for _, w := range want {
		page, err := l.Ledgers(t.Context(), after, 1)
		if err != nil || len(page) != 1 || page[0] != w {
			t.Fatalf("ledgers after %s: %v (%v), want %v", after, page, err, w)
		}
		after = page[0].Ledger
	}
	if page, err := l.Ledgers(t.Context(), after, 1); err != nil || len(page) != 0 {
		t.Errorf("ledgers after the last: %v (%v)", page, err)
	}
}
