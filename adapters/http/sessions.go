package httpapi

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/identity"
)

// LogoutEverywhere ends all sessions of the caller.
func (a *API) LogoutEverywhere(c *gin.Context, _ LogoutEverywhereParams) {
	m, err := meta(c, events.PlatformLedger, nil)
	if err != nil {
		a.fail(c, err)
		return
	}
	receipt, err := a.cfg.Identity.LogoutEverywhere(c.Request.Context(), m, callOf(c).claims)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Writer.Header().Set("Consistency-Token", position{receipt.Ledger, receipt.Seq}.String())
	answer(a, c, http.StatusOK, empty{}, "Signed out everywhere")
}

// ChangePassword gives the caller another password.
func (a *API) ChangePassword(c *gin.Context, params ChangePasswordParams) {
	request, err := decode[ChangePasswordRequest](c)
	if err != nil {
		a.fail(c, err)
		return
	}
	// The passwords must not go into the fingerprint, which is kept.
	m, err := meta(c, events.PlatformLedger, params.IdempotencyKey)
	if err != nil {
		a.fail(c, err)
		return
	}
	receipt, err := a.cfg.Identity.ChangePassword(c.Request.Context(), m, callOf(c).claims, identity.PasswordChange{
		Current: request.CurrentPassword, New: request.NewPassword,
	})
	if errors.Is(err, identity.ErrCredentials) {
		err = wrongPassword("current_password", err)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	a.done(c, receipt)
}

// ListSessions answers the caller's sessions.
func (a *API) ListSessions(c *gin.Context, _ ListSessionsParams) {
	claims := callOf(c).claims
	list, err := a.cfg.Identity.ActiveSessions(c.Request.Context(), claims.UserID)
	if err != nil {
		a.fail(c, err)
		return
	}
	answer(a, c, http.StatusOK, SessionList{Items: each(list, func(s identity.SessionInfo) SessionInfo {
		return SessionInfo{
			ID: s.ID, UserAgent: s.UserAgent, IsCurrent: s.ID == claims.SessionID,
			CreatedAt: s.CreatedAt.UTC(), RefreshedAt: s.RefreshedAt.UTC(), ExpiresAt: s.ExpiresAt.UTC(),
		}
	})}, "Sessions listed")
}

// DeleteSession ends one of the caller's sessions.
func (a *API) DeleteSession(c *gin.Context, session SessionID, _ DeleteSessionParams) {
	m, err := meta(c, events.PlatformLedger, nil)
	if err != nil {
		a.fail(c, err)
		return
	}
	receipt, err := a.cfg.Identity.EndSession(c.Request.Context(), m, callOf(c).claims, session)
	if err != nil {
		a.fail(c, err)
		return
	}
	a.done(c, receipt)
}

// done answers a command that no read model shows.
func (a *API) done(c *gin.Context, receipt command.Receipt) {
	h := c.Writer.Header()
	h.Set("Consistency-Token", position{receipt.Ledger, receipt.Seq}.String())
	if receipt.Replayed {
		h.Set("Idempotent-Replayed", "true")
	}
	c.Status(http.StatusNoContent)
	c.Writer.WriteHeaderNow()
}
