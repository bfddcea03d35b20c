package httpapi

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
)

// checkBody reads a JSON body, checks it against the contract, and returns it.
// Bodies of other media types are left to their handlers.
func (r *route) checkBody(c *gin.Context) ([]byte, error) {
	if r.media == "" {
		return nil, nil
	}
	media, params, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
	if err != nil || media != r.media {
		return nil, errMediaType(r.media)
	}
	if r.body == nil {
		return nil, nil
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return nil, errMediaType(r.media)
	}
	body, err := readBody(c)
	if err != nil {
		return nil, err
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return nil, badRequest(err)
	}
	return body, invalid(r.body.fields(value, "body"))
}

func readBody(c *gin.Context) ([]byte, error) {
	length := c.Request.ContentLength
	if length > maxBody {
		return nil, errTooLarge(maxBody)
	}
	var buffer bytes.Buffer
	if length > 0 {
		buffer.Grow(int(length) + bytes.MinRead)
	}
	_, err := buffer.ReadFrom(http.MaxBytesReader(c.Writer, c.Request.Body, maxBody))
	if err != nil {
		return nil, readProblem(err, maxBody)
	}
	return buffer.Bytes(), nil
}

// readProblem tells why a request's body could not be read.
func readProblem(err error, limit int64) error {
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	switch {
	case tooLarge:
		return errTooLarge(limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errTooSlow()
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &problem{status: http.StatusBadRequest, code: CodeBadRequest, message: "The body ends before it should."}
	default:
		return badRequest(err)
	}
}

// decode reads a body that was checked against the contract.
func decode[T any](c *gin.Context) (T, error) {
	var v T
	if err := json.Unmarshal(callOf(c).body, &v); err != nil {
		return v, badRequest(err)
	}
	return v, nil
}
