package proof

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Key signs checkpoints.
type Key struct {
	note.Signer

	public string
}

// errKey never repeats the text, which is secret.
var errKey = errors.New("must be a note signer key, PRIVATE+KEY+name+hash+key; make one with: cartulary audit newkey")

// ParseKey reads a signing key as [note.NewSigner] has it.
func ParseKey(text string) (Key, error) {
	signer, err := note.NewSigner(text)
	if err != nil {
		return Key{}, errKey
	}
	fields := strings.Split(text, "+")
	// PRIVATE+KEY+name+hash+base64, which may hold pluses itself.
	const afterHash = 4
	secret, err := base64.StdEncoding.DecodeString(strings.Join(fields[afterHash:], "+"))
	const algorithm = 1 // the byte before the seed; Ed25519
	if err != nil || len(secret) != 1+ed25519.SeedSize || secret[0] != algorithm {
		return Key{}, errKey
	}
	private := ed25519.NewKeyFromSeed(secret[1:])
	half, ok := private.Public().(ed25519.PublicKey)
	if !ok {
		return Key{}, errKey
	}
	public, err := note.NewEd25519VerifierKey(signer.Name(), half)
	if err != nil {
		return Key{}, fmt.Errorf("public key: %w", err)
	}
	return Key{Signer: signer, public: public}, nil
}

// Public returns the public key, as [ParseKeys] reads it.
func (k Key) Public() string { return k.public }
