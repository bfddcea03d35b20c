package command

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

const maxHoldReasonRunes = 500

// Hold keeps something from being deleted, for as long as it stands.
type Hold struct {
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
	By     uuid.UUID `json:"by"`
}

// HeldError says that a hold keeps something from being deleted.
type HeldError struct{ Hold Hold }

func (e *HeldError) Error() string {
	return fmt.Sprintf("held since %s by %s: %s", e.Hold.Since.Format(time.RFC3339), e.Hold.By, e.Hold.Reason)
}

// Holds is what is held in a tenant, as far as commands decide on it.
type Holds struct {
	Tenant    *Hold // nil if the tenant is not held
	Documents map[uuid.UUID]Hold
}

// holdStream names the stream of a tenant's holds.
func holdStream(tenant uuid.UUID) events.Stream {
	return events.Stream{Kind: events.KindHold, ID: uuid.NewSHA1(tenant, []byte("holds"))}
}

// evolveHolds applies one event of a tenant's holds.
func evolveHolds(h Holds, r events.Recorded) Holds {
	event, _ := r.Event.(events.HoldEvent)
	switch e := event.(type) {
	case events.TenantHoldPlaced:
		h.Tenant = &Hold{Reason: e.Reason, Since: r.At, By: r.Actor}
	case events.TenantHoldReleased:
		h.Tenant = nil
	case events.DocumentHoldPlaced:
		next := maps.Clone(h.Documents)
		if next == nil {
			next = make(map[uuid.UUID]Hold, 1)
		}
		next[e.DocumentID] = Hold{Reason: e.Reason, Since: r.At, By: r.Actor}
		h.Documents = next
	case events.DocumentHoldReleased:
		h.Documents = maps.Clone(h.Documents)
		delete(h.Documents, e.DocumentID)
	}
	return h
}

// freesDocument checks that a document may be deleted: [*HeldError] if not.
func (h Holds) freesDocument(document uuid.UUID) error {
	if hold, held := h.Documents[document]; held {
		return &HeldError{hold}
	}
	return h.freesFiles()
}

// freesFiles checks that files on which no document stands may be deleted.
func (h Holds) freesFiles() error {
	if h.Tenant != nil {
		return &HeldError{*h.Tenant}
	}
	return nil
}

// freesTenant checks that the tenant may be deleted, with all it holds. Of several
// holds on documents the oldest is told.
func (h Holds) freesTenant() error {
	if err := h.freesFiles(); err != nil {
		return err
	}
	var oldest *Hold
	for _, hold := range h.Documents {
		if oldest == nil || hold.Since.Before(oldest.Since) {
			oldest = &hold
		}
	}
	if oldest == nil {
		return nil
	}
	return &HeldError{*oldest}
}

// PlaceHold keeps a document, or a whole tenant, from being deleted.
type PlaceHold struct {
	TenantID   uuid.UUID
	DocumentID uuid.UUID // uuid.Nil: the tenant
	Reason     string
	Actor      uuid.UUID
}

// Decide picks the events that hold the document d, or t if c names none. A hold
// that stands for the same reason stays as it is.
func (c PlaceHold) Decide(t Tenant, d Document, h Holds) ([]events.HoldEvent, error) {
	if err := t.administered(c.Actor); err != nil {
		return nil, err
	}
	var v validation
	v.text(c.Reason, "reason", maxHoldReasonRunes)
	if err := v.err(); err != nil {
		return nil, err
	}
	if c.DocumentID == uuid.Nil {
		var previous string
		if h.Tenant != nil {
			previous = h.Tenant.Reason
		}
		if previous == c.Reason {
			return nil, nil
		}
		return []events.HoldEvent{events.TenantHoldPlaced{Reason: c.Reason, Previous: previous}}, nil
	}
	if !d.Exists {
		return nil, ErrNotFound
	}
	previous := h.Documents[c.DocumentID].Reason
	if previous == c.Reason {
		return nil, nil
	}
	return []events.HoldEvent{events.DocumentHoldPlaced{DocumentID: c.DocumentID, Reason: c.Reason, Previous: previous}}, nil
}

// PlaceHold places a hold, and returns it.
func (a *App) PlaceHold(ctx context.Context, meta Meta, c PlaceHold) (Result[Hold], error) {
	tenant, document, holds := tenantStream(c.TenantID), documentStream(c.DocumentID), holdStream(c.TenantID)
	streams := []events.Stream{holds, tenant}
	if c.DocumentID != uuid.Nil {
		streams = append(streams, document)
	}
	return perform(ctx, a, c.TenantID, meta, streams, func(h *history) (decision[Hold], error) {
		state := fold(h, holds, evolveHolds)
		placed, err := c.Decide(fold(h, tenant, evolveTenant), fold(h, document, evolveDocument), state)
		return decision[Hold]{
			changes: []Change{change(holds, placed)},
			outcome: func(at time.Time) Hold {
				switch {
				case len(placed) > 0:
					return Hold{Reason: c.Reason, Since: at, By: meta.Actor}
				case c.DocumentID == uuid.Nil:
					return *state.Tenant
				default:
					return state.Documents[c.DocumentID]
				}
			},
		}, err
	})
}

// ReleaseHold lets a document, or a tenant, be deleted again.
type ReleaseHold struct {
	TenantID   uuid.UUID
	DocumentID uuid.UUID // uuid.Nil: the tenant
	Actor      uuid.UUID
}

// Decide picks the events that end the hold.
func (c ReleaseHold) Decide(t Tenant, h Holds) ([]events.HoldEvent, error) {
	if err := t.administered(c.Actor); err != nil {
		return nil, err
	}
	hold, held := h.Documents[c.DocumentID]
	switch {
	case c.DocumentID == uuid.Nil && h.Tenant != nil:
		return []events.HoldEvent{events.TenantHoldReleased{Previous: h.Tenant.Reason}}, nil
	case held:
		return []events.HoldEvent{events.DocumentHoldReleased{DocumentID: c.DocumentID, Previous: hold.Reason}}, nil
	default:
		return nil, ErrNotFound
	}
}

// ReleaseHold ends a hold; [ErrNotFound] if there is none.
func (a *App) ReleaseHold(ctx context.Context, meta Meta, c ReleaseHold) (Receipt, error) {
	tenant, holds := tenantStream(c.TenantID), holdStream(c.TenantID)
	result, err := perform(ctx, a, c.TenantID, meta, []events.Stream{holds, tenant}, func(h *history) (decision[nothing], error) {
		released, err := c.Decide(fold(h, tenant, evolveTenant), fold(h, holds, evolveHolds))
		return quiet(change(holds, released)), err
	})
	return result.Receipt, err
}
