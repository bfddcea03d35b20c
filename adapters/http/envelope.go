package httpapi

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"sync"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"

	"github.com/cartulary/cartulary/command"
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
	if errors.Is(err, command.ErrForbidden) {
		call.refusal = refusedThing
	}
	h := c.Writer.Header()
	if p.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", challenge(p.code))
	}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	a.write(c, p.status, ErrorEnvelope{Error: Error{Code: p.code, Message: p.message, Details: p.details}})
	c.Abort()
}

func (a *API) write(c *gin.Context, status int, v any) {
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
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(buffer.Len()))
	c.Writer.WriteHeader(status)
	_, _ = c.Writer.Write(buffer.Bytes()) // the client has left
}
