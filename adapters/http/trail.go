package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/query"
)

// Keys opens what the trail says of persons.
type Keys interface {
	// Keys returns the keys of those persons who are not erased.
	Keys(ctx context.Context, persons ...uuid.UUID) (events.Keys, error)
}

// ListTrail answers a page of a tenant's trail, or streams all of it.
func (a *API) ListTrail(c *gin.Context, tenantID TenantID, params ListTrailParams) {
	filter := query.TrailFilter{
		Actor: params.Actor, Document: params.Document, From: params.From, To: params.To,
		Oldest: params.Order != nil && *params.Order == OrderOldest,
	}
	if params.Type != nil {
		filter.Type = *params.Type
	}
	format := trailFormat(c, params.Format)
	if format != FormatJSON {
		a.exportTrail(c, tenantID, params, filter, format)
		return
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), a.cfg.RequestTimeout)
	defer cancel()
	c.Request = c.Request.WithContext(ctx)
	a.trailPage(c, tenantID, params.ConsistencyToken, "Trail listed", trailList{
		name: filter.String(), limit: params.Limit, cursor: params.Cursor, origins: true,
		read: func(ctx context.Context, db query.DB, p query.TrailPage) ([]query.Entry, error) {
			return query.Trail(ctx, db, filter, p)
		},
	})
}

// DocumentHistory answers a page of what happened to a document.
func (a *API) DocumentHistory(c *gin.Context, tenantID TenantID, documentID DocumentID, params DocumentHistoryParams) {
	a.trailPage(c, tenantID, params.ConsistencyToken, "History listed", trailList{
		name: "history|" + documentID.String(), limit: params.Limit, cursor: params.Cursor,
		read: func(ctx context.Context, db query.DB, p query.TrailPage) ([]query.Entry, error) {
			list, err := query.DocumentHistory(ctx, db, documentID, p)
			if err == nil && len(list) == 0 && p.After == 0 {
				err = query.ErrNotFound
			}
			return list, err
		},
	})
}

// trailList is a list of events that pages are asked of.
type trailList struct {
	name    string // binds cursors to the list
	limit   *Limit
	cursor  *Cursor
	origins bool // tell where requests came from
	read    func(context.Context, query.DB, query.TrailPage) ([]query.Entry, error)
}

// page returns what the caller asks for of the list.
func (l trailList) page() (p query.TrailPage, err error) {
	p.Limit = query.DefaultLimit
	if l.limit != nil {
		p.Limit = *l.limit
	}
	if l.cursor != nil {
		p.After, err = query.ParseTrailCursor(l.name, *l.cursor)
	}
	return p, err
}

func (a *API) trailPage(c *gin.Context, tenant uuid.UUID, token *string, message string, l trailList) {
	page, err := l.page()
	if err == nil {
		err = a.catchUp(c, token, tenant)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	limit := page.Limit
	page.Limit++ // to see whether more follow
	entries, err := a.readTrail(c.Request.Context(), tenant, page, l)
	if err != nil {
		a.fail(c, err)
		return
	}
	var next *string
	if len(entries) > limit {
		entries = entries[:limit]
		cursor := query.TrailCursor(l.name, entries[limit-1].Seq)
		next = &cursor
	}
	answer(a, c, http.StatusOK, TrailPage{Items: entries, NextCursor: next}, message)
}

// readTrail reads a page and tells who its persons are.
func (a *API) readTrail(ctx context.Context, tenant uuid.UUID, p query.TrailPage, l trailList) ([]TrailEntry, error) {
	db, release, err := a.cfg.Databases.Tenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	list, err := l.read(ctx, db, p)
	release()
	if err != nil || len(list) == 0 {
		return []TrailEntry{}, err
	}
	users := actors(list)
	names, err := query.Names(ctx, a.cfg.Databases.Platform(), users)
	if err != nil {
		return nil, err
	}
	var keys events.Keys
	if l.origins {
		if keys, err = a.cfg.Keys.Keys(ctx, users...); err != nil {
			return nil, err
		}
	}
	entries := make([]TrailEntry, len(list))
	for i := range list {
		if entries[i], err = trailEntry(&list[i], names, keys); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// actors returns who caused events, each once.
func actors(list []query.Entry) []uuid.UUID {
	users := make([]uuid.UUID, 0, len(list))
	for i := range list {
		if id := list[i].UserID; id != nil {
			users = append(users, *id)
		}
	}
	slices.SortFunc(users, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(users)
}

func trailEntry(e *query.Entry, names map[uuid.UUID]string, keys events.Keys) (TrailEntry, error) {
	entry := TrailEntry{
		Seq: e.Seq, EventID: e.EventID, Type: e.EventType, At: e.At,
		Stream:    TrailStream{Kind: e.StreamKind, ID: e.StreamID, Version: e.StreamVersion},
		RequestID: e.RequestID, CommandID: e.CommandID, Traceparent: e.TraceParent, Data: jsontext.Value(e.Data),
	}
	if e.UserID != nil {
		entry.Actor = &TrailActor{ID: *e.UserID}
		if name, ok := names[*e.UserID]; ok {
			entry.Actor.Name = &name
		}
	}
	if e.Origin == nil || keys == nil {
		return entry, nil
	}
	var sealed events.Sealed
	if err := json.Unmarshal(e.Origin, &sealed); err != nil {
		return entry, fmt.Errorf("origin of event %d: %w", e.Seq, err)
	}
	var origin events.Origin
	switch err := keys.Open(sealed, &origin); {
	case err == nil:
		entry.Origin = &TrailOrigin{Address: origin.Address, UserAgent: origin.UserAgent}
	case !errors.Is(err, events.ErrErased):
		return entry, fmt.Errorf("origin of event %d: %w", e.Seq, err)
	}
	return entry, nil
}
