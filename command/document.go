package command

import (
	"mime"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

const (
	maxFilenameRunes = 255 // documents.filename
	maxMimeTypeRunes = 100 // documents.mime_type
)

// Document is a document, as far as commands decide on it.
type Document struct {
	Exists    bool // uploaded and not deleted
	Filename  string
	MimeType  string
	FileID    uuid.UUID
	UserID    uuid.UUID // who uploaded it
	CreatedAt time.Time
	UpdatedAt time.Time
	Version   int64
}

func documentStream(id uuid.UUID) events.Stream {
	return events.Stream{Kind: events.KindDocument, ID: id}
}

// evolveDocument applies one event of a document's stream.
func evolveDocument(d Document, r events.Recorded) Document {
	d.Version, d.UpdatedAt = r.StreamVersion, r.At
	event, _ := r.Event.(events.DocumentEvent)
	switch e := event.(type) {
	case events.DocumentUploaded:
		d.Exists, d.Filename, d.MimeType, d.FileID = true, e.Filename, e.MimeType, e.FileID
		d.UserID, d.CreatedAt = r.Actor, r.At
	case events.DocumentRenamed:
		d.Filename = e.Filename
	case events.DocumentTypeChanged:
		d.MimeType = e.MimeType
	case events.DocumentDeleted:
		d.Exists = false
	}
	return d
}

// Access is who asks, with the role that was found for them in the tenant.
type Access struct {
	UserID uuid.UUID
	Role   events.Role
}

// mayEdit checks that a may change or delete d: users their own documents,
// admins all.
func (a Access) mayEdit(d Document) error {
	switch {
	case !d.Exists:
		return ErrNotFound
	case a.Role == events.RoleAdmin, a.Role == events.RoleUser && a.UserID == d.UserID:
		return nil
	default:
		return ErrForbidden
	}
}

// filename checks a document's name, which is never a path.
func (v *validation) filename(s string) {
	v.text(s, "filename", maxFilenameRunes)
	v.check(!strings.ContainsAny(s, `/\`) && s != "." && s != "..", "filename", "must be a name, not a path")
}

// mimeType checks for a type and a subtype, and parameters that can be read.
func (v *validation) mimeType(s string) {
	v.text(s, "mime_type", maxMimeTypeRunes)
	media, _, err := mime.ParseMediaType(s)
	v.check(err == nil && strings.Contains(media, "/"), "mime_type", "must be a media type such as application/pdf")
}

// DocumentDetails describes a document to the members of its tenant.
type DocumentDetails struct {
	ID        uuid.UUID `json:"id"`
	Filename  string    `json:"filename"`
	MimeType  string    `json:"mime_type"`
	FileID    uuid.UUID `json:"file_id"`
	UserID    uuid.UUID `json:"user_id"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	CreatedBy uuid.UUID `json:"created_by"`
	Version   int64     `json:"version"`
	FileSize  int64     `json:"file_size"` // bytes
	MD5Hash   string    `json:"md5_hash"`
	SHA256    string    `json:"sha256_hash"`
	Status    string    `json:"status"`            // of the file: processing, ready or failed
	Failure   *string   `json:"failure,omitempty"` // why the file failed; nil unless it did
}

// details describes d over its file.
func (d Document) details(id uuid.UUID, f File) DocumentDetails {
	details := DocumentDetails{
		ID: id, Filename: d.Filename, MimeType: d.MimeType, FileID: d.FileID, UserID: d.UserID,
		CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt, CreatedBy: d.UserID, Version: d.Version,
		FileSize: f.Digest.Size, MD5Hash: f.Digest.MD5, SHA256: f.Digest.SHA256, Status: string(f.Status),
	}
	if f.Status == FileFailed {
		details.Failure = &f.Failure
	}
	return details
}
