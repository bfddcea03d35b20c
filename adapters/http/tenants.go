package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/query"
)

// CreateTenant opens a tenant.
func (a *API) CreateTenant(c *gin.Context, params CreateTenantParams) {
	request, err := decode[CreateTenantRequest](c)
	if err != nil {
		a.fail(c, err)
		return
	}
	m, err := meta(c, events.PlatformLedger, params.IdempotencyKey, callOf(c).body)
	if err != nil {
		a.fail(c, err)
		return
	}
	tenant, err := newTenantID(m)
	if err != nil {
		a.fail(c, err)
		return
	}
	result, err := a.cfg.App.CreateTenant(c.Request.Context(), m, command.CreateTenant{
		TenantID: tenant, Name: request.Name, Actor: m.Actor,
	})
	if err != nil {
		a.fail(c, err)
		return
	}
	a.MembershipChanged(m.Actor, tenant)
	version := a.settleTenant(c, params.Prefer, result.Receipt, tenant)
	ready := version > 0
	if !ready {
		version = result.Value.Version
	}
	c.Writer.Header().Set("Location", "/api/tenants/"+tenant.String())
	if !result.Replayed { // the tenant may have gone on since the first answer
		c.Writer.Header().Set("Etag", versionTag(version))
	}
	made := tenantOf(result.Value, ready)
	made.Version = version
	answer(a, c, settledAs(ready, http.StatusCreated), made, "Tenant created")
}

// newTenantID returns the id of the tenant that a command makes: the same again
// for a repetition, which must meet the first in one ledger.
func newTenantID(m command.Meta) (uuid.UUID, error) {
	if m.Keyed {
		return derivedID("cartulary tenant", m.ID[:]), nil
	}
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil, fmt.Errorf("draw a tenant id: %w", err)
	}
	return id, nil
}

// settleTenant waits until a new tenant can be used: its database is there, holds
// it, and the main database says so. It returns the version at which the tenant is
// ready, or 0 if it was not in time.
func (a *API) settleTenant(c *gin.Context, prefer *string, r command.Receipt, tenant uuid.UUID) int64 {
	begin := time.Now()
	if !a.settle(c, prefer, r, a.cfg.PlatformDatabase) {
		return 0
	}
	ctx, cancel := context.WithDeadline(c.Request.Context(), begin.Add(callOf(c).prefer.patience(a.cfg.ProvisionWait)))
	defer cancel()
	version := a.provisioned(ctx, r, tenant)
	tellApplied(c, version > 0)
	return version
}

// provisioned waits for a new tenant's database as long as ctx lasts. It returns
// the version at which the tenant is ready, or 0.
func (a *API) provisioned(ctx context.Context, r command.Receipt, tenant uuid.UUID) int64 {
	if a.cfg.Awaiter.Await(ctx, events.DatabaseName(tenant), r.Ledger, r.Seq) != nil {
		return 0
	}
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		t, err := query.TenantByID(ctx, a.cfg.Databases.Platform(), tenant)
		switch {
		case err != nil:
			return 0
		case t.IsReady:
			return t.Version
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return 0
		}
	}
}

// GetTenant answers a tenant to one of its members.
func (a *API) GetTenant(c *gin.Context, tenantID TenantID, params GetTenantParams) {
	if err := a.catchUp(c, params.ConsistencyToken, uuid.Nil); err != nil {
		a.fail(c, err)
		return
	}
	tenant, err := query.TenantOfUserByID(
		c.Request.Context(), a.cfg.Databases.Platform(), callOf(c).claims.UserID, tenantID)
	if err != nil {
		a.fail(c, err)
		return
	}
	answerTagged(a, c, http.StatusOK, versionTag(tenant.Version), tenantRow(tenant), "Tenant found")
}

// UpdateTenant gives a tenant another name.
func (a *API) UpdateTenant(c *gin.Context, tenantID TenantID, params UpdateTenantParams) {
	request, err := decode[UpdateTenantRequest](c)
	if err != nil {
		a.fail(c, err)
		return
	}
	m, err := meta(c, tenantID, params.IdempotencyKey, callOf(c).body)
	if err != nil {
		a.fail(c, err)
		return
	}
	result, err := a.cfg.App.ChangeTenant(c.Request.Context(), m, command.ChangeTenant{
		TenantID: tenantID, Name: request.Name, Actor: m.Actor,
	})
	if err != nil {
		a.fail(c, err)
		return
	}
	settled := a.settle(c, params.Prefer, result.Receipt, a.cfg.PlatformDatabase)
	t := tenantOf(result.Value.TenantDetails, callOf(c).access.TenantReady)
	t.JoinedAt = &result.Value.JoinedAt
	answerTagged(a, c, settledAs(settled, http.StatusOK), versionTag(result.Value.Version), t, "Tenant updated")
}

// DeleteTenant closes a tenant.
func (a *API) DeleteTenant(c *gin.Context, tenantID TenantID, params DeleteTenantParams) {
	m, err := meta(c, tenantID, params.IdempotencyKey)
	if err != nil {
		a.fail(c, err)
		return
	}
	receipt, err := a.cfg.App.DeleteTenant(c.Request.Context(), m, command.DeleteTenant{TenantID: tenantID, Actor: m.Actor})
	if err != nil {
		a.fail(c, err)
		return
	}
	a.removed(c, params.Prefer, receipt, "Tenant deleted", a.cfg.PlatformDatabase)
	a.MembershipChanged(m.Actor, tenantID)
}

// removed answers that something is gone: 204, or 202 while read models still
// show it.
func (a *API) removed(c *gin.Context, prefer *string, r command.Receipt, message string, databases ...string) {
	if !a.settle(c, prefer, r, databases...) {
		answer(a, c, http.StatusAccepted, empty{}, message)
		return
	}
	c.Writer.WriteHeader(http.StatusNoContent)
}

// tenantOf describes a tenant to the admin who made it.
func tenantOf(t command.TenantDetails, ready bool) Tenant {
	joined := t.CreatedAt
	return Tenant{
		ID: t.ID, Name: t.Name, DatabaseName: t.DatabaseName, IsActive: t.IsActive, IsReady: ready,
		CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt, CreatedBy: t.CreatedBy, Version: t.Version, Role: RoleAdmin, JoinedAt: &joined,
	}
}

func tenantRow(t query.TenantOfUser) Tenant {
	return Tenant{
		ID: t.ID, Name: t.Name, DatabaseName: t.DatabaseName, IsActive: t.IsActive, IsReady: t.IsReady,
		CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt, CreatedBy: t.CreatedBy, Version: t.Version, Role: Role(t.Role), JoinedAt: &t.JoinedAt,
	}
}
