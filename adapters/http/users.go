package httpapi

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/query"
)

// GetMe answers the caller's profile.
func (a *API) GetMe(c *gin.Context, params GetMeParams) {
	if err := a.catchUp(c, params.ConsistencyToken, uuid.Nil); err != nil {
		a.fail(c, err)
		return
	}
	user, err := query.UserByID(c.Request.Context(), a.cfg.Databases.Platform(), callOf(c).claims.UserID)
	if err != nil {
		a.fail(c, err)
		return
	}
	answerTagged(a, c, http.StatusOK, versionTag(user.Version), userRow(user), "User found")
}

// UpdateMe changes the caller's profile.
func (a *API) UpdateMe(c *gin.Context, params UpdateMeParams) {
	request, err := decode[UpdateProfileRequest](c)
	if err != nil {
		a.fail(c, err)
		return
	}
	m, err := meta(c, events.PlatformLedger, params.IdempotencyKey, callOf(c).body)
	if err != nil {
		a.fail(c, err)
		return
	}
	result, err := a.cfg.App.ChangeProfile(c.Request.Context(), m, command.ChangeProfile{
		UserID: m.Actor, Email: request.Email, FirstName: request.FirstName, LastName: request.LastName,
	})
	if err != nil {
		a.fail(c, err)
		return
	}
	settled := a.settle(c, params.Prefer, result.Receipt, a.cfg.PlatformDatabase)
	answerTagged(a, c, settledAs(settled, http.StatusOK), versionTag(result.Value.Version), userOf(result.Value), "Profile updated")
}

// ListMyTenants answers the tenants that the caller is a member of.
func (a *API) ListMyTenants(c *gin.Context, params ListMyTenantsParams) {
	a.tenantPage(c, pageOf(params.Limit, params.Cursor, params.Total), params.ConsistencyToken)
}

// ListTenants answers the tenants that the caller may see: the same.
func (a *API) ListTenants(c *gin.Context, params ListTenantsParams) {
	a.tenantPage(c, pageOf(params.Limit, params.Cursor, params.Total), params.ConsistencyToken)
}

func (a *API) tenantPage(c *gin.Context, page query.Page, token *string) {
	if err := a.catchUp(c, token, uuid.Nil); err != nil {
		a.fail(c, err)
		return
	}
	tenants, err := query.TenantsOfUser(
		c.Request.Context(), a.cfg.Databases.Platform(), callOf(c).claims.UserID, page)
	if err != nil {
		a.fail(c, err)
		return
	}
	answer(a, c, http.StatusOK, TenantPage{
		Items: each(tenants.Items, tenantRow), NextCursor: nextCursor(tenants.Next), Total: tenants.Total,
	}, "Tenants listed")
}
