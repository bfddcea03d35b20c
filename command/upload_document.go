package command

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// UploadDocument makes a document of bytes that were received into staging.
type UploadDocument struct {
	TenantID   uuid.UUID
	DocumentID uuid.UUID
	Filename   string
	MimeType   string
	Digest     Digest
	S3Path     string // key of the staging object
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
	}
	return []events.DocumentEvent{events.DocumentUploaded{
		FileID: FileID(c.TenantID, c.Digest), Filename: c.Filename, MimeType: c.MimeType,
	}}, append(received, events.FileReferenced{DocumentID: c.DocumentID}), nil
}

// holdsBytes reports whether a document can stand on f as it is.
func (f File) holdsBytes() bool { return f.Status == FileProcessing || f.Status == FileReady }

// UploadDocument makes a document. The caller owns the staging object again when
// the result is an error, deduplicated or replayed.
func (a *App) UploadDocument(ctx context.Context, meta Meta, c UploadDocument) (Result[Uploaded], error) {
	fileID := FileID(c.TenantID, c.Digest)
	document, file := documentStream(c.DocumentID), fileStream(fileID)
	return perform(ctx, a, c.TenantID, meta, []events.Stream{document, file}, func(h *history) (decision[Uploaded], error) {
		known := fold(h, file, evolveFile)
		uploaded, referenced, err := c.Decide(fold(h, document, evolveDocument), known)
		return decision[Uploaded]{
			changes: []Change{change(file, referenced), change(document, uploaded)},
			outcome: func(at time.Time) Uploaded {
				made := Document{
					Filename: c.Filename, MimeType: c.MimeType, FileID: fileID, UserID: c.By.UserID,
					CreatedAt: at, UpdatedAt: at, Version: 1,
				}
				over := File{Status: FileProcessing, Digest: c.Digest}
				if known.holdsBytes() {
					over = known
				}
				return Uploaded{Document: made.details(c.DocumentID, over), Deduplicated: known.holdsBytes()}
			},
		}, err
	})
}
