package httpapi

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// position is a point in a ledger.
type position struct {
	ledger uuid.UUID
	seq    int64
}

const positionPrefix = "v1."

// errBadToken says that a text is not one that [position.String] returned.
var errBadToken = errors.New("not a consistency token")

// String returns the position as a Consistency-Token: the version, a dot, and
// base64url of ledger and sequence number (big endian).
func (p position) String() string {
	b := make([]byte, 0, 24)
	b = append(b, p.ledger[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(p.seq)) //nolint:gosec // never negative
	return positionPrefix + base64.RawURLEncoding.EncodeToString(b)
}

func parsePosition(text string) (position, error) {
	encoded, ok := strings.CutPrefix(text, positionPrefix)
	if !ok {
		return position{}, errBadToken
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(b) != 24 {
		return position{}, errBadToken
	}
	seq := int64(binary.BigEndian.Uint64(b[16:])) //nolint:gosec // a negative one is refused
	if seq < 0 {
		return position{}, errBadToken
	}
	return position{ledger: uuid.UUID(b[:16]), seq: seq}, nil
}

// reached waits until a database holds p, at most as long as read models are
// waited for.
func (a *API) reached(ctx context.Context, database string, p position) bool {
	if p.seq == 0 {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, a.cfg.ProjectionWait)
	defer cancel()
	return a.cfg.Awaiter.Await(ctx, database, p.ledger, p.seq) == nil
}

// catchUp makes a query wait for the point that its caller has seen. tenant is
// the one whose own database will be asked; uuid.Nil for the main database.
func (a *API) catchUp(c *gin.Context, token *string, tenant uuid.UUID) error {
	seen := position{ledger: events.PlatformLedger}
	if tenant != uuid.Nil {
		seen.ledger = tenant
	}
	if token != nil {
		p, err := parsePosition(*token)
		if err != nil {
			return invalidField("Consistency-Token", "must be a token that an answer carried")
		}
		database := a.cfg.PlatformDatabase
		if tenant != uuid.Nil {
			database = events.DatabaseName(tenant)
		}
		// Another tenant's ledger says nothing about this one's database.
		relevant := tenant == uuid.Nil || p.ledger == tenant
		if relevant && !a.reached(c.Request.Context(), database, p) {
			return errNotConsistentYet()
		}
		seen = p
	}
	c.Writer.Header().Set("Consistency-Token", seen.String())
	return nil
}

// settle makes a command wait until the databases that its caller will look at
// hold its effect, as long as is usual or as the caller prefers. It reports false
// when they don't in time; then the answer is 202.
func (a *API) settle(c *gin.Context, prefer *string, r command.Receipt, databases ...string) bool {
	h := c.Writer.Header()
	p := position{ledger: r.Ledger, seq: r.Seq}
	h.Set("Consistency-Token", p.String())
	if r.Replayed {
		h.Set("Idempotent-Replayed", "true")
	}
	wanted := preferencesOf(prefer)
	callOf(c).prefer = wanted
	settled := a.awaitAll(c.Request.Context(), p, wanted.patience(a.cfg.ProjectionWait), databases)
	tellApplied(c, settled)
	return settled
}

// awaitAll reports whether all the databases hold p within a time. Without any time
// it does not ask.
func (a *API) awaitAll(ctx context.Context, p position, within time.Duration, databases []string) bool {
	if within <= 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for _, database := range databases {
		if a.cfg.Awaiter.Await(ctx, database, p.ledger, p.seq) != nil {
			return false
		}
	}
	return true
}

// tellApplied says which of the request's preferences the answer honours.
func tellApplied(c *gin.Context, settled bool) {
	if applied := callOf(c).prefer.applied(settled); applied != "" {
		c.Writer.Header().Set("Preference-Applied", applied)
	}
}

// settledAs picks a command's status.
func settledAs(settled bool, status int) int {
	if settled {
		return status
	}
	return http.StatusAccepted
}
