package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/internal/pgtest"
)

// The role that the product runs as tries whatever would rewrite the trail.
func TestTheProductsRoleCannotRewriteTheTrail(t *testing.T) {
	t.Parallel()
	c := setupCertified(t)
	c.grow(t, 3)
	if _, err := c.certify(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		`update ledger.events set body = ''`, `delete from ledger.events`, `truncate ledger.events`,
		`alter table ledger.events disable trigger all`, `alter table ledger.events disable trigger events_append_only`,
		`drop trigger events_append_only on ledger.events`, `drop table ledger.events`, `drop schema ledger cascade`,
		`alter table ledger.events rename to gone`, `alter table ledger.events owner to current_user`,
		`create or replace function ledger.refuse_rewrite() returns trigger language plpgsql as 'begin return new; end'`,
		`create rule quiet as on insert to ledger.events do instead nothing`, `set session_replication_role = replica`,
		`insert into ledger.events select * from ledger.events on conflict (ledger_id, seq) do update set body = ''`,
		`delete from ledger.heads`, `truncate ledger.heads`, `delete from ledger.tiles`, `truncate ledger.tiles`,
		`update ledger.checkpoints set size = 1`, `delete from ledger.checkpoints`, `truncate ledger.checkpoints`,
		`update ledger.checkpoint_keys set verifier = 'x'`, `delete from ledger.checkpoint_keys`,
		`update ledger.commands set outcome = ''`, `delete from ledger.commands`,
		`set role postgres`, `grant postgres to current_user`, `alter role current_user superuser`,
	} {
		_, err := c.pool.Exec(t.Context(), sql)
		if err == nil {
			t.Errorf("%s was allowed", sql)
		} else if text := err.Error(); !strings.Contains(text, "42501") && !strings.Contains(text, "must be owner") {
			t.Errorf("%s was refused for another reason: %v", sql, err)
		}
	}
	if n := scan[int](t, c.pool, `select count(*) from ledger.events`); n != 3 {
		t.Errorf("%d events are left", n)
	}
}

func TestMayRewrite(t *testing.T) {
	t.Parallel()
	url := pgtest.Platform(t)
	if why, err := postgres.MayRewrite(t.Context(), openPool(t, url)); why != "" || err != nil {
		t.Errorf("the product's role: %q, %v", why, err)
	}
	owner := openPool(t, pgtest.Owner(t, url))
	if why, err := postgres.MayRewrite(t.Context(), owner); why != "it is a superuser" || err != nil {
		t.Errorf("a superuser: %q, %v", why, err)
	}
	run := func(sql string) {
		t.Helper()
		if _, err := owner.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	for _, right := range []string{
		"delete on ledger.events", "truncate on ledger.events", "update on ledger.events", "update (body) on ledger.events",
		"update on ledger.checkpoints", "delete on ledger.checkpoint_keys", "delete on ledger.heads", "update on ledger.commands",
	} {
		run(`grant ` + right + ` to product`)
		table := right[strings.LastIndex(right, " ")+1:]
		if why, err := postgres.MayRewrite(t.Context(), openPool(t, url)); why != "it may update, delete or truncate "+table || err != nil {
			t.Errorf("%s: %q, %v", right, why, err)
		}
		run(`revoke ` + right + ` from product`)
	}
	run(`alter schema ledger owner to product`)
	if why, err := postgres.MayRewrite(t.Context(), openPool(t, url)); !strings.Contains(why, "the schema ledger") || err != nil {
		t.Errorf("the schema's owner: %q, %v", why, err)
	}
}

func TestTablesThatAreMissingAreNamed(t *testing.T) {
	t.Parallel()
	url := pgtest.Platform(t)
	pool, owner := openPool(t, url), openPool(t, pgtest.Owner(t, url))
	for _, step := range []struct {
		sql  string
		want string
	}{
		{`select`, `[]`},
		{`drop table ledger.events`, `[ledger.events]`},
		{`drop schema ledger cascade`, `[ledger.heads ledger.events ledger.commands ledger.outbox ` +
			`ledger.tiles ledger.checkpoints ledger.checkpoint_keys ledger.checkpoint_outbox]`},
	} {
		if _, err := owner.Exec(t.Context(), step.sql); err != nil {
			t.Fatal(err)
		}
		if got, err := postgres.MissingTables(t.Context(), pool); fmt.Sprint(got) != step.want || err != nil {
			t.Errorf("%s: got %v, %v", step.sql, got, err)
		}
		if why, err := postgres.MayRewrite(t.Context(), pool); why != "" || err != nil {
			t.Errorf("%s: %q, %v", step.sql, why, err)
		}
	}
}
