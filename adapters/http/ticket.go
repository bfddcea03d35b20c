package httpapi

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
)

// ticket is what is known of an upload to the store until it is completed. Its sealed
// form is the upload's id: nothing else keeps it.
type ticket struct {
	Upload   uuid.UUID `json:"i"`
	Tenant   uuid.UUID `json:"t"`
	User     uuid.UUID `json:"u"`
	Filename string    `json:"n"`
	MimeType string    `json:"m"`
	Size     int64     `json:"s"`
	SHA256   string    `json:"h,omitzero"` // in hexadecimal, as the client gave it
	MD5      string    `json:"d,omitzero"`
	Parts    string    `json:"p,omitzero"` // the store's name of an upload in parts
	Expires  int64     `json:"x"`          // Unix time
}

// ticketKeySize is the size, in bytes, of [Config.TicketKey]: that of AES-256.
const ticketKeySize = 32

// newTickets returns what seals tickets: AES-256-GCM with random nonces.
func newTickets(key []byte) (cipher.AEAD, error) {
	if len(key) == 0 {
		key = make([]byte, ticketKeySize)
		_, _ = rand.Read(key) // never fails
	}
	if len(key) != ticketKeySize {
		return nil, fmt.Errorf("TicketKey has %d bytes, not %d", len(key), ticketKeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// inParts reports whether the file is sent in several parts.
func (t ticket) inParts() bool { return t.Size > directPart }

// key is where the file is sent. Links to parts are dead once the parts were made an
// object, so that a document can stand on that object: it lies where uploads are staged,
// and the document has the upload's id. A link to a whole file stays good, so that what
// is written under it has a place of its own.
func (t ticket) key() string {
	if t.inParts() {
		return command.StagingPath(t.Tenant, t.Upload)
	}
	return command.DirectPrefix(t.Tenant) + t.Upload.String()
}

// document returns the id of the document that an attempt to complete the upload makes.
func (t ticket) document() (uuid.UUID, error) {
	if t.inParts() {
		return t.Upload, nil
	}
	id, err := uuid.NewV7()
	if err != nil {
		return id, fmt.Errorf("draw a document id: %w", err)
	}
	return id, nil
}

func (a *API) seal(t ticket) (string, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("encode a ticket: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(a.tickets.Seal(nil, nil, text, nil)), nil
}

// open returns the ticket of an upload's id, unless that was not made here, for
// somebody else, or too long ago.
func (a *API) open(id string, by command.Access, tenant uuid.UUID) (ticket, error) {
	var t ticket
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(id)
	if err != nil {
		return t, errNoRoute()
	}
	text, err := a.tickets.Open(nil, nil, sealed, nil)
	if err != nil {
		return t, errNoRoute()
	}
	if err := json.Unmarshal(text, &t); err != nil {
		return t, fmt.Errorf("decode a ticket: %w", err)
	}
	if t.Tenant != tenant || t.User != by.UserID || time.Now().Unix() >= t.Expires {
		return t, errNoRoute()
	}
	return t, nil
}
