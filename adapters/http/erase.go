package httpapi

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/identity"
)

// EraseMe forgets the caller, who confirms it with the password.
func (a *API) EraseMe(c *gin.Context, _ EraseMeParams) {
	request, err := decode[EraseMeRequest](c)
	if err != nil {
		a.fail(c, err)
		return
	}
	m, err := meta(c, events.PlatformLedger, nil)
	if err != nil {
		a.fail(c, err)
		return
	}
	ctx, claims := c.Request.Context(), callOf(c).claims
	if err := a.cfg.Identity.Confirm(ctx, m, claims, request.Password); err != nil {
		if errors.Is(err, identity.ErrCredentials) {
			err = wrongPassword("password", err)
		}
		a.fail(c, err)
		return
	}
	receipt, err := a.cfg.Eraser.Erase(ctx, m, claims.UserID)
	if err != nil {
		a.fail(c, err)
		return
	}
	a.settle(c, nil, receipt, a.cfg.PlatformDatabase)
	c.Writer.WriteHeader(http.StatusNoContent)
}
