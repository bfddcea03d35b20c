package fsck

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/query"
)

// documented is a document with the file that it stands on.
type documented struct {
	command.Document

	file command.File
}

// documents compares the tenant's documents on the ledger with rows and files.
func (t *tenant) documents(ctx context.Context) error {
	for both, err := range merged(t.ledgerDocuments(ctx), t.documentRows(ctx)) {
		if err != nil {
			return err
		}
		if err := t.document(ctx, both.id, both.left, both.right); err != nil {
			return err
		}
	}
	return nil
}

func (t *tenant) ledgerDocuments(ctx context.Context) iter.Seq2[entry[documented], error] {
	return paged(func(after uuid.UUID) ([]entry[documented], error) {
		ids, err := t.cfg.Ledgers.Streams(ctx, t.id, events.TypeDocumentUploaded, after, page)
		if err != nil {
			return nil, err
		}
		list, err := t.documented(ctx, ids)
		return entries(ids, list), err
	})
}

func (t *tenant) documented(ctx context.Context, ids []uuid.UUID) ([]documented, error) {
	documents, err := t.cfg.App.Documents(ctx, t.id, ids)
	if err != nil {
		return nil, err
	}
	fileIDs := make([]uuid.UUID, len(documents))
	for i, d := range documents {
		fileIDs[i] = d.FileID
	}
	files, err := t.cfg.App.Files(ctx, t.id, fileIDs)
	if err != nil {
		return nil, err
	}
	list := make([]documented, len(documents))
	for i, d := range documents {
		list[i] = documented{d, files[i]}
	}
	return list, nil
}

func (t *tenant) documentRows(ctx context.Context) iter.Seq2[entry[query.DocumentRow], error] {
	return paged(func(after uuid.UUID) ([]entry[query.DocumentRow], error) {
		if !t.rows.Load() {
			return nil, nil
		}
		rows, err := t.cfg.Models.Documents(ctx, t.id, after, page)
		list := make([]entry[query.DocumentRow], len(rows))
		for i, r := range rows {
			list[i] = entry[query.DocumentRow]{r.ID, r}
		}
		return list, err
	})
}

// document looks at a document and, if anything is wrong, again and more closely.
func (t *tenant) document(ctx context.Context, id uuid.UUID, onLedger *documented, row *query.DocumentRow) error {
	var d documented
	if onLedger != nil {
		d = *onLedger
		t.count.documents.Add(1)
	}
	wrong := t.documentFindings(d, row)
	for range attempts {
		if len(wrong) == 0 {
			return nil
		}
		var err error
		if d, wrong, err = t.documentAgain(ctx, id); err != nil {
			return err
		}
		settled, err := t.documented(ctx, []uuid.UUID{id})
		if err != nil {
			return err
		}
		if settled[0].Version != d.Version || settled[0].file.Status != d.file.Status {
			continue
		}
		for _, w := range wrong {
			w.Document, w.File = id, d.FileID
			t.found(ctx, w, nil)
		}
		return nil
	}
	return fmt.Errorf("document %s changes faster than it can be looked at", id)
}

// documentAgain looks at a document on the ledger and at its row as of then or later.
func (t *tenant) documentAgain(ctx context.Context, id uuid.UUID) (documented, []Finding, error) {
	list, err := t.documented(ctx, []uuid.UUID{id})
	if err != nil {
		return documented{}, nil, err
	}
	var row *query.DocumentRow
	if t.rows.Load() {
		if err := t.settle(ctx); err != nil {
			return documented{}, nil, err
		}
		r, err := t.cfg.Models.Document(ctx, t.id, id)
		switch {
		case err == nil:
			row = &r
		case !errors.Is(err, query.ErrNotFound):
			return documented{}, nil, err
		}
	}
	return list[0], t.documentFindings(list[0], row), nil
}

// documentFindings returns what is wrong with a document as it was seen.
func (t *tenant) documentFindings(d documented, row *query.DocumentRow) (found []Finding) {
	if d.Exists && (d.file.Status == "" || d.file.Status == command.FileDeleted) {
		found = append(found, Finding{Kind: Dangling, Detail: "the document's file is not there, by the ledger itself"})
	}
	if t.rows.Load() {
		if wrong := documentRowDiffers(d.Document, row); wrong != nil {
			found = append(found, *wrong)
		}
	}
	return found
}

func documentRowDiffers(d command.Document, row *query.DocumentRow) *Finding {
	switch {
	case !d.Exists && row == nil:
		return nil
	case !d.Exists:
		return &Finding{Kind: RowExtra, Detail: "documents has a row of a document that the ledger does not have"}
	case row == nil:
		return &Finding{Kind: RowMissing, Detail: "documents has no row of the document"}
	}
	var wrong columns
	wrong.compare("filename", row.Filename == d.Filename)
	wrong.compare("mime_type", row.MimeType == d.MimeType)
	wrong.compare("file_id", row.FileID == d.FileID)
	wrong.compare("user_id", row.UserID == d.UserID)
	wrong.compare("version", row.Version == d.Version)
	return wrong.finding("documents")
}
