package command

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// UploadDocument makes a document of bytes that were received.
type UploadDocument struct {
	TenantID   uuid.UUID
	DocumentID uuid.UUID
	Filename   string
	MimeType   string
	Digest     Digest
	S3Path     string // where they lie
	Stored     bool   // verified, under their final key; else they are a staging object
	By         Access
}

// Uploaded is what became of an upload.
type Uploaded struct {
	Document     DocumentDetails `json:"document"`
	Deduplicated bool            `json:"deduplicated"` // the tenant had the bytes already; the staging object is not needed
}

// Validate checks the fields of c.
func (c UploadDocument) Validate() error {
	var v validation
	v.filename(c.Filename)
	v.mimeType(c.MimeType)
	return v.err()
}

// Decide picks the events that make a document over f, which holds the same
// bytes if there is such a file.
func (c UploadDocument) Decide(d Document, f File) ([]events.DocumentEvent, []events.FileEvent, error) {
	if c.By.Role != events.RoleAdmin && c.By.Role != events.RoleUser {
		return nil, nil, ErrForbidden
	}
	if err := c.Validate(); err != nil {
		return nil, nil, err
	}
	if d.Version > 0 {
		return nil, nil, ErrConflict
	}
	var received []events.FileEvent
	if !f.holdsBytes() {
		received = append(received, events.FileReceived{
			MD5: c.Digest.MD5, SHA256: c.Digest.SHA256, Size: c.Digest.Size, S3Path: c.S3Path,
		})
		if c.Stored {
			received = append(received, events.FileStored{S3Path: c.S3Path, Previous: c.S3Path})
		}
	}
	return []events.DocumentEvent{events.DocumentUploaded{
		FileID: FileID(c.TenantID, c.Digest), Filename: c.Filename, MimeType: c.MimeType,
	}}, append(received, events.FileReferenced{DocumentID: c.DocumentID}), nil
}

// holdsBytes reports whether a document can stand on f as it is.
func (f File) holdsBytes() bool { return f.Status == FileProcessing || f.Status == FileReady }

// Put brings an upload's bytes under a key: once it returns they are there, verified.
type Put func(ctx context.Context, key string) error

// UploadDocument makes a document of bytes in staging. The caller owns the staging
// object again when the result is an error, deduplicated or replayed. When the tenant
// has the bytes already, verified, mend is called with their key before anything is
// recorded, and again if the file moves meanwhile: to see to it that they are there. It
// may be nil.
func (a *App) UploadDocument(ctx context.Context, meta Meta, c UploadDocument, mend Put) (Result[Uploaded], error) {
	return a.upload(ctx, meta, c, func(d Document, f File) (made, error) {
		m, err := c.make(d, f)
		if err == nil && f.Status == FileReady && mend != nil {
			err = mend(ctx, f.S3Path)
		}
		return m, err
	})
}

// UploadAtOnce makes a document of bytes that the caller holds in memory. When the
// tenant does not have them, store is called with their final key before anything is
// recorded, and again with another one if the file moves meanwhile; when it does, mend
// is, as for [App.UploadDocument]. What they stored stays, even if nothing is recorded in
// the end: others may have stored the same bytes there.
func (a *App) UploadAtOnce(ctx context.Context, meta Meta, c UploadDocument, store, mend Put) (Result[Uploaded], error) {
	return a.upload(ctx, meta, c, func(d Document, f File) (made, error) {
		at := c
		at.S3Path = StoredPath(c.TenantID, FileID(c.TenantID, c.Digest), c.Digest.MD5, time.Now(), f.Version+1)
		at.Stored = true
		m, err := at.make(d, f)
		switch {
		case err != nil:
		case !f.holdsBytes():
			err = store(ctx, at.S3Path)
		case f.Status == FileReady:
			err = mend(ctx, f.S3Path)
		}
		return m, err
	})
}

// made is what an upload comes to.
type made struct {
	document []events.DocumentEvent
	file     []events.FileEvent
	over     File // that the document stands on
}

// make decides on c and describes the file.
func (c UploadDocument) make(d Document, f File) (m made, err error) {
	m.document, m.file, err = c.Decide(d, f)
	switch {
	case f.holdsBytes():
		m.over = f
	case c.Stored:
		m.over = File{Status: FileReady, Digest: c.Digest}
	default:
		m.over = File{Status: FileProcessing, Digest: c.Digest}
	}
	return m, err
}

func (a *App) upload(
	ctx context.Context, meta Meta, c UploadDocument, decide func(Document, File) (made, error),
) (Result[Uploaded], error) {
	fileID := FileID(c.TenantID, c.Digest)
	document, file := documentStream(c.DocumentID), fileStream(fileID)
	return perform(ctx, a, c.TenantID, meta, []events.Stream{document, file}, func(h *history) (decision[Uploaded], error) {
		known := fold(h, file, evolveFile)
		m, err := decide(fold(h, document, evolveDocument), known)
		return decision[Uploaded]{
			changes: []Change{change(file, m.file), change(document, m.document)},
			outcome: func(at time.Time) Uploaded {
				d := Document{
					Filename: c.Filename, MimeType: c.MimeType, FileID: fileID, UserID: c.By.UserID,
					CreatedAt: at, UpdatedAt: at, Version: 1,
				}
				return Uploaded{Document: d.details(c.DocumentID, m.over), Deduplicated: known.holdsBytes()}
			},
		}, err
	})
}
