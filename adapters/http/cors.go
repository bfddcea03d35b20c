package httpapi

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/rs/cors"
)

// corsMaxAge is how long, in seconds, browsers remember what a preflight was told.
const corsMaxAge = 600

// crossOrigin lets pages of the given origins, and of no others, use the interface
// from browsers (Fetch Standard §3.2). Tokens are sent in a header, never as
// cookies, so that credentials in that sense are not allowed.
func crossOrigin(origins []string) gin.HandlerFunc {
	if len(origins) == 0 {
		return func(*gin.Context) {}
	}
	rules := cors.New(cors.Options{
		AllowedOrigins: origins,
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
		AllowedHeaders: []string{
			"Accept", "Authorization", "Consistency-Token", "Content-Digest", "Content-Md5", "Content-Type", "Idempotency-Key",
			"If-Match", "If-None-Match", "Prefer", "Traceparent", "Tus-Resumable", "Upload-Checksum", "Upload-Length", "Upload-Metadata", "Upload-Offset",
			"X-Request-Id",
		},
		ExposedHeaders: []string{
			"Allow", "Consistency-Token", "ETag", "Idempotent-Replayed", "Location", "Preference-Applied", "RateLimit",
			"RateLimit-Policy", "Retry-After", "Traceparent", "Tus-Checksum-Algorithm", "Tus-Extension", "Tus-Max-Size",
			"Tus-Resumable", "Tus-Version", "Upload-Document", "Upload-Expires", "Upload-Length", "Upload-Metadata",
			"Upload-Offset", "WWW-Authenticate", "X-Request-Id",
		},
		MaxAge:               corsMaxAge,
		OptionsSuccessStatus: http.StatusNoContent,
	})
	return func(c *gin.Context) {
		rules.HandlerFunc(c.Writer, c.Request)
		if c.Request.Method == http.MethodOptions && c.GetHeader("Access-Control-Request-Method") != "" {
			c.Abort() // a preflight was answered
		}
	}
}
