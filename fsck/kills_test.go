package fsck_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/roles"
	"github.com/cartulary/cartulary/worker"
)

// kill has a worker work on a tenant that is killed at a step.
func (w *world) kill(tenant uuid.UUID, step string) {
	w.Helper()
	v := victim{URL: w.url, Endpoint: w.cfg.S3.Endpoint, Tenant: tenant, Step: step}
	if err := v.start(w.Context()); err != nil {
		w.Fatalf("%s: %v", step, err)
	}
}

// mended has another worker do it all again, and checks that nothing is amiss then.
func (w *world) mended(tenant uuid.UUID, step string) {
	w.Helper()
	if err := workThrough(w.Context(), w.app, w.ledger, w.worker, staging{w.store}, tenant); err != nil {
		w.Fatalf("after it was killed at %s: %v", step, err)
	}
	for _, f := range w.check(roles.FsckOptions{Tenant: tenant}) {
		w.Errorf("after it was killed at %s: %s of %s %s %s: %s", step, f.Kind, f.File, f.Document, f.Key, f.Detail)
	}
}

// whole checks that a file is ready and holds the bytes that were received.
func (w *world) whole(id uuid.UUID, step string) {
	w.Helper()
	f := w.file(id)
	got, err := w.store.Verify(w.Context(), f.S3Path)
	if f.Status != command.FileReady || err != nil || got != f.Digest {
		w.Errorf("after it was killed at %s the file is %s, with %+v, %v", step, f.Status, got, err)
	}
}

// A worker that is killed at any step of a file's life leaves nothing behind once another
// has worked: no file on its way, no object that nobody needs, no byte lost.
func TestAKilledWorkerLeavesNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	seen := make(map[string]bool)
	killed := func(step string) { w.kill(w.tenant, step); seen[step] = true }

	for _, step := range []string{worker.StepVerify, worker.StepCopy, whileCopying, worker.StepRecord, worker.StepRecorded} {
		_, file := w.upload(strings.Repeat(step, (8<<20)/len(step)))
		killed(step)
		w.mended(w.tenant, step)
		w.whole(file, step)
	}

	document, file := w.upload("wrong on the way")
	staged := command.StagingPath(w.tenant, document)
	w.write(staged, "something else")
	killed(worker.StepFail)
	w.must(workThrough(w.Context(), w.app, w.ledger, w.worker, staging{w.store}, w.tenant))
	if f := w.file(file); f.Status != command.FileFailed || f.Failure == "" {
		t.Errorf("after it was killed at fail the file is %s, %q", f.Status, f.Failure)
	}
	w.write(staged, "wrong on the way")
	_, err := w.app.RetryFile(t.Context(), w.meta(), command.RetryFile{TenantID: w.tenant, FileID: file})
	w.must(err)
	w.kill(w.tenant, worker.StepRecord) // of the retry
	w.mended(w.tenant, "retry")
	w.whole(file, "retry")

	for _, step := range []string{beforeDeletion, afterDeletion} {
		_, file := w.upload("staged until " + step)
		killed(step) // by the janitor
		w.mended(w.tenant, step)
		w.whole(file, step)

		document, file := w.stored("needed until " + step)
		key := w.file(file).S3Path
		_, err := w.app.DeleteDocument(t.Context(), w.meta(), command.DeleteDocument{TenantID: w.tenant, DocumentID: document, By: w.by})
		w.must(err)
		_, err = w.app.DeleteFile(t.Context(), w.meta(), command.DeleteFile{TenantID: w.tenant, FileID: file})
		w.must(err)
		killed(step) // by the remover
		w.mended(w.tenant, step)
		if w.there(key) {
			t.Errorf("after it was killed %s: the object is there", step)
		}
	}

	for _, step := range []string{worker.StepProvision, whileProvisioning, worker.StepProvisioned} {
		tenant := w.unprovisioned()
		w.kill(tenant, step)
		seen[step] = true
		w.mended(tenant, step)
		if made, err := w.app.TenantByID(t.Context(), tenant); err != nil || !made.Provisioned {
			t.Errorf("after it was killed at %s the tenant is provisioned: %t, %v", step, made.Provisioned, err)
		}
	}
	for _, step := range worker.Steps() {
		if !seen[step] {
			t.Errorf("nobody was killed at %s", step)
		}
	}
}
