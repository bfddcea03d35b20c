package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/identity"
	"github.com/cartulary/cartulary/query"
)

const (
	// membershipTTL is how long a process takes a membership for good without
	// asking. That there is none is never remembered.
	membershipTTL = 500 * time.Millisecond

	// rememberedMemberships bounds what a process remembers.
	rememberedMemberships = 50_000
)

type membershipKey struct{ user, tenant uuid.UUID }

// guard lets a request through to its handler when its route's policy and the
// contract allow.
func (a *API) guard(c *gin.Context) {
	r := a.routes[routeKey(c.Request.Method, c.FullPath())]
	if r.tus {
		c.Writer.Header().Set("Tus-Resumable", tusVersion)
	}
	if !r.uploads() && !r.streams {
		ctx, cancel := context.WithTimeout(c.Request.Context(), a.cfg.RequestTimeout)
		defer cancel()
		c.Request = c.Request.WithContext(ctx)
	}
	arrived := a.hurry(c, r)
	if g := a.gates.of(r); g != nil {
		if !g.enter(c.Request.Context()) {
			a.fail(c, errOverloaded("The service has more to do than it can carry. Try again in a moment."))
			return
		}
		known := callOf(c)
		known.gate = g
		defer known.release()
	}
	if err := a.check(c, r); err != nil {
		a.fail(c, err)
		return
	}
	arrived()
	end, free := a.begin(c, r)
	if !free {
		a.fail(c, errInFlight())
		return
	}
	defer end()
	c.Next()
}

// begin notes that a request with an Idempotency-Key is under way; false if one with
// this key is. The key is the caller's within a tenant, as for commands; callers
// without a name are told apart by what they send.
func (a *API) begin(c *gin.Context, r *route) (end func(), free bool) {
	key := c.GetHeader(idempotencyKey)
	if key == "" || !r.takes(idempotencyKey) {
		return func() {}, true
	}
	call := callOf(c)
	parts := [][]byte{[]byte(c.Param("tenant_id")), call.claims.UserID[:], []byte(key)}
	if call.claims.UserID == uuid.Nil {
		parts = append(parts, call.body)
	}
	whole := fingerprint(parts...)
	return a.cfg.InFlight.Begin(c.Request.Context(), derivedID("cartulary request", whole[:]))
}

func (a *API) check(c *gin.Context, r *route) error {
	call := callOf(c)
	call.route = r
	if a.hidden(r) {
		return errNoRoute()
	}
	joinLists(c.Request.Header)
	if err := a.identify(c, r); err != nil {
		return err
	}
	if err := a.claimCaller(c); err != nil {
		return err
	}
	// What is wrong with parameters and body is told at once, but only to those who
	// may ask.
	wrong := r.checkParameters(c)
	if r.policy.tenantScoped() {
		if !isUUID(c.Param("tenant_id")) {
			return invalid(wrong)
		}
		if err := a.admit(c, r); err != nil {
			return err
		}
	}
	body, fields, err := r.checkBody(c)
	call.body = body
	if err != nil {
		return err
	}
	return invalid(append(wrong, fields...))
}

// joinLists makes one line of each header that may list things over several (RFC
// 9110 §5.3).
func joinLists(h http.Header) {
	for _, name := range []string{"If-Match", "If-None-Match", "Prefer"} {
		if lines := h[name]; len(lines) > 1 {
			h[name] = []string{strings.Join(lines, ", ")}
		}
	}
}

// identify finds out who asks, and counts the request against that one's
// allowance; against the network address's if that does not come to light.
func (a *API) identify(c *gin.Context, r *route) error {
	switch {
	case r.unlimited:
		return nil
	case r.policy == anyone:
		return a.limitAddress(c)
	}
	claims, err := a.authenticate(c)
	if err != nil {
		if limited := a.limitAddress(c); limited != nil {
			return limited
		}
		return err
	}
	callOf(c).claims = claims
	return a.limitUser(c, claims.UserID)
}

func (a *API) authenticate(c *gin.Context) (identity.Claims, error) {
	token, ok := bearer(c.GetHeader("Authorization"))
	if !ok {
		return identity.Claims{}, errNoToken()
	}
	return a.cfg.Identity.Authenticate(c.Request.Context(), token)
}

// bearer returns the token of an Authorization header (RFC 6750).
func bearer(header string) (string, bool) {
	scheme, token, ok := strings.Cut(header, " ")
	token = strings.TrimLeft(token, " ")
	return token, ok && strings.EqualFold(scheme, "Bearer") && token != ""
}

// admit checks the caller's role in the route's tenant. Who is no member, and who
// asks for a tenant that does not exist or was closed, gets the same answer.
func (a *API) admit(c *gin.Context, r *route) error {
	call := callOf(c)
	tenant, err := uuid.Parse(c.Param("tenant_id"))
	if err != nil {
		return badRequest(err)
	}
	access, err := a.membership(c.Request.Context(), call.claims.UserID, tenant)
	if errors.Is(err, query.ErrNotFound) && a.joinedMeanwhile(c, tenant) {
		access, err = a.membership(c.Request.Context(), call.claims.UserID, tenant)
	}
	if err := call.admit(r, access, err); err != nil {
		return err
	}
	return a.claimTenant(c, tenant)
}

// admit lets a call go on with the access that was found, or not.
func (k *call) admit(r *route, access query.Access, err error) error {
	switch {
	case errors.Is(err, query.ErrNotFound), err == nil && !access.TenantActive:
		k.refusal = events.RefusalStranger
		return query.ErrNotFound
	case err != nil:
		return err
	case !r.policy.admits(events.Role(access.Role)):
		k.refusal = events.RefusalRole
		return &problem{status: 403, code: CodeForbidden, message: "Your role does not allow this."}
	}
	k.access, k.admitted = access, time.Now()
	return nil
}

// readmit looks once more whether the caller may do what is asked for, if that has taken
// longer to arrive than a membership is taken for good.
func (a *API) readmit(ctx context.Context, c *gin.Context, tenant uuid.UUID) error {
	call := callOf(c)
	if time.Since(call.admitted) <= membershipTTL {
		return nil
	}
	access, err := a.membership(ctx, call.claims.UserID, tenant)
	return call.admit(call.route, access, err)
}

func (a *API) membership(ctx context.Context, user, tenant uuid.UUID) (query.Access, error) {
	return a.members.Get(ctx, membershipKey{user, tenant}, func(ctx context.Context) (query.Access, error) {
		return query.Membership(ctx, a.cfg.Databases.Platform(), user, tenant)
	})
}

// MembershipChanged tells that a user's place in a tenant is not what it was, by
// whichever process.
func (a *API) MembershipChanged(user, tenant uuid.UUID) {
	a.members.Forget(membershipKey{user, tenant})
}

// joinedMeanwhile waits for the point that the caller knows of, and reports
// whether it is worth looking again.
func (a *API) joinedMeanwhile(c *gin.Context, tenant uuid.UUID) bool {
	p, err := parsePosition(c.GetHeader("Consistency-Token"))
	if err != nil || p.ledger != tenant {
		return false
	}
	return a.reached(c.Request.Context(), a.cfg.PlatformDatabase, p)
}
