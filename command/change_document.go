package command

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// ChangeDocument gives a document another file name, another media type, or both.
type ChangeDocument struct {
	TenantID   uuid.UUID
	DocumentID uuid.UUID
	Filename   *string // nil: as it was
	MimeType   *string // nil: as it was
	By         Access
}

// Decide picks the events that change d.
func (c ChangeDocument) Decide(d Document) ([]events.DocumentEvent, error) {
	if err := c.By.mayEdit(d); err != nil {
		return nil, err
	}
	var v validation
	var decided []events.DocumentEvent
	if c.Filename != nil {
		v.filename(*c.Filename)
		if *c.Filename != d.Filename {
			decided = append(decided, events.DocumentRenamed{Filename: *c.Filename, Previous: d.Filename})
		}
	}
	if c.MimeType != nil {
		v.mimeType(*c.MimeType)
		if *c.MimeType != d.MimeType {
			decided = append(decided, events.DocumentTypeChanged{MimeType: *c.MimeType, Previous: d.MimeType})
		}
	}
	if err := v.err(); err != nil {
		return nil, err
	}
	return decided, nil
}

// Changed describes a document after it was changed. What its file holds does not
// change and is not told.
type Changed struct {
	ID        uuid.UUID `json:"id"`
	Filename  string    `json:"filename"`
	MimeType  string    `json:"mime_type"`
	FileID    uuid.UUID `json:"file_id"`
	UserID    uuid.UUID `json:"user_id"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	CreatedBy uuid.UUID `json:"created_by"`
	Version   int64     `json:"version"`
}

// Over describes a changed document with its file.
func (c Changed) Over(f File) DocumentDetails {
	d := Document{
		Filename: c.Filename, MimeType: c.MimeType, FileID: c.FileID, UserID: c.UserID,
		CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt, Version: c.Version,
	}
	return d.details(c.ID, f)
}

// ChangeDocument changes what is said of a document.
func (a *App) ChangeDocument(ctx context.Context, meta Meta, c ChangeDocument) (Result[Changed], error) {
	stream := documentStream(c.DocumentID)
	return perform(ctx, a, c.TenantID, meta, []events.Stream{stream}, func(h *history) (decision[Changed], error) {
		d := fold(h, stream, evolveDocument)
		decided, err := c.Decide(d)
		return decision[Changed]{
			changes: []Change{change(stream, decided)},
			outcome: func(at time.Time) Changed { return c.changed(d, len(decided), at) },
		}, err
	})
}

// changed describes d after n events that changed it at a time.
func (c ChangeDocument) changed(d Document, n int, at time.Time) Changed {
	if n == 0 {
		at = d.UpdatedAt
	}
	after := Changed{
		ID: c.DocumentID, Filename: d.Filename, MimeType: d.MimeType, FileID: d.FileID, UserID: d.UserID,
		CreatedAt: d.CreatedAt, UpdatedAt: at, CreatedBy: d.UserID, Version: d.Version + int64(n),
	}
	if c.Filename != nil {
		after.Filename = *c.Filename
	}
	if c.MimeType != nil {
		after.MimeType = *c.MimeType
	}
	return after
}
