package httpapi

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// HoldTenant keeps a tenant, and all it holds, from being deleted.
func (a *API) HoldTenant(c *gin.Context, tenantID TenantID, params HoldTenantParams) {
	a.hold(c, tenantID, uuid.Nil, params.IdempotencyKey)
}

// HoldDocument keeps a document from being deleted.
func (a *API) HoldDocument(c *gin.Context, tenantID TenantID, documentID DocumentID, params HoldDocumentParams) {
	a.hold(c, tenantID, documentID, params.IdempotencyKey)
}

// ReleaseTenant lets a tenant be deleted again.
func (a *API) ReleaseTenant(c *gin.Context, tenantID TenantID, params ReleaseTenantParams) {
	a.release(c, tenantID, uuid.Nil, params.IdempotencyKey)
}

// ReleaseDocument lets a document be deleted again.
func (a *API) ReleaseDocument(c *gin.Context, tenantID TenantID, documentID DocumentID, params ReleaseDocumentParams) {
	a.release(c, tenantID, documentID, params.IdempotencyKey)
}

func (a *API) hold(c *gin.Context, tenant, document uuid.UUID, key *string) {
	request, err := decode[HoldRequest](c)
	if err != nil {
		a.fail(c, err)
		return
	}
	m, err := meta(c, tenant, key, callOf(c).body)
	if err != nil {
		a.fail(c, err)
		return
	}
	result, err := a.cfg.App.PlaceHold(c.Request.Context(), m, command.PlaceHold{
		TenantID: tenant, DocumentID: document, Reason: request.Reason, Actor: m.Actor,
	})
	if err != nil {
		a.fail(c, err)
		return
	}
	a.settle(c, nil, result.Receipt, events.DatabaseName(tenant))
	answer(a, c, http.StatusOK, holdOf(result.Value), "Hold placed")
}

func (a *API) release(c *gin.Context, tenant, document uuid.UUID, key *string) {
	m, err := meta(c, tenant, key)
	if err != nil {
		a.fail(c, err)
		return
	}
	receipt, err := a.cfg.App.ReleaseHold(c.Request.Context(), m, command.ReleaseHold{
		TenantID: tenant, DocumentID: document, Actor: m.Actor,
	})
	if err != nil {
		a.fail(c, err)
		return
	}
	a.settle(c, nil, receipt, events.DatabaseName(tenant))
	c.Writer.WriteHeader(http.StatusNoContent)
}

func holdOf(h command.Hold) Hold { return Hold{Reason: h.Reason, Since: h.Since, By: h.By} }
