package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
)

// maxDepth is how deep objects and lists may stand in each other in a JSON body.
const maxDepth = 32

// checkBody reads a JSON body and checks it against the contract. It returns the body
// and what is wrong with its fields. Bodies of other media types are left to their
// handlers.
func (r *route) checkBody(c *gin.Context) ([]byte, []FieldError, error) {
	if r.media == "" {
		return nil, nil, nil
	}
	if r.bodyless && c.Request.ContentLength == 0 || r.raw && isRaw(c) {
		return nil, nil, nil
	}
	media, params, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
	if r.raw && (err != nil || media != r.media) {
		return nil, nil, errMediaType(r.media + ", or the file as it is with ?filename=")
	}
	if err != nil || media != r.media {
		return nil, nil, errMediaType(r.media)
	}
	if r.body == nil {
		return nil, nil, nil
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return nil, nil, errMediaType(r.media)
	}
	body, err := readBody(c)
	if err != nil {
		return nil, nil, err
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return nil, nil, badRequest(err)
	}
	if deeper(value, maxDepth) {
		return nil, nil, &problem{
			status: http.StatusBadRequest, code: CodeBadRequest,
			message: fmt.Sprintf("The body nests objects and lists more than %d deep.", maxDepth),
		}
	}
	return body, r.body.fields(value, "body"), nil
}

// deeper reports whether a value nests objects and lists more than depth deep.
func deeper(value any, depth int) bool {
	var held iter.Seq[any]
	switch v := value.(type) {
	case map[string]any:
		held = maps.Values(v)
	case []any:
		held = slices.Values(v)
	default:
		return false
	}
	if depth == 0 {
		return true
	}
	for v := range held {
		if deeper(v, depth-1) {
			return true
		}
	}
	return false
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
