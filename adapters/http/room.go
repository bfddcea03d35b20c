package httpapi

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
)

// gates are apart, so that neither uploads nor exports, which take long, keep quick
// requests out.
type gates struct{ quick, uploads, exports *gate }

func newGates(cfg Config) gates {
	return gates{quick: newGate(cfg.MaxRequests), uploads: newGate(cfg.MaxUploads), exports: newGate(cfg.MaxExports)}
}

// of returns the gate that a route's requests go through; nil for those that are
// never refused.
func (g gates) of(r *route) *gate {
	switch {
	case r.unlimited:
		return nil
	case r.uploads():
		return g.uploads
	case r.streams:
		return g.exports
	default:
		return g.quick
	}
}

// A party may have this part of a gate's room: who is known three quarters, a
// network address from which nobody is signed in one.
func (g *gate) shareOf(known bool) int {
	if known {
		return max(1, g.limit*3/4)
	}
	return max(1, g.limit/4)
}

// claimCaller counts a request, which is under way, for the user or else the
// network address that it comes from.
func (a *API) claimCaller(c *gin.Context) error {
	known := callOf(c)
	switch {
	case known.gate == nil:
		return nil
	case known.claims.UserID != uuid.Nil:
		return known.claim(&known.parties[0], party{id: known.claims.UserID}, known.gate.shareOf(true))
	default:
		return known.claim(&known.parties[0], party{network: network(c.ClientIP())}, known.gate.shareOf(false))
	}
}

// claimTenant counts a request of a member for the tenant.
func (a *API) claimTenant(c *gin.Context, tenant uuid.UUID) error {
	known := callOf(c)
	return known.claim(&known.parties[1], party{id: tenant}, known.gate.shareOf(true))
}

func (k *call) claim(counted *party, p party, share int) error {
	if !k.gate.join(p, share) {
		return errOverloaded("Too many requests of yours are under way. Try again when some are answered.")
	}
	*counted = p
	return nil
}

// release gives back what a request had of its gate.
func (k *call) release() {
	for _, p := range k.parties {
		if p != (party{}) {
			k.gate.part(p)
		}
	}
	k.parties = [2]party{}
	k.gate.leave()
}

// hurry bounds how long a body may take to arrive, if it is no upload. The function
// that it returns gives the rest of the request its usual time. Who is refused before
// is cut off in time, too: the server reads to a body's end before it answers.
func (a *API) hurry(c *gin.Context, r *route) func() {
	if r.media == "" || r.uploads() || c.Request.ContentLength == 0 {
		return func() {}
	}
	control := http.NewResponseController(c.Writer)
	// Where connections know no deadlines the request's own has to do.
	_ = control.SetReadDeadline(time.Now().Add(a.cfg.BodyTimeout))
	return func() { _ = control.SetReadDeadline(time.Now().Add(a.cfg.RequestTimeout)) }
}
