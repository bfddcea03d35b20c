package fsck_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/fsck"
	"github.com/cartulary/cartulary/internal/pgtest"
	"github.com/cartulary/cartulary/roles"
)

// rewrite changes the ledger as only a superuser can, whom no trigger stops.
func (w *world) rewrite(sql string, args ...any) {
	w.Helper()
	conn, err := pgx.Connect(w.Context(), pgtest.Owner(w.T, w.url))
	w.must(err)
	defer func() { _ = conn.Close(context.WithoutCancel(w.Context())) }()
	_, err = conn.Exec(w.Context(), `set session_replication_role = replica`)
	w.must(err)
	changed, err := conn.Exec(w.Context(), sql, args...)
	w.must(err)
	if changed.RowsAffected() == 0 {
		w.Fatalf("nothing was changed by %s", sql)
	}
}

// hold keeps a table of a database from being written to until it is released. It can
// be read.
func (w *world) hold(database, table string) (release func()) {
	w.Helper()
	cfg, err := pgx.ParseConfig(w.url)
	w.must(err)
	cfg.Database = database
	conn, err := pgx.ConnectConfig(w.Context(), cfg)
	w.must(err)
	release = func() { _ = conn.Close(context.WithoutCancel(w.Context())) }
	w.Cleanup(release)
	_, err = conn.Exec(w.Context(), `begin; lock table `+table+` in exclusive mode`)
	w.must(err)
	return release
}

// unrepaired checks that repairing did nothing about findings of a kind, and that they
// say so.
func (w *world) unrepaired(k fsck.Kind, remedy string, found []fsck.Finding) {
	w.Helper()
	for _, f := range found {
		if f.Repaired != "" || f.Refused != "" {
			w.Errorf("%s: repaired %q, refused %q", f.Kind, f.Repaired, f.Refused)
		}
		if f.Kind == k && !strings.Contains(f.Remedy, remedy) {
			w.Errorf("%s: the remedy is %q", f.Kind, f.Remedy)
		}
	}
	if told := w.operations(); len(told) != 0 {
		w.Errorf("the trail tells of repairs: %v", told)
	}
}

// What a document refers to is altered on the ledger itself, and the events of a file
// are gone. The read models, which are right, then differ from the ledger; the objects
// of the files stay.
func TestADocumentWithoutItsFileIsNamedAndLeftAlone(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.stored("whole")
	misled, left := w.stored("left")
	bereft, lost := w.stored("lost")
	w.clean(roles.FsckOptions{Tenant: w.tenant})
	keys := []string{w.file(left).S3Path, w.file(lost).S3Path}
	w.rewrite(`update ledger.events set body = convert_to(replace(convert_from(body, 'UTF8'), $3, $4), 'UTF8') where ledger_id = $1 and stream_id = $2`,
		w.tenant, misled, left.String(), uuid.NewString())
	w.rewrite(`delete from ledger.events where ledger_id = $1 and stream_id = $2`, w.tenant, lost)

	planted := []string{
		plant(fsck.Dangling, misled), plant(fsck.RowDiffers, misled), // in file_id
		plant(fsck.Dangling, bereft), plant(fsck.RowExtra, lost),
	}
	same(t, w.check(roles.FsckOptions{Tenant: w.tenant, Grace: day}), planted...)
	found := w.check(roles.FsckOptions{Tenant: w.tenant, Grace: day, Repair: true})
	same(t, found, planted...)
	w.unrepaired(fsck.Dangling, "the trail tells", found)
	same(t, w.check(roles.FsckOptions{Tenant: w.tenant, Grace: day}), planted...)
	for _, key := range keys {
		if !w.there(key) {
			t.Errorf("%s was removed", key)
		}
	}
}

// Read models that do not follow are named once. Their rows are not compared, what is
// in the ledger and in the store is.
func TestReadModelsThatAreHeldBackAreNamed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	forged, _ := w.stored("forged")
	_, gone := w.stored("gone")
	w.clean(roles.FsckOptions{Tenant: w.tenant})
	w.forge(`update documents set filename = 'forged' where id = $1`, forged)
	w.must(w.store.Delete(t.Context(), w.file(gone).S3Path))
	release := w.hold(events.DatabaseName(w.tenant), "documents")
	w.stored("late")

	planted := []string{plant(fsck.Behind, w.tenant), plant(fsck.Missing, gone)}
	same(t, w.check(roles.FsckOptions{Tenant: w.tenant, Patience: time.Second}), planted...)
	found := w.check(roles.FsckOptions{Tenant: w.tenant, Patience: time.Second, Repair: true})
	same(t, found, planted...)
	w.unrepaired(fsck.Behind, "a projector runs", found)
	release()
	same(t, w.check(roles.FsckOptions{Tenant: w.tenant}), plant(fsck.RowDiffers, forged), plant(fsck.Missing, gone))
}

// The same of the main database.
func TestATenantsRowThatIsHeldBackIsNamed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.stored("whole")
	w.clean(roles.FsckOptions{Tenant: w.tenant})
	release := w.hold(w.pool.Config().ConnConfig.Database, "tenants")
	_, err := w.app.ChangeTenant(t.Context(), w.meta(), command.ChangeTenant{TenantID: w.tenant, Name: "Acme & Sons", Actor: w.admin})
	w.must(err)
	found := w.check(roles.FsckOptions{Tenant: w.tenant, Patience: time.Second, Repair: true})
	same(t, found, plant(fsck.Behind, w.tenant))
	w.unrepaired(fsck.Behind, "a projector runs", found)
	release()
	w.clean(roles.FsckOptions{Tenant: w.tenant})
}
