package postgres_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/internal/pgtest"
	"github.com/cartulary/cartulary/proof"
)

// certified is a ledger with what signs it.
type certified struct {
	*postgres.Proofs

	ledger *postgres.Ledger
	pool   *pgxpool.Pool
	id     uuid.UUID
	key    proof.Key
}

func setupCertified(t *testing.T) *certified {
	t.Helper()
	l, pool := setup(t, postgres.Options{})
	text, err := proof.DrawKey()
	if err != nil {
		t.Fatal(err)
	}
	key, err := proof.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return &certified{Proofs: postgres.NewProofs(pool), ledger: l, pool: pool, id: newID(), key: key}
}

// grow adds n events to the ledger.
func (c *certified) grow(t *testing.T, n int) {
	t.Helper()
	mustAppend(t, c.ledger, rename(c.id, document(), 0, n))
}

func (c *certified) certify(ctx context.Context) (*proof.Signed, error) {
	return c.Certify(ctx, c.id, tlog.Tree{}, func(tree tlog.Tree) ([]byte, error) {
		return proof.Checkpoint{Origin: proof.Origin(c.key.Name(), c.id), Size: tree.N, Root: tree.Hash}.Sign(c.key)
	})
}

// rewrite does to the database what only a superuser can.
func (c *certified) rewrite(t *testing.T, sql string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pgtest.Owner(t, c.pool.Config().ConnString()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	if _, err := tx.Exec(t.Context(), `set local session_replication_role = replica`); err != nil {
		t.Fatal(err)
	}
	tag, err := tx.Exec(t.Context(), sql, args...)
	if err != nil || tag.RowsAffected() == 0 {
		t.Fatalf("%s: %v, %v", sql, tag, err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestCertifyFollowsALedgerAndProvesIt(t *testing.T) {
	t.Parallel()
	c := setupCertified(t)
	keys, err := proof.ParseKeys(c.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	var signed []*proof.Signed
	for _, n := range []int{1, 2, 252, 1, 1, 300, 5000} {
		c.grow(t, n)
		made, err := c.certify(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if again, err := c.certify(t.Context()); again != nil || err != nil {
			t.Errorf("certified again without need: %v, %v", again, err)
		}
		opened, err := proof.OpenCheckpoint(made.Note, keys)
		if err != nil || opened.Size != made.Size || opened.Root != made.Root {
			t.Fatalf("opened %+v of %+v: %v", opened, made, err)
		}
		signed = append(signed, made)
	}
	last := *signed[len(signed)-1]
	for _, old := range signed {
		hashes, err := c.Consistency(t.Context(), last, old.Size)
		if err == nil {
			err = proof.CheckConsistency(hashes, last.Tree(), old.Tree())
		}
		if err != nil {
			t.Errorf("from %d: %v", old.Size, err)
		}
		root, err := c.RootAt(t.Context(), c.id, old.Size)
		if err != nil || root != old.Root {
			t.Errorf("root at %d: %v, %v", old.Size, root, err)
		}
		for _, seq := range []int64{1, old.Size/2 + 1, old.Size} {
			body, err := c.Body(t.Context(), c.id, seq)
			if err != nil {
				t.Fatal(err)
			}
			hashes, err := c.Inclusion(t.Context(), *old, seq)
			if err == nil {
				err = proof.CheckInclusion(hashes, old.Tree(), seq, proof.LeafHash(body))
			}
			if err != nil {
				t.Errorf("event %d of %d: %v", seq, old.Size, err)
			}
		}
	}
	waiting, err := c.Unpublished(t.Context(), uuid.Nil, 0, 100)
	if err != nil || len(waiting) != len(signed) {
		t.Fatalf("%d checkpoints wait, want %d: %v", len(waiting), len(signed), err)
	}
	if err := c.Published(t.Context(), waiting); err != nil {
		t.Fatal(err)
	}
	if waiting, _ = c.Unpublished(t.Context(), uuid.Nil, 0, 100); len(waiting) != 0 {
		t.Errorf("%d checkpoints still wait", len(waiting))
	}
}

func TestCertifyNeverSignsARewrittenHistory(t *testing.T) {
	t.Parallel()
	for name, tamper := range map[string]func(*testing.T, *certified){
		"head set back": func(t *testing.T, c *certified) {
			t.Helper()
			c.rewrite(t, `update ledger.heads set seq = 2, range = substr(range, 1, 32) where ledger_id = $1`, c.id)
		},
		"a new event changed before it was signed": func(t *testing.T, c *certified) {
			t.Helper()
			c.rewrite(t, `update ledger.events set body = body || ' ' where ledger_id = $1 and seq = 12`, c.id)
		},
		"a new event removed": func(t *testing.T, c *certified) {
			t.Helper()
			c.rewrite(t, `delete from ledger.events where ledger_id = $1 and seq = 12`, c.id)
		},
		"a tile changed": func(t *testing.T, c *certified) {
			t.Helper()
			c.rewrite(t, `update ledger.tiles set hashes = set_byte(hashes, 70, get_byte(hashes, 70) # 1) where ledger_id = $1`, c.id)
		},
		"head rewritten": func(t *testing.T, c *certified) {
			t.Helper()
			c.rewrite(t, `update ledger.heads set range = set_byte(range, 3, get_byte(range, 3) # 1) where ledger_id = $1`, c.id)
		},
		"events and tiles made anew": func(t *testing.T, c *certified) {
			t.Helper()
			c.rewrite(t, `delete from ledger.tiles where ledger_id = $1`, c.id)
			c.rewrite(t, `update ledger.events set body = body || ' ' where ledger_id = $1 and seq = 3`, c.id)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := setupCertified(t)
			c.grow(t, 10)
			if _, err := c.certify(t.Context()); err != nil {
				t.Fatal(err)
			}
			c.grow(t, 5)
			tamper(t, c)
			if made, err := c.certify(t.Context()); !errors.Is(err, postgres.ErrRewritten) {
				t.Errorf("signed %v, %v", made, err)
			}
		})
	}
}

func TestTilesAreMadeAnewFromEvents(t *testing.T) {
	t.Parallel()
	c := setupCertified(t)
	c.grow(t, 700)
	before, err := c.certify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.rewrite(t, `delete from ledger.tiles where ledger_id = $1`, c.id)
	c.grow(t, 1)
	if _, err := c.certify(t.Context()); err != nil {
		t.Fatal(err)
	}
	if root, err := c.RootAt(t.Context(), c.id, before.Size); err != nil || root != before.Root {
		t.Errorf("root at %d: %v, %v", before.Size, root, err)
	}
}

func TestCheckpointsAndTilesOnlyGrow(t *testing.T) {
	t.Parallel()
	c := setupCertified(t)
	c.grow(t, 3)
	if _, err := c.certify(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		`update ledger.checkpoints set size = 2`, `delete from ledger.checkpoints`, `truncate ledger.checkpoints`,
		`update ledger.tiles set hashes = substr(hashes, 1, 32)`,
		`update ledger.tiles set hashes = set_byte(hashes, 0, get_byte(hashes, 0) # 1)`,
		`update ledger.tiles set index = 7`,
	} {
		if _, err := c.pool.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s was allowed", sql)
		}
	}
}
