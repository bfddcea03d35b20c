package httpapi

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// success is the envelope of what went well.
type success[T any] struct {
	Success bool   `json:"success"`
	Data    T      `json:"data"`
	Message string `json:"message"`
}

// empty is data that says nothing: {}.
type empty struct{}

// buffers recycles what answers are written into.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxRecycled is the largest buffer, in bytes, that is kept for the next answer.
const maxRecycled = 64 << 10

// answer writes a success; without a body if the caller of a command prefers that.
func answer[T any](a *API, c *gin.Context, status int, data T, message string) {
	if callOf(c).prefer.minimal {
		if status == http.StatusOK {
			status = http.StatusNoContent
		}
		c.Writer.WriteHeader(status)
		return
	}
	a.write(c, status, success[T]{Success: true, Data: data, Message: message})
}

// fail writes what err comes to, and remembers err for the log.
func (a *API) fail(c *gin.Context, err error) {
	p := a.problemOf(err)
	call := callOf(c)
	call.failure = err
	switch {
	case errors.Is(err, command.ErrForbidden):
		call.refusal = events.RefusalThing
	case p.status == http.StatusNotFound && call.refusal == "" && call.access.Role != "":
		call.refusal = events.RefusalMissing
	}
	h := c.Writer.Header()
	if p.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", challenge(p.code))
	}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	h.Add("Vary", "Accept")
	if prefersProblem(c.GetHeader("Accept")) {
		a.writeAs(c, p.status, mediaProblem, Problem{
			Type: "about:blank", Title: http.StatusText(p.status), Status: p.status, Detail: p.message,
			Code: p.code, Details: p.details,
		})
	} else {
		a.write(c, p.status, ErrorEnvelope{Error: Error{Code: p.code, Message: p.message, Details: p.details}})
	}
	c.Abort()
}

// mediaProblem is how errors may be told besides the envelope (RFC 9457).
const mediaProblem = "application/problem+json"

// prefersProblem reports whether a client names that media type, and wants it no
// less than the envelope's. Who accepts neither gets the envelope (RFC 9110 §12.5.1).
func prefersProblem(accept string) bool {
	if accept == "" || accept == "*/*" { // nearly always
		return false
	}
	list := choices(accept)
	quality := qualityFor(list, mediaProblem)
	named := slices.ContainsFunc(list, func(c choice) bool { return c.value == mediaProblem })
	return named && quality > 0 && quality >= qualityFor(list, mediaJSON)
}

func (a *API) write(c *gin.Context, status int, v any) {
	a.writeAs(c, status, "application/json; charset=utf-8", v)
}

func (a *API) writeAs(c *gin.Context, status int, mediaType string, v any) {
	buffer, _ := buffers.Get().(*bytes.Buffer)
	buffer.Reset()
	defer func() {
		if buffer.Cap() <= maxRecycled {
			buffers.Put(buffer)
		}
	}()
	if err := json.MarshalWrite(buffer, v); err != nil {
		// Only a type that is no JSON gets here.
		a.cfg.Logger.LogAttrs(c.Request.Context(), slog.LevelError, "answer can't be encoded", slog.Any("error", err))
		c.Writer.WriteHeader(http.StatusInternalServerError)
		return
	}
	h := c.Writer.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(buffer.Len()))
	c.Writer.WriteHeader(status)
	_, _ = c.Writer.Write(buffer.Bytes()) // the client has left
}
