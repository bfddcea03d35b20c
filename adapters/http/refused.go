package httpapi

import (
	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
)

// refused tells of a request that was kept from something in its route's tenant.
// The answer is written by then.
func (a *API) refused(c *gin.Context, known *call) {
	if known.refusal == "" || a.cfg.OnRefused == nil {
		return
	}
	tenant, err := uuid.Parse(c.Param("tenant_id"))
	if err != nil {
		return
	}
	m, err := meta(c, tenant, nil)
	if err != nil {
		return // only a system without randomness draws no ids
	}
	a.cfg.OnRefused(m, command.RecordRefusal{
		TenantID: tenant, Method: c.Request.Method, Route: a.routes[routeKey(c.Request.Method, c.FullPath())].path,
		Reason: known.refusal, Status: c.Writer.Status(),
	})
}
