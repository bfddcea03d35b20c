package httpapi

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// maxUserAgent bounds, in bytes, what the trail records of the client's software.
const maxUserAgent = 256

const idempotencyKey = "Idempotency-Key"

// meta says who and what causes a command on a ledger. With an idempotency key
// the command's id derives from ledger, caller and key, as the contract says;
// payload is what a repetition must have in common with the first request.
func meta(c *gin.Context, ledger uuid.UUID, key *string, payload ...[]byte) (command.Meta, error) {
	call := callOf(c)
	m := command.Meta{
		IfMatch: ifMatch(c),
		Actor:   call.claims.UserID, RequestID: call.requestID, TraceParent: call.traceParent, Origin: originOf(c),
	}
	if key == nil {
		id, err := uuid.NewV7()
		if err != nil {
			return command.Meta{}, fmt.Errorf("draw a command id: %w", err)
		}
		m.ID = id
		return m, nil
	}
	m.Keyed = true
	m.ID = derivedID("cartulary command", ledger[:], call.claims.UserID[:], []byte(*key))
	m.Fingerprint = fingerprint(append([][]byte{[]byte(c.Request.Method), []byte(c.Request.URL.Path)}, payload...)...)
	return m, nil
}

// originOf returns where a request came from.
func originOf(c *gin.Context) events.Origin {
	agent := c.Request.UserAgent()
	return events.Origin{
		Address: c.ClientIP(), UserAgent: strings.ToValidUTF8(agent[:min(len(agent), maxUserAgent)], "\uFFFD"),
	}
}

// derivedID returns the UUID of version 8 made of SHA-256 over purpose, a zero
// byte, and the parts.
func derivedID(purpose string, parts ...[]byte) uuid.UUID {
	h := sha256.New()
	h.Write([]byte(purpose))
	h.Write([]byte{0})
	for _, part := range parts {
		h.Write(part)
	}
	id := uuid.UUID(h.Sum(nil)[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}

// fingerprint hashes parts, each after its length.
func fingerprint(parts ...[]byte) [32]byte {
	h := sha256.New()
	var length [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write(part)
	}
	return [32]byte(h.Sum(nil))
}
