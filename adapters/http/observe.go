package httpapi

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/identity"
	"github.com/cartulary/cartulary/query"
)

// call is what the stations that a request passes find out about it.
type call struct {
	requestID   string
	traceParent string
	claims      identity.Claims // of the access token; zero when none was needed
	access      query.Access    // to the route's tenant
	admitted    time.Time       // when that was looked up
	route       *route          // nil before guard
	prefer      preferences     // of a command
	gate        *gate           // that the request went through; nil if through none
	parties     [2]party        // for which it counts there, if they are not zero
	body        []byte          // JSON, checked against the contract
	failure     error           // what the answer was made of, for the log
	refusal     events.Refusal  // why the caller was kept from the route's tenant; empty if not so
}

const callKey = "cartulary.call"

// callOf returns what is known of a request; observe has put it there.
func callOf(c *gin.Context) *call {
	v, _ := c.Get(callKey)
	known, ok := v.(*call)
	if !ok {
		known = &call{}
		c.Set(callKey, known)
	}
	return known
}

// observe gives every request its id and trace, every answer its security
// headers, and the log its line. A panic becomes a 500.
func (a *API) observe(c *gin.Context) {
	start := time.Now()
	known := &call{requestID: requestID(c.Request.Header), traceParent: childTrace(c.Request.Header)}
	c.Set(callKey, known)
	h := c.Writer.Header()
	maps.Copy(h, a.secure)
	h.Set("X-Request-Id", known.requestID)
	h.Set("Traceparent", known.traceParent)
	defer func() {
		if v := recover(); v != nil {
			a.recovered(c, v)
		}
		a.log(c, known, time.Since(start))
		a.refused(c, known)
	}()
	c.Next()
}

// secureHeaders are what every answer tells browsers. Their values are shared
// between answers: they may be replaced in one, not changed.
func secureHeaders() http.Header {
	return http.Header{
		"X-Content-Type-Options":       {"nosniff"},
		"Content-Security-Policy":      {"default-src 'none'; frame-ancestors 'none'"},
		"X-Frame-Options":              {"DENY"},
		"Referrer-Policy":              {"no-referrer"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Strict-Transport-Security":    {"max-age=63072000; includeSubDomains"},
		"Cache-Control":                {"no-store"},
	}
}

func (a *API) recovered(c *gin.Context, v any) {
	err, ok := v.(error)
	if ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v) //nolint:forbidigo // net/http's own way to cut a connection
	}
	callOf(c).failure = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
	if c.Writer.Written() {
		c.Abort()
		return
	}
	a.fail(c, callOf(c).failure)
}

// log writes the access log's line, and the error if the platform is to blame.
func (a *API) log(c *gin.Context, known *call, took time.Duration) {
	status, level := c.Writer.Status(), slog.LevelInfo
	switch {
	case status == http.StatusInternalServerError:
		level = slog.LevelError
	case c.FullPath() == "/healthz", c.FullPath() == "/readyz": // notReady tells what changes
		level = slog.LevelDebug
	case status > http.StatusInternalServerError:
		level = slog.LevelWarn
	}
	ctx := c.Request.Context()
	if !a.cfg.Logger.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 10)
	attrs = append(attrs,
		slog.String("method", methodOf(c.Request)), slog.String("route", c.FullPath()), slog.Int("status", status),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000), slog.Int("bytes", max(0, c.Writer.Size())),
		slog.String("request_id", known.requestID), slog.String("traceparent", known.traceParent))
	if known.claims.UserID != uuid.Nil {
		attrs = append(attrs, slog.String("user_id", known.claims.UserID.String()))
	}
	if tenant := c.Param("tenant_id"); isUUID(tenant) {
		attrs = append(attrs, slog.String("tenant_id", tenant))
	}
	if known.failure != nil && level > slog.LevelInfo {
		attrs = append(attrs, slog.Any("error", known.failure))
	}
	a.cfg.Logger.LogAttrs(ctx, level, "request", attrs...)
}
