package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

// headKey marks a request's context when its method was HEAD.
type headKey struct{}

// headAsGet serves HEAD like GET. The server itself leaves the body out.
func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			r = r.WithContext(context.WithValue(r.Context(), headKey{}, true))
			r.Method = http.MethodGet
		}
		next.ServeHTTP(w, r)
	})
}

// methodOf returns a request's method as it was sent.
func methodOf(r *http.Request) string {
	if r.Context().Value(headKey{}) != nil {
		return http.MethodHead
	}
	return r.Method
}

// otherMethod answers a method that a path does not have: what it has, in Allow.
// OPTIONS asks for nothing else.
func (a *API) otherMethod(c *gin.Context) {
	h := c.Writer.Header()
	allowed := strings.Split(h.Get("Allow"), ", ")
	for _, method := range allowed {
		if method == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	if !slices.Contains(allowed, http.MethodOptions) {
		allowed = append(allowed, http.MethodOptions)
	}
	h.Set("Allow", strings.Join(allowed, ", "))
	if c.Request.Method == http.MethodOptions {
		c.Writer.WriteHeader(http.StatusNoContent)
		return
	}
	a.fail(c, errNoMethod())
}
