package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/klauspost/compress/zstd"

	"github.com/cartulary/cartulary/internal/apitest"
	"github.com/cartulary/cartulary/internal/pgtest"
	"github.com/cartulary/cartulary/proof"
)

const deed = "the bytes of the deed"

// auditing is an installation whose trail was taken along twice.
type auditing struct {
	*installation

	dir    string
	tenant uuid.UUID
	key    string
}

// setupAuditing leaves these files: receipt.json and deed.txt of a document; early.bundle
// and early.json, the bundle and the checkpoint when there was but that; late.bundle and
// late.json, of later; and other.json, another tenant's checkpoint.
func setupAuditing(t *testing.T) *auditing {
	t.Helper()
	a := &auditing{installation: install(t), dir: t.TempDir()}
	client := apitest.SignUp(t, a.base)
	a.tenant = client.CreateTenant(t)
	other := client.CreateTenant(t)
	document := client.MustUpload(t, a.tenant, "deed.txt", "text/plain", strings.NewReader(deed))
	fetch := func(file string, tenant uuid.UUID, path string) {
		t.Helper()
		a.signed(t, tenant)
		answer := client.Must(t, http.StatusOK, http.MethodGet, "/api/tenants/"+tenant.String()+path, nil)
		a.write(t, file, []byte(answer.Text))
	}
	a.write(t, "deed.txt", []byte(deed))
	fetch("receipt.json", a.tenant, "/documents/"+document.ID.String()+"/receipt")
	fetch("other.json", other, "/audit/checkpoint")
	for _, when := range []string{"early", "late"} {
		fetch(when+".json", a.tenant, "/audit/checkpoint")
		a.expect(t, 0, "exported "+a.tenant.String(), "export", "--tenant", a.tenant.String(), "--out", a.path(when+".bundle"))
		client.MustUpload(t, a.tenant, "after "+when, "text/plain", strings.NewReader(when))
	}
	a.signed(t, a.tenant)
	a.key = strings.TrimSpace(a.expect(t, 0, "cartulary+", "key"))
	return a
}

func (a *auditing) path(name string) string { return filepath.Join(a.dir, name) }

func (a *auditing) write(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(a.path(name), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (a *auditing) read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(a.path(name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// expect runs `cartulary audit`, which must end with a status and have something to
// say, on the standard output or as the error. It returns the output.
func (in *installation) expect(t *testing.T, want int, says string, args ...string) string {
	t.Helper()
	var stdout strings.Builder
	err := run(t.Context(), append([]string{"audit"}, args...), in.getenv, &stdout)
	said := stdout.String()
	if err != nil {
		said += err.Error()
	}
	if status(err) != want || !strings.Contains(said, says) {
		t.Errorf("%v: got status %d, want %d and %q: %s", args, status(err), want, says, said)
	}
	return stdout.String()
}

// verify expects something of `cartulary audit verify` with the platform's key.
func (a *auditing) verify(t *testing.T, want int, says string, args ...string) {
	t.Helper()
	a.expect(t, want, says, append([]string{"verify", "--key", a.key}, args...)...)
}

// signed waits until a checkpoint holds all of a ledger and is published.
func (in *installation) signed(t *testing.T, ledger uuid.UUID) {
	t.Helper()
	conn := in.connect(t, uuid.Nil)
	deadline, ticker := time.Now().Add(time.Minute), time.NewTicker(50*time.Millisecond)
	defer ticker.Stop()
	for range ticker.C {
		var done bool
		err := conn.QueryRow(t.Context(), `
select h.seq = coalesce((select max(size) from ledger.checkpoints where ledger_id = $1), 0)
    and not exists (select from ledger.checkpoint_outbox where ledger_id = $1)
    and not exists (select from ledger.outbox where ledger_id = $1)
from ledger.heads h where ledger_id = $1`, ledger).Scan(&done)
		if err != nil {
			t.Fatal(err)
		}
		if done {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no checkpoint holds ledger %s", ledger)
		}
	}
}

func TestAuditTellsAnHonestTrailFromOthers(t *testing.T) {
	a := setupAuditing(t)
	t.Run("receipt", a.receipts)
	t.Run("bundle", a.bundles)
	t.Run("uncheckable", a.uncheckable)
	a.stopAll(t) // what follows changes rows behind their backs
	t.Run("ledger", a.ledgers)
}

func (a *auditing) receipts(t *testing.T) {
	receipt, document := a.path("receipt.json"), a.path("deed.txt")
	a.verify(t, 0, "ok: document ", "--receipt", receipt)
	a.verify(t, 0, "ok: document ", "--receipt", receipt, "--document", document)
	a.verify(t, 3, "SHA-256", "--receipt", receipt, "--document", a.path("early.json"))
	a.expect(t, 3, "no verifiable signatures", "verify", "--key", stranger(t), "--receipt", receipt)
	text := a.read(t, "receipt.json")
	for old, replaced := range map[string]string{
		`deed.txt`:            `dead.txt`,            // in a proven event
		`"sha256":"`:          `"sha256":"0`,         // of the receipt
		a.tenant.String():     uuid.NewString(),      // everywhere
		`cartulary-receipt/1`: `cartulary-receipt/2`, // format
		`"document_id":"`:     `"document_id":"0`,    // no id any more
	} {
		forged := bytes.ReplaceAll(text, []byte(old), []byte(replaced))
		if bytes.Equal(forged, text) {
			t.Fatalf("%q is not in %s", old, text)
		}
		a.write(t, "forged.json", forged)
		a.verify(t, 3, "", "--receipt", a.path("forged.json"))
	}
}

func stranger(t *testing.T) string {
	t.Helper()
	text, err := proof.DrawKey()
	if err != nil {
		t.Fatal(err)
	}
	key, err := proof.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key.Public()
}

// exportReadOnly exports as somebody who may read the trail and not add to it.
func (a *auditing) exportReadOnly(t *testing.T) {
	t.Helper()
	exec(t, a.connect(t, uuid.Nil), `create role auditor login password 'auditor';
		grant usage on schema ledger, identity to auditor; grant select on all tables in schema ledger to auditor`)
	url := a.env["DATABASE_URL"]
	defer func() { a.env["DATABASE_URL"] = url }()
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	a.env["DATABASE_URL"] = pgtest.Cluster(t).URLAs(cfg.Database, "auditor", "auditor")
	before := a.operations(t, a.tenant)
	a.expect(t, 0, "exported "+a.tenant.String(), "export", "--tenant", a.tenant.String(), "--out", a.path("auditor.bundle"))
	if after := a.operations(t, a.tenant); len(after) != len(before) {
		t.Errorf("recorded by who may only read: %q", after)
	}
}

func (a *auditing) bundles(t *testing.T) {
	early, late := a.path("early.bundle"), a.path("late.bundle")
	for _, when := range []string{"early", "late"} {
		a.verify(t, 0, "ok: ledger "+a.tenant.String(), "--bundle", a.path(when+".bundle"), "--checkpoint", a.path(when+".json"))
	}
	a.verify(t, 0, "ok: ledger", "--bundle", late, "--checkpoint", a.path("early.json"))
	a.verify(t, 0, "ok: ledger", "--bundle", early)
	// The early bundle is the late one with its tail cut off: only who knows better can tell.
	a.verify(t, 3, "it is missing", "--bundle", early, "--checkpoint", a.path("late.json"))
	a.expect(t, 3, "", "verify", "--key", stranger(t), "--bundle", early)
	if exports := a.operations(t, a.tenant); !slices.Equal(exports, []string{"the signed trail as a bundle", "the signed trail as a bundle"}) {
		t.Errorf("the trail tells of the exports %q", exports)
	}
	a.exportReadOnly(t)
	a.expect(t, 1, "--out", "export", "--tenant", a.tenant.String(), "--out", early)
	a.expect(t, 1, uuid.Nil.String(), "export", "--tenant", uuid.Nil.String(), "--out", a.path("none.bundle"))
	if _, err := os.Stat(a.path("none.bundle")); err == nil {
		t.Error("an export that failed left a file")
	}

	whole := a.read(t, "late.bundle")
	a.write(t, "cut.bundle", whole[:len(whole)-10])
	a.verify(t, 3, "", "--bundle", a.path("cut.bundle"))
	lines := decompress(t, whole)
	for at := 0; at < len(lines); at += 1 + len(lines)/200 {
		forged := bytes.Clone(lines)
		forged[at] ^= 1
		a.write(t, "forged.bundle", compress(t, forged))
		a.verify(t, 3, "", "--bundle", a.path("forged.bundle"))
	}
	for at := len(whole) / 10; at < len(whole); at += 1 + len(whole)/50 { // what is compressed, behind its head
		forged := bytes.Clone(whole)
		forged[at] ^= 1
		a.write(t, "forged.bundle", forged)
		a.verify(t, 3, "", "--bundle", a.path("forged.bundle"))
	}
}

func decompress(t *testing.T, data []byte) []byte {
	t.Helper()
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	lines, err := d.DecodeAll(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func compress(t *testing.T, lines []byte) []byte {
	t.Helper()
	e, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return e.EncodeAll(lines, nil)
}

// uncheckable expects that what can't be checked is neither good nor bad.
func (a *auditing) uncheckable(t *testing.T) {
	early := a.path("early.bundle")
	a.expect(t, 1, "--key is missing", "verify", "--bundle", early)
	a.expect(t, 1, "--key", "verify", "--bundle", early, "--key", "no key")
	a.verify(t, 1, "give one of")
	a.verify(t, 1, "give one of", "--bundle", early, "--all")
	a.verify(t, 1, "unknown argument", "--bundle", early, "more")
	a.verify(t, 1, "--bundle", "--bundle", a.path("none"))
	a.verify(t, 1, "--receipt", "--receipt", a.path("none"))
	a.verify(t, 1, "--document", "--receipt", a.path("receipt.json"), "--document", a.path("none"))
	a.verify(t, 1, "--checkpoint", "--bundle", early, "--checkpoint", a.path("none"))
	a.verify(t, 1, "another", "--bundle", early, "--checkpoint", a.path("other.json"))
	a.verify(t, 1, "--ledger must be an id", "--ledger", "x")
	a.verify(t, 1, "of ledger "+a.tenant.String()+", a checkpoint of another", "--ledger", a.tenant.String(), "--checkpoint", a.path("other.json"))
	a.verify(t, 1, "no event of it", "--ledger", uuid.NewString())
	a.verify(t, 1, "--checkpoint", "--receipt", a.path("receipt.json"), "--checkpoint", a.path("late.json"))
	a.verify(t, 1, "--document", "--bundle", early, "--document", a.path("deed.txt"))
	a.verify(t, 3, "--checkpoint", "--bundle", early, "--checkpoint", a.path("deed.txt"))
	a.expect(t, 1, "there is no audit command", "prove")
	a.expect(t, 1, "say what to do")
	a.expect(t, 0, "Exit status", "--help")

	away := &installation{env: map[string]string{"DATABASE_URL": "postgres://127.0.0.1:1/none?connect_timeout=2"}}
	away.expect(t, 1, "connect to the main database", "verify", "--all", "--key", a.key)
}

func (a *auditing) ledgers(t *testing.T) {
	ledger := []string{"--ledger", a.tenant.String()}
	all := []string{"--all"}
	known := func(args []string) []string {
		return append(slices.Clip(args), "--checkpoint", a.path("late.json"))
	}
	for _, args := range [][]string{ledger, all, known(ledger), known(all)} {
		a.verify(t, 0, "ok: ledger "+a.tenant.String(), args...)
	}
	a.expect(t, 3, "BAD: ", "verify", "--ledger", a.tenant.String(), "--key", stranger(t))

	conn := a.connect(t, uuid.Nil)
	of := " where ledger_id = '" + a.tenant.String() + "'"
	exec(t, conn, `set session_replication_role = replica`) // no trigger fires
	exec(t, conn, `create table kept as select * from ledger.events`+of+` and seq = 6`)
	exec(t, conn, `update ledger.events set body = convert_to(replace(convert_from(body, 'UTF8'), '"seq":6', '"seq":7'), 'UTF8')`+of+` and seq = 6`)
	a.verify(t, 3, "event 6:", ledger...)
	a.verify(t, 3, "1 of ", all...)
	exec(t, conn, `update ledger.events e set body = kept.body from kept where e.ledger_id = kept.ledger_id and e.seq = kept.seq`)
	a.verify(t, 0, "ok: ledger", all...)

	// All of it is gone, so that nothing in the database disagrees: only who kept a
	// checkpoint can tell.
	for _, table := range []string{"events", "heads", "tiles", "checkpoints"} {
		exec(t, conn, `delete from ledger.`+table+of)
	}
	a.verify(t, 0, "ok: ledger", all...)
	a.verify(t, 1, "no event of it", ledger...)
	a.verify(t, 3, "is gone", known(all)...)
	a.verify(t, 3, "event 1: it is missing", known(ledger)...)
}
