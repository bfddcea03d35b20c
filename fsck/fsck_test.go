package fsck_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/fsck"
	"github.com/cartulary/cartulary/roles"
)

const day = 24 * time.Hour

// names returns what was found: a line each, in order.
func names(found []fsck.Finding) []string {
	list := make([]string, len(found))
	for i, f := range found {
		list[i] = fmt.Sprint(f.Kind, " ", of(f))
	}
	slices.Sort(list)
	return list
}

func of(f fsck.Finding) any {
	switch {
	case f.Kind == fsck.Orphan, f.Kind == fsck.Unfinished, f.Kind == fsck.Foreign, f.Kind == fsck.StrayObjects:
		return f.Key
	case f.Document != uuid.Nil:
		return f.Document
	case f.File != uuid.Nil:
		return f.File
	}
	return f.Tenant
}

// same compares what was found with what was planted.
func same(t *testing.T, found []fsck.Finding, planted ...string) {
	t.Helper()
	planted = slices.Sorted(slices.Values(planted))
	if diff := cmp.Diff(planted, names(found)); diff != "" {
		t.Errorf("(-planted +found):\n%s\n%+v", diff, found)
	}
}

func plant(k fsck.Kind, of any) string { return fmt.Sprint(k, " ", of) }

func TestEveryDifferenceOfBytesIsFoundOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.stored("whole")
	w.stored("") // of no bytes
	_, flipped := w.stored("flipped")
	w.write(w.file(flipped).S3Path, "flippeD")
	_, truncated := w.stored("truncated")
	w.write(w.file(truncated).S3Path, "trunc")
	_, gone := w.stored("gone")
	w.must(w.store.Delete(t.Context(), w.file(gone).S3Path))
	_, unstaged := w.upload("unstaged")
	w.must(w.store.Delete(t.Context(), w.file(unstaged).S3Path))
	_, failed := w.upload("failed")
	w.write(w.file(failed).S3Path, "other")
	w.finish(failed)
	_, stuck := w.upload("stuck")
	_, righted := w.upload("righted")
	w.write(w.file(righted).S3Path, "wrong")
	w.finish(righted)
	w.write(w.file(righted).S3Path, "righted")

	planted := []string{
		plant(fsck.Altered, truncated), plant(fsck.Missing, gone), plant(fsck.Missing, unstaged), plant(fsck.Failed, failed), plant(fsck.Failed, righted),
	}
	same(t, w.check(roles.FsckOptions{Tenant: w.tenant, Grace: day}), append(planted, plant(fsck.Altered, flipped))...)
	same(t, w.check(roles.FsckOptions{Tenant: w.tenant}), append(planted, plant(fsck.Altered, flipped), plant(fsck.Stuck, stuck))...)
	// The store tells the MD5 digest of a small object.
	same(t, w.check(roles.FsckOptions{Tenant: w.tenant, Grace: day, Quick: true}), append(planted, plant(fsck.Altered, flipped))...)

	for _, f := range w.check(roles.FsckOptions{Tenant: w.tenant, Repair: true}) {
		if queued := f.File == righted || f.File == stuck; queued != (f.Repaired == "queued for a worker to verify") || f.Refused != "" {
			t.Errorf("%s %s: repaired %q, refused %q", f.Kind, f.File, f.Repaired, f.Refused)
		}
	}
	for _, id := range []uuid.UUID{righted, stuck} {
		w.finish(id)
		if f := w.file(id); f.Status != command.FileReady {
			t.Errorf("file %s is %s", id, f.Status)
		}
	}
}

func TestASweepRemovesOnlyWhatTheLedgerTellsOf(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, whole := w.stored("whole")
	_, waiting := w.upload("waiting")
	files := command.FilesPrefix(w.tenant) + "2026/01/"
	_, err := w.store.BeginParts(t.Context(), files+"parts", "text/plain")
	w.must(err)
	gone := []string{
		w.write(fmt.Sprintf("%s%s_x", files, whole), "an earlier life"), w.write("probes/killed", "x"),
		w.write(command.StagingPath(w.tenant, uuid.New()), "never recorded"),
	}
	kept := []string{
		w.file(whole).S3Path, w.file(waiting).S3Path, w.write(fmt.Sprintf("%s%s_x", files, waiting), "a worker copied it and was killed"),
		// The ledger may have been set back:
		w.write(fmt.Sprintf("%s%s_x", files, uuid.New()), "of no file"), w.write(fmt.Sprintf("%s%s_x.9", files, whole), "a later life"),
		w.write(command.TenantPrefix(w.tenant)+"odd", "no name of ours"), w.write(command.StagingPath(uuid.New(), uuid.New()), "of no tenant"),
	}
	logger := slog.New(slog.DiscardHandler)
	platform, err := roles.Open(t.Context(), w.cfg, roles.NewHints(nil, logger), logger)
	w.must(err)
	defer platform.Close()
	w.must(platform.SweepOrphans(t.Context(), w.store, day)) // all are young
	for _, key := range append(kept, gone...) {
		if !w.there(key) {
			t.Errorf("%s was removed at once", key)
		}
	}
	w.must(platform.SweepOrphans(t.Context(), w.store, 0))
	for _, key := range kept {
		if !w.there(key) {
			t.Errorf("%s was removed", key)
		}
	}
	for _, key := range gone {
		if w.there(key) {
			t.Errorf("%s is still there", key)
		}
	}
	if aborted, err := w.store.AbortStale(t.Context(), "", time.Now().Add(time.Hour)); err != nil || aborted != 0 {
		t.Errorf("%d uploads in parts are left, %v", aborted, err)
	}
	if told := w.operations(); len(told) != 3 {
		t.Errorf("the trail tells of %d removals, want 3: %v", len(told), told)
	}
}

func TestWhatNoFileStandsOnIsFoundOnceAndRemoved(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, whole := w.stored("whole")
	_, waiting := w.upload("waiting")
	leftover, moved := w.upload("moved")
	w.finish(moved)
	document, deleted := w.stored("deleted")
	old := w.file(deleted).S3Path
	_, err := w.app.DeleteDocument(t.Context(), w.meta(), command.DeleteDocument{TenantID: w.tenant, DocumentID: document, By: w.by})
	w.must(err)
	_, err = w.app.DeleteFile(t.Context(), w.meta(), command.DeleteFile{TenantID: w.tenant, FileID: deleted})
	w.must(err)

	files := command.FilesPrefix(w.tenant) + "2026/01/"
	parts := command.DirectPrefix(w.tenant) + "parts"
	_, err = w.store.BeginParts(t.Context(), parts, "text/plain")
	w.must(err)
	finishing := w.write(fmt.Sprintf("%s%s_x", files, waiting), "a worker copied it and was killed")
	w.write(command.ResumablePrefix(w.tenant)+uuid.NewString()+"/1", "may be resumed for a day")
	odd := w.write(command.TenantPrefix(w.tenant)+"odd", "no name of ours")
	orphans := []string{
		command.StagingPath(w.tenant, leftover), old,
		w.write(fmt.Sprintf("%s%s_x", files, whole), "an earlier life"),
		w.write(fmt.Sprintf("%s%s_x", files, uuid.New()), "of no file"),
		w.write(command.StagingPath(w.tenant, uuid.New()), "never recorded"),
		w.write(command.DirectPrefix(w.tenant)+"sent", "never taken over"),
	}
	planted := []string{plant(fsck.Unfinished, parts), plant(fsck.Foreign, odd), plant(fsck.Stuck, waiting)}
	for _, key := range orphans {
		planted = append(planted, plant(fsck.Orphan, key))
	}

	same(t, w.check(roles.FsckOptions{Tenant: w.tenant, Grace: day, Repair: true}), plant(fsck.Foreign, odd)) // all are young
	same(t, w.check(roles.FsckOptions{Tenant: w.tenant}), planted...)
	repaired := w.check(roles.FsckOptions{Tenant: w.tenant, Repair: true})
	same(t, repaired, planted...)
	for _, f := range repaired {
		if (f.Repaired == "") != (f.Kind == fsck.Foreign) || f.Refused != "" {
			t.Errorf("%s %s: repaired %q, refused %q", f.Kind, f.Key, f.Repaired, f.Refused)
		}
	}
	w.finish(waiting)
	same(t, w.check(roles.FsckOptions{Tenant: w.tenant, Grace: day}), plant(fsck.Foreign, odd))
	for _, id := range []uuid.UUID{whole, waiting, moved} {
		if f := w.file(id); f.Status != command.FileReady || !w.there(f.S3Path) {
			t.Errorf("file %s is %s, its object there: %t", id, f.Status, w.there(f.S3Path))
		}
	}
	for _, key := range append(orphans, finishing) {
		if key != finishing && w.there(key) {
			t.Errorf("%s is still there", key)
		}
	}
	if !w.there(odd) {
		t.Error("what the platform did not name was removed")
	}
	if told := w.operations(); len(told) != len(repaired)-1 {
		t.Errorf("the trail tells of %d repairs, want %d: %v", len(told), len(repaired)-1, told)
	}
}

// operations returns what the tenant's trail tells of repairs.
func (w *world) operations() (told []string) {
	w.Helper()
	rows, err := w.pool.Query(w.Context(), `select body from ledger.events where ledger_id = $1 and type = $2 order by seq`,
		w.tenant, string(events.TypeOperationPerformed))
	w.must(err)
	for rows.Next() {
		var body []byte
		w.must(rows.Scan(&body))
		r, err := events.Decode(body)
		w.must(err)
		e, _ := r.Event.(events.OperationPerformed)
		told = append(told, e.Action+": "+e.Detail)
	}
	w.must(rows.Err())
	return told
}

func TestAnObjectIsRestoredFromWhatWasReceived(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, damage := range []func(key string){
		func(key string) { w.write(key, "Bytes") },
		func(key string) { w.must(w.store.Delete(t.Context(), key)) },
	} {
		_, id := w.upload("bytes " + uuid.NewString())
		w.finish(id)
		damage(w.file(id).S3Path)
	}
	found := w.check(roles.FsckOptions{Tenant: w.tenant, Grace: day, Repair: true})
	if len(found) != 2 {
		t.Errorf("found %v", names(found))
	}
	for _, f := range found {
		if !strings.HasPrefix(f.Repaired, "restored from ") {
			t.Errorf("%+v", f)
		}
	}
	w.clean(roles.FsckOptions{Tenant: w.tenant, Grace: day})
}

func TestRowsThatDifferAreFoundOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.clean(roles.FsckOptions{Tenant: w.tenant})
	renamed, _ := w.stored("renamed")
	lost, lonely := w.stored("lost")
	_, elsewhere := w.stored("elsewhere")
	extra, extraDocument := uuid.New(), uuid.New()
	w.clean(roles.FsckOptions{Tenant: w.tenant})
	w.forge(`update documents set filename = 'forged' where id = $1`, renamed)
	w.forge(`delete from documents where id = $1`, lost)
	w.forge(`update files set s3_path = 'forged', sha256_hash = 'forged' where id = $1`, elsewhere)
	w.forge(`insert into files select $1, md5_hash, sha256_hash, s3_path, file_size, status, created_at, updated_at, created_by, version
		from files where id = $2`, extra, lonely)
	w.forge(`insert into documents select $1, filename, mime_type, $2, user_id, created_at, updated_at, created_by, version, filename_key
		from documents where id = $3`, extraDocument, extra, renamed)
	found := w.check(roles.FsckOptions{Tenant: w.tenant})
	same(t, found,
		plant(fsck.RowDiffers, renamed), plant(fsck.RowMissing, lost), plant(fsck.RowDiffers, lonely),
		plant(fsck.RowDiffers, elsewhere), plant(fsck.RowExtra, extra), plant(fsck.RowExtra, extraDocument))
	for _, f := range found {
		if f.File == elsewhere && !strings.HasSuffix(f.Detail, " in sha256_hash, s3_path") {
			t.Errorf("got %q", f.Detail)
		}
		if !strings.Contains(f.Remedy, "cartulary replay") {
			t.Errorf("remedy %q", f.Remedy)
		}
	}
	// Nothing but a file's own row is wrong where that is missing.
	w.forge(`delete from documents`)
	w.forge(`delete from files`)
	if n := len(w.check(roles.FsckOptions{Tenant: w.tenant, Repair: true})); n != 6 {
		t.Errorf("%d findings, want a missing row for each of 3 documents and 3 files", n)
	}
}

func TestTenantsDatabasesAndPrefixes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.stored("bytes")
	w.clean(roles.FsckOptions{})
	unmade, stray, unknown := w.newTenant(), uuid.New(), uuid.New()
	w.clean(roles.FsckOptions{})
	w.exec("drop database " + events.DatabaseName(unmade) + " with (force)")
	w.exec("create database " + events.DatabaseName(stray))
	t.Cleanup(func() { w.exec("drop database " + events.DatabaseName(stray)) })
	w.exec("comment on database " + events.DatabaseName(stray) + " is 'of a tenant of " + w.pool.Config().ConnConfig.Database + "'")
	w.exec(`insert into tenants select $1, name, 'elsewhere', is_active, is_ready, created_at, updated_at, created_by, version from tenants limit 1`, stray)
	w.exec(`update tenants set name = 'forged' where id = $1`, w.tenant)
	key := w.write(command.StagingPath(unknown, uuid.New()), "x")
	probe := w.write("probes/killed", "x")
	planted := []string{
		plant(fsck.NoDatabase, unmade), plant(fsck.StrayDatabase, stray), plant(fsck.RowExtra, stray), plant(fsck.RowDiffers, w.tenant),
		plant(fsck.StrayObjects, command.TenantPrefix(unknown)), plant(fsck.Orphan, probe),
	}
	same(t, w.check(roles.FsckOptions{}), planted...)
	for _, f := range w.check(roles.FsckOptions{Repair: true}) {
		if mended := f.Kind == fsck.NoDatabase || f.Kind == fsck.Orphan; mended != (f.Repaired != "") {
			t.Errorf("%+v", f)
		}
	}
	var made bool
	w.must(w.pool.QueryRow(t.Context(), `select exists (select from pg_database where datname = $1)`, events.DatabaseName(unmade)).Scan(&made))
	if !made || w.there(probe) {
		t.Errorf("the database is there: %t, the probe: %t", made, w.there(probe))
	}
	if !w.there(key) {
		t.Error("an object of a tenant that the ledger does not know was removed")
	}
}

func (w *world) exec(sql string, args ...any) {
	w.Helper()
	_, err := w.pool.Exec(w.bounded(), sql, args...)
	w.must(err)
}
