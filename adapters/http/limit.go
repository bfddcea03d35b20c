package httpapi

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
)

// Limiter counts the requests of each caller.
type Limiter interface {
	// Take counts one more request of a caller. It must not fail, nor wait for long.
	Take(ctx context.Context, caller string) Allowance
}

// Allowance tells a caller how many requests are left.
type Allowance struct {
	Allowed    bool
	Limit      int           // requests in a window
	Window     time.Duration // over which they come back
	Remaining  int
	Reset      time.Duration // until all of them are back
	RetryAfter time.Duration // until one is back; 0 if the request is allowed
}

// limitUser counts a request of who is signed in.
func (a *API) limitUser(c *gin.Context, user uuid.UUID) error { return a.limit(c, "u:"+user.String()) }

// limitAddress counts a request of who is not signed in, by the network address.
func (a *API) limitAddress(c *gin.Context) error { return a.limit(c, "a:"+network(c.ClientIP())) }

func (a *API) limit(c *gin.Context, caller string) error {
	if a.cfg.Limiter == nil {
		return nil
	}
	left := a.cfg.Limiter.Take(c.Request.Context(), caller)
	tell(c.Writer.Header(), left)
	if left.Allowed {
		return nil
	}
	return &problem{
		status: http.StatusTooManyRequests, code: CodeRateLimited, retryAfter: max(1, ceilSeconds(left.RetryAfter)),
		message: fmt.Sprintf("At most %d requests in %d seconds. Wait before the next; see Retry-After.",
			left.Limit, int(left.Window.Seconds())),
	}
}

// tell writes the headers of draft-ietf-httpapi-ratelimit-headers-10.
func tell(h http.Header, left Allowance) {
	b := make([]byte, 0, 48)
	b = append(b, `"default";r=`...)
	b = strconv.AppendInt(b, int64(left.Remaining), 10)
	b = append(b, ";t="...)
	b = strconv.AppendInt(b, int64(ceilSeconds(left.Reset)), 10)
	h["Ratelimit"] = []string{string(b)}
	b = append(b[:0], `"default";q=`...)
	b = strconv.AppendInt(b, int64(left.Limit), 10)
	b = append(b, ";w="...)
	b = strconv.AppendInt(b, int64(left.Window.Seconds()), 10)
	h["Ratelimit-Policy"] = []string{string(b)}
}

func ceilSeconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// network returns what one subscriber has: an IPv4 address, or the first 64 bits of
// an IPv6 address, of which anyone has as many as he likes (RFC 6177).
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	prefix, err := ip.Prefix(64)
	if err != nil {
		return address
	}
	return prefix.String()
}
