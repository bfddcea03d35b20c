package command

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// RenameDocument gives a document another file name.
type RenameDocument struct {
	TenantID   uuid.UUID
	DocumentID uuid.UUID
	Filename   string
	By         Access
}

// Decide picks the events that rename d.
func (c RenameDocument) Decide(d Document) ([]events.DocumentEvent, error) {
	if err := c.By.mayEdit(d); err != nil {
		return nil, err
	}
	var v validation
	v.filename(c.Filename)
	if err := v.err(); err != nil || c.Filename == d.Filename {
		return nil, err
	}
	return []events.DocumentEvent{events.DocumentRenamed{Filename: c.Filename, Previous: d.Filename}}, nil
}

// Renamed describes a document after it was renamed. What its file holds does
// not change and is not told.
type Renamed struct {
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

// RenameDocument gives a document another file name.
func (a *App) RenameDocument(ctx context.Context, meta Meta, c RenameDocument) (Result[Renamed], error) {
	stream := documentStream(c.DocumentID)
	return perform(ctx, a, c.TenantID, meta, []events.Stream{stream}, func(h *history) (decision[Renamed], error) {
		d := fold(h, stream, evolveDocument)
		decided, err := c.Decide(d)
		return decision[Renamed]{
			changes: []Change{change(stream, decided)},
			outcome: func(at time.Time) Renamed {
				updated := at
				if len(decided) == 0 {
					updated = d.UpdatedAt
				}
				return Renamed{
					ID: c.DocumentID, Filename: c.Filename, MimeType: d.MimeType, FileID: d.FileID, UserID: d.UserID,
					CreatedAt: d.CreatedAt, UpdatedAt: updated, CreatedBy: d.UserID, Version: d.Version + int64(len(decided)),
				}
			},
		}, err
	})
}
