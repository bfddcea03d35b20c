package httpapi

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/query"
)

// asOfField is the parameter that asks for the past.
const asOfField = "as_of"

// parseAsOf reads a sequence number or a time. What is still to come is nobody's to
// tell.
func parseAsOf(text string) (query.AsOf, error) {
	if seq, err := strconv.ParseUint(text, 10, 63); err == nil {
		return query.AsOf{Seq: int64(seq)}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, strings.ToUpper(text))
	switch {
	case err != nil:
		return query.AsOf{}, invalidField(asOfField, "must be a sequence number, or a time as RFC 3339 has it")
	case at.After(time.Now()):
		return query.AsOf{}, invalidField(asOfField, "must not lie in the future")
	case at.UTC().Year() < 1:
		return query.AsOf{}, nil // before everything
	}
	return query.AsOf{At: at}, nil
}

// inPast asks for a point of a tenant's past. If that is a time behind which the read
// models hold nothing, they must first hold all that is recorded: what they lack may
// have been recorded before it.
func inPast[T any](
	a *API, c *gin.Context, tenantID TenantID, token *string, at query.AsOf, ask func(query.DB, query.AsOf) (T, error),
) (T, error) {
	once := func(db query.DB) (T, error) { return ask(db, at) }
	got, err := inTenant(a, c, tenantID, token, once)
	if errors.Is(err, query.ErrUnsettled) {
		var seq int64
		if seq, err = a.cfg.Head(c.Request.Context(), tenantID); err != nil {
			return got, err
		}
		if !a.reached(c.Request.Context(), events.DatabaseName(tenantID), position{tenantID, seq}) {
			return got, errNotConsistentYet()
		}
		at.Complete = true
		got, err = inTenant(a, c, tenantID, token, once)
	}
	return got, asOfFailed(err)
}

// asOfFailed says what is wrong with a point of the trail.
func asOfFailed(err error) error {
	switch {
	case errors.Is(err, query.ErrNotRecorded):
		return invalidField(asOfField, "must not be greater than the number of the last event that is here")
	case errors.Is(err, query.ErrNotProjected):
		return errNotConsistentYet()
	default:
		return err
	}
}

// documentsAsOf answers a page of a tenant's documents as they were.
func (a *API) documentsAsOf(
	c *gin.Context, tenantID TenantID, params ListDocumentsParams, filter query.DocumentFilter, sort query.DocumentSort,
) {
	at, err := parseAsOf(*params.AsOf)
	if err != nil {
		a.fail(c, err)
		return
	}
	var m query.Moment
	page, err := inPast(a, c, tenantID, params.ConsistencyToken, at, func(db query.DB, at query.AsOf) (page query.Listed[query.Document], err error) {
		page, m, err = query.DocumentsAsOf(c.Request.Context(), db, at, filter, sort, pageOf(params.Limit, params.Cursor, params.Total))
		return page, err
	})
	if err != nil {
		a.fail(c, err)
		return
	}
	answer(a, c, http.StatusOK, DocumentPage{
		Items: each(page.Items, documentRow), NextCursor: nextCursor(page.Next), Total: page.Total, AsOf: momentOf(m),
	}, "Documents listed as they were")
}

// documentAsOf answers a document as it was.
func (a *API) documentAsOf(c *gin.Context, tenantID TenantID, documentID DocumentID, params GetDocumentParams) {
	at, err := parseAsOf(*params.AsOf)
	if err != nil {
		a.fail(c, err)
		return
	}
	var m query.Moment
	d, err := inPast(a, c, tenantID, params.ConsistencyToken, at, func(db query.DB, at query.AsOf) (d query.Document, err error) {
		d, m, err = query.DocumentAsOf(c.Request.Context(), db, at, documentID)
		return d, err
	})
	if err != nil {
		a.fail(c, err)
		return
	}
	then := documentRow(d)
	then.AsOf = momentOf(m)
	answerTagged(a, c, http.StatusOK, documentTag(d.Version, d.Status, d.Failure), then, "Document found as it was")
}

func momentOf(m query.Moment) *Moment {
	shown := &Moment{Sequence: m.Seq}
	if !m.At.IsZero() {
		shown.At = &m.At
	}
	return shown
}
