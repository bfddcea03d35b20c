package httpapi

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"regexp"
	"strings"

	"github.com/google/uuid"
)

// requestIDText is what a caller's request id may be, so that it can stand in logs
// and events as it is.
var requestIDText = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

// traceParentText is a traceparent of version 00 (W3C Trace Context).
var traceParentText = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// requestID returns the caller's id of a request, or a new one. The header is set
// to what was taken.
func requestID(h http.Header) string {
	if sent := h["X-Request-Id"]; len(sent) == 1 && requestIDText.MatchString(sent[0]) {
		return sent[0]
	}
	id := uuid.Must(uuid.NewV7()).String() // fails only when the system has no randomness
	h.Set("X-Request-Id", id)
	return id
}

// childTrace returns the trace context of this request: a new span of the
// caller's trace, or of a new trace. The header is set to it.
func childTrace(h http.Header) string {
	var b [24]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand aborts the program instead
	trace, flags := hex.EncodeToString(b[8:]), "00"
	if sent := h["Traceparent"]; len(sent) == 1 && goodTrace(sent[0]) {
		trace, flags = sent[0][3:35], sent[0][53:]
	}
	child := "00-" + trace + "-" + hex.EncodeToString(b[:8]) + "-" + flags
	h["Traceparent"] = []string{child}
	return child
}

func goodTrace(s string) bool {
	return traceParentText.MatchString(s) &&
		s[3:35] != strings.Repeat("0", 32) && s[36:52] != strings.Repeat("0", 16)
}
