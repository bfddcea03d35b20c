package command

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// accessStream names the stream of one approach. It is new: nothing else is ever
// recorded on it.
func accessStream() (events.Stream, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return events.Stream{}, fmt.Errorf("draw a stream id: %w", err)
	}
	return events.Stream{Kind: events.KindAccess, ID: id}, nil
}

// RecordRefusal says what a member of a tenant, or a stranger to it, was kept from.
// The tenant must exist.
type RecordRefusal struct {
	TenantID uuid.UUID
	Method   string
	Route    string // as the contract has it
	Reason   events.Refusal
	Status   int
	Count    int // of equal refusals
}

// RecordRefusal records a refusal, of whom meta names. It decides nothing and
// loads nothing.
func (a *App) RecordRefusal(ctx context.Context, meta Meta, c RecordRefusal) (Receipt, error) {
	stream, err := accessStream()
	if err != nil {
		return Receipt{}, err
	}
	result, err := perform(ctx, a, c.TenantID, meta, nil, func(*history) (decision[nothing], error) {
		return quiet(change(stream, []events.AccessEvent{events.AccessRefused{
			Count: c.Count, Method: c.Method, Reason: c.Reason, Route: c.Route, Status: c.Status,
		}})), nil
	})
	return result.Receipt, err
}

// GrantDownload lets a member have a document's bytes.
type GrantDownload struct {
	TenantID   uuid.UUID
	DocumentID uuid.UUID
}

// Decide picks the event that grants d.
func (c GrantDownload) Decide(d Document) ([]events.AccessEvent, error) {
	if !d.Exists {
		return nil, ErrNotFound
	}
	return []events.AccessEvent{events.DownloadGranted{DocumentID: c.DocumentID, FileID: d.FileID}}, nil
}

// GrantDownload records that a member gets a document's bytes. The document's own
// stream, and so its version, stays as it is.
func (a *App) GrantDownload(ctx context.Context, meta Meta, c GrantDownload) (Receipt, error) {
	stream, err := accessStream()
	if err != nil {
		return Receipt{}, err
	}
	document := documentStream(c.DocumentID)
	result, err := perform(ctx, a, c.TenantID, meta, []events.Stream{document},
		func(h *history) (decision[nothing], error) {
			granted, err := c.Decide(fold(h, document, evolveDocument))
			return quiet(change(stream, granted)), err
		})
	return result.Receipt, err
}

// RecordExport says what of a tenant's trail was handed out.
type RecordExport struct {
	TenantID uuid.UUID
	Filter   string // see [events.TrailExported]
	Format   string
}

// RecordExport records that whom meta names gets a tenant's trail. It decides nothing
// and loads nothing.
func (a *App) RecordExport(ctx context.Context, meta Meta, c RecordExport) (Receipt, error) {
	stream, err := accessStream()
	if err != nil {
		return Receipt{}, err
	}
	result, err := perform(ctx, a, c.TenantID, meta, nil, func(*history) (decision[nothing], error) {
		return quiet(change(stream, []events.AccessEvent{events.TrailExported{Filter: c.Filter, Format: c.Format}})), nil
	})
	return result.Receipt, err
}
