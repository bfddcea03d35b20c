package fsck_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/roles"
)

const (
	racedFiles = 25
	racedTurns = 6 // of each file: 150 races in all
)

// Uploads of the same bytes race with the deletion of their documents, while workers
// finish files, forget them, remove their objects and sweep what was staged. In the end
// every document can be downloaded, and no object lies about.
func TestUploadsAndDeletionsRaceWithWorkersOverObjects(t *testing.T) {
	t.Parallel()
	w := setup(t)
	crew := w.hire(2) // each event is acted on twice, as when messages come again
	var races errgroup.Group
	races.SetLimit(10)
	for n := range racedFiles {
		races.Go(func() error { return w.race(crew, n) })
	}
	w.must(races.Wait())
	crew.dismiss()
	crew.sweepOrphans()
	w.clean(roles.FsckOptions{Tenant: w.tenant})

	documents, lives, removed := 0, 0, 0
	trail, err := w.ledger.Read(t.Context(), w.tenant, 0, 1_000_000)
	w.must(err)
	for _, m := range trail {
		r, err := events.Decode(m.Body)
		w.must(err)
		switch e := r.Event.(type) {
		case events.FileReceived:
			lives++
		case events.FileDeleted:
			removed++
			if w.there(e.S3Path) {
				t.Errorf("%s is there, its file was deleted", e.S3Path)
			}
		case events.DocumentUploaded:
			there, err := w.downloads(r.Stream.ID)
			w.must(err)
			if there {
				documents++
			}
		}
	}
	if documents < racedFiles || lives < 2*racedFiles || removed < racedFiles {
		t.Errorf("%d documents are left, %d lives began, %d ended: that was no race", documents, lives, removed)
	}
	t.Logf("%d races, %d documents are left, %d lives of %d files began, %d ended", racedFiles*racedTurns, documents, lives, racedFiles, removed)
}

// race has two uploads of the same bytes meet the deletion of the documents that stand
// on them, again and again. The last uploads stay.
func (w *world) race(crew *crew, n int) error {
	text := strings.Repeat(fmt.Sprintf("file %d. ", n), 1000)
	var standing []uuid.UUID
	for turn := range racedTurns {
		var meeting errgroup.Group
		made := [2]uuid.UUID{uuid.New(), uuid.New()}
		for _, document := range made {
			meeting.Go(func() error { return crew.upload(document, text) })
		}
		for _, document := range standing {
			meeting.Go(func() error { return w.discard(document) })
			meeting.Go(func() error { _, err := w.downloads(document); return err })
		}
		if err := meeting.Wait(); err != nil {
			return fmt.Errorf("file %d, turn %d: %w", n, turn, err)
		}
		standing = made[:]
		if turn%3 == 1 && turn < racedTurns-1 { // nothing stands on it for a moment
			if err := errors.Join(w.discard(made[0]), w.discard(made[1]), crew.forgotten(made[0])); err != nil {
				return fmt.Errorf("file %d, after turn %d: %w", n, turn, err)
			}
			standing = nil
		}
	}
	return nil
}

func (w *world) discard(document uuid.UUID) error {
	_, err := w.app.DeleteDocument(w.Context(), w.meta(), command.DeleteDocument{TenantID: w.tenant, DocumentID: document, By: w.by})
	return err
}

// downloads checks, if a document is there, that it holds what was uploaded once a
// worker is done with it. Whatever changes meanwhile is looked at anew.
func (w *world) downloads(document uuid.UUID) (there bool, err error) {
	for ; ; pause(w.Context(), lookEvery) {
		d, err := w.app.DocumentByID(w.Context(), w.tenant, document)
		if err != nil || !d.Exists {
			return false, err
		}
		f, err := w.app.FileByID(w.Context(), w.tenant, d.FileID)
		if err != nil {
			return false, err
		}
		got, err := w.store.Verify(w.Context(), f.S3Path)
		if err != nil && !errors.Is(err, s3.ErrNotFound) {
			return false, err
		}
		if f.Status == command.FileReady && err == nil && got == f.Digest {
			return true, nil
		}
		after, err := w.app.FileByID(w.Context(), w.tenant, d.FileID)
		if err != nil {
			return false, err
		}
		still, err := w.app.DocumentByID(w.Context(), w.tenant, document)
		if err != nil {
			return false, err
		}
		if still.Exists && after.Version == f.Version && f.Status != command.FileProcessing {
			return false, fmt.Errorf("document %s dangles: its file is %s %s, the object holds %+v", document, f.Status, f.Failure, got)
		}
	}
}
