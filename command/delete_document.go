package command

import (
	"context"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// DeleteDocument removes a document. Its file stays as long as others stand on it.
type DeleteDocument struct {
	TenantID   uuid.UUID
	DocumentID uuid.UUID
	By         Access
}

// Decide picks the events that remove d from its file.
func (c DeleteDocument) Decide(d Document, h Holds) ([]events.DocumentEvent, []events.FileEvent, error) {
	if err := c.By.mayEdit(d); err != nil {
		return nil, nil, err
	}
	if err := h.freesDocument(c.DocumentID); err != nil {
		return nil, nil, err
	}
	return []events.DocumentEvent{events.DocumentDeleted{FileID: d.FileID, Filename: d.Filename}},
		[]events.FileEvent{events.FileDereferenced{DocumentID: c.DocumentID}}, nil
}

// DeleteDocument removes a document; [*HeldError] if that is held.
func (a *App) DeleteDocument(ctx context.Context, meta Meta, c DeleteDocument) (Receipt, error) {
	document, holds := documentStream(c.DocumentID), holdStream(c.TenantID)
	past, err := a.ledger.Load(ctx, c.TenantID, document.ID)
	if err != nil {
		return Receipt{}, err
	}
	// A document never moves to another file, so that its file's stream is known
	// before the attempt.
	file := fileStream(fold(loaded(past), document, evolveDocument).FileID)
	result, err := perform(ctx, a, c.TenantID, meta, []events.Stream{document, file, holds},
		func(h *history) (decision[nothing], error) {
			deleted, dereferenced, err := c.Decide(fold(h, document, evolveDocument), fold(h, holds, evolveHolds))
			return quiet(change(document, deleted), change(file, dereferenced)), err
		})
	return result.Receipt, err
}
