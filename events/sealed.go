package events

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
)

// Key encrypts the personal data of one person (AES-256).
type Key [32]byte

// NewKey draws a key from the system's random source.
func NewKey() Key {
	var k Key
	_, _ = rand.Read(k[:]) // never fails: crypto/rand aborts the program instead
	return k
}

// ErrErased says that sealed data can't be opened because its subject's key is
// gone.
var ErrErased = errors.New("personal data erased")

// Sealed is personal data of one person, encrypted under that person's key
// (AES-256-GCM, random nonce in front, the subject's id as additional data).
type Sealed struct {
	Ciphertext []byte    `json:"ciphertext"` // the nonce first
	Subject    uuid.UUID `json:"subject"`    // the user whose key it is
}

// Seal encrypts v, as JSON, for its subject.
func Seal(key Key, subject uuid.UUID, v any) (Sealed, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return Sealed{}, fmt.Errorf("seal personal data: %w", err)
	}
	aead, err := newAEAD(key)
	if err != nil {
		return Sealed{}, err
	}
	return Sealed{Subject: subject, Ciphertext: aead.Seal(nil, nil, plain, subject[:])}, nil
}

// Open decrypts s into v.
func (s Sealed) Open(key Key, v any) error {
	aead, err := newAEAD(key)
	if err != nil {
		return err
	}
	plain, err := aead.Open(nil, nil, s.Ciphertext, s.Subject[:])
	if err != nil {
		return fmt.Errorf("open personal data of %s: %w", s.Subject, err)
	}
	if err := json.Unmarshal(plain, v); err != nil {
		return fmt.Errorf("open personal data of %s: %w", s.Subject, err)
	}
	return nil
}

// AppendJSON appends the canonical bytes of s.
func (s Sealed) AppendJSON(b []byte) []byte {
	b = append(b, `{"ciphertext":"`...)
	b = base64.StdEncoding.AppendEncode(b, s.Ciphertext)
	b = append(b, `","subject":"`...)
	b = appendUUID(b, s.Subject)
	return append(b, `"}`...)
}

func newAEAD(key Key) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("personal data key: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Keys holds the keys of the persons that a batch of events speaks of. A person
// who is missing has been erased.
type Keys map[uuid.UUID]Key

// Open decrypts s into v; [ErrErased] if the subject's key is gone.
func (k Keys) Open(s Sealed, v any) error {
	key, ok := k[s.Subject]
	if !ok {
		return fmt.Errorf("%w: %s", ErrErased, s.Subject)
	}
	return s.Open(key, v)
}

// Person is what a person's profile holds. It stands in events only [Sealed].
type Person struct {
	Email     string `json:"email"` // normalised
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
}

// Origin is where a request came from. It is personal data of who sent it. It stands in events only [Sealed].
type Origin struct {
	Address   string `json:"address"` // IP address
	UserAgent string `json:"user_agent"`
}
