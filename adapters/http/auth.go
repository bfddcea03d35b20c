package httpapi

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/identity"
	"github.com/cartulary/cartulary/query"
)

// Register opens an account.
func (a *API) Register(c *gin.Context, params RegisterParams) {
	request, err := decode[RegisterRequest](c)
	if err != nil {
		a.fail(c, err)
		return
	}
	// Nobody is signed in, so that the address stands for the caller. The password
	// must not go into the fingerprint, which is kept.
	key := params.IdempotencyKey
	if key != nil {
		scoped := *key + "\x00" + request.Email
		key = &scoped
	}
	m, err := meta(c, events.PlatformLedger, key, []byte(request.Email), []byte(request.FirstName), []byte(request.LastName))
	if err != nil {
		a.fail(c, err)
		return
	}
	result, err := a.cfg.Identity.Register(c.Request.Context(), m, identity.Registration{
		Email: request.Email, FirstName: request.FirstName, LastName: request.LastName, Password: request.Password,
		Address: m.Origin.Address,
	})
	if err != nil {
		a.fail(c, err)
		return
	}
	settled := a.settle(c, params.Prefer, result.Receipt, a.cfg.PlatformDatabase)
	c.Writer.Header().Set("Location", "/api/users/me")
	answerTagged(a, c, settledAs(settled, http.StatusCreated), versionTag(result.Value.Version), userOf(result.Value), "Account created")
}

// Login starts a session.
func (a *API) Login(c *gin.Context, _ LoginParams) {
	request, err := decode[LoginRequest](c)
	if err != nil {
		a.fail(c, err)
		return
	}
	m, err := meta(c, events.PlatformLedger, nil)
	if err != nil {
		a.fail(c, err)
		return
	}
	signedIn, err := a.cfg.Identity.Login(c.Request.Context(), m, request.Email, request.Password, m.Origin)
	if err != nil {
		a.fail(c, err)
		return
	}
	callOf(c).claims.UserID = signedIn.UserID
	session, err := a.session(c, signedIn)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Writer.Header().Set("Consistency-Token", position{signedIn.Receipt.Ledger, signedIn.Receipt.Seq}.String())
	answer(a, c, http.StatusOK, session, "Signed in")
}

func (a *API) session(c *gin.Context, s identity.SignedIn) (Session, error) {
	db := a.cfg.Databases.Platform()
	user, err := query.UserByID(c.Request.Context(), db, s.UserID)
	if err != nil {
		return Session{}, err
	}
	tenants, err := query.TenantsOfUser(c.Request.Context(), db, s.UserID, query.Page{Limit: query.MaxLimit})
	if err != nil {
		return Session{}, err
	}
	pair := tokenPair(s.Tokens)
	return Session{
		AccessToken: pair.AccessToken, RefreshToken: pair.RefreshToken, TokenType: pair.TokenType,
		ExpiresIn: pair.ExpiresIn, RefreshExpiresIn: pair.RefreshExpiresIn,
		User: userRow(user), Tenants: each(tenants.Items, tenantRow),
	}, nil
}

// Refresh exchanges a refresh token.
func (a *API) Refresh(c *gin.Context, _ RefreshParams) {
	request, err := decode[RefreshRequest](c)
	if err != nil {
		a.fail(c, err)
		return
	}
	m, err := meta(c, events.PlatformLedger, nil)
	if err != nil {
		a.fail(c, err)
		return
	}
	tokens, err := a.cfg.Identity.Refresh(c.Request.Context(), m, request.RefreshToken)
	if err != nil {
		a.fail(c, err)
		return
	}
	answer(a, c, http.StatusOK, tokenPair(tokens), "Tokens renewed")
}

// Logout ends the session.
func (a *API) Logout(c *gin.Context, _ LogoutParams) {
	m, err := meta(c, events.PlatformLedger, nil)
	if err != nil {
		a.fail(c, err)
		return
	}
	receipt, err := a.cfg.Identity.Logout(c.Request.Context(), m, callOf(c).claims)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Writer.Header().Set("Consistency-Token", position{receipt.Ledger, receipt.Seq}.String())
	answer(a, c, http.StatusOK, empty{}, "Signed out")
}

func tokenPair(t identity.Tokens) TokenPair {
	return TokenPair{
		AccessToken: t.Access, RefreshToken: t.Refresh, TokenType: "Bearer",
		ExpiresIn: int(t.AccessExpiresIn / time.Second), RefreshExpiresIn: int(t.RefreshExpiresIn / time.Second),
	}
}

func userOf(u command.UserDetails) User {
	return User{
		ID: u.ID, FirstName: u.FirstName, LastName: u.LastName, Email: u.Email, IsActive: u.IsActive,
		CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt, Version: u.Version,
	}
}

func userRow(u query.User) User {
	return User{
		ID: u.ID, FirstName: u.FirstName, LastName: u.LastName, Email: u.Email, IsActive: u.IsActive,
		CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt, CreatedBy: u.CreatedBy, Version: u.Version,
	}
}
