package proof

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// DefaultName is the name of a key that is drawn where none was configured.
const DefaultName = "cartulary"

// maxNote is the longest checkpoint, in bytes, that is read.
const maxNote = 4 << 10

// Checkpoint says what a ledger held at some time: its first Size events, whose
// tree has the given root.
type Checkpoint struct {
	Origin string // see [Origin]
	Size   int64  // events, at least 1
	Root   tlog.Hash
}

// Signed is a checkpoint as it is kept.
type Signed struct {
	Ledger uuid.UUID
	Size   int64
	Root   tlog.Hash
	Note   []byte // the signed note
	At     time.Time
}

// Tree returns the tree that the checkpoint speaks of.
func (s Signed) Tree() tlog.Tree { return tlog.Tree{N: s.Size, Hash: s.Root} }

// Errors of those who keep checkpoints.
var (
	// ErrNotSigned says that there is no checkpoint of what was asked for.
	ErrNotSigned = errors.New("there is no such checkpoint")
	// ErrNoEvent says that a ledger holds no such event.
	ErrNoEvent = errors.New("there is no such event")
)

// Origin returns the first line of a ledger's checkpoints: the name of the key that
// signs them and the ledger's id.
func Origin(name string, ledger uuid.UUID) string { return name + "/" + ledger.String() }

// Ledger returns the ledger that the checkpoint speaks of.
func (c Checkpoint) Ledger() (uuid.UUID, error) {
	_, id := cutLast(c.Origin, "/")
	ledger, err := uuid.Parse(id)
	if err != nil || ledger.String() != id {
		return uuid.Nil, fmt.Errorf("checkpoint: the origin %q does not end with a ledger's id", c.Origin)
	}
	return ledger, nil
}

func cutLast(s, sep string) (before, after string) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i+len(sep):]
}

// text returns the note's text: origin, size and root, a line each.
func (c Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// Sign returns the checkpoint as a signed note.
func (c Checkpoint) Sign(signer note.Signer) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: c.text()}, signer)
	if err != nil {
		return nil, fmt.Errorf("sign checkpoint: %w", err)
	}
	return signed, nil
}

// OpenCheckpoint reads a signed note. It fails unless one of the keys signed it,
// and its origin is that of the key's name.
func OpenCheckpoint(signed []byte, keys Keys) (Checkpoint, error) {
	if len(signed) > maxNote {
		return Checkpoint{}, fmt.Errorf("checkpoint: longer than %d bytes", maxNote)
	}
	opened, err := note.Open(signed, keys)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w", err)
	}
	c, err := parseCheckpoint(opened.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	name, _ := cutLast(c.Origin, "/")
	for _, s := range opened.Sigs {
		if s.Name == name {
			return c, nil
		}
	}
	return Checkpoint{}, fmt.Errorf("checkpoint: the key that signed it does not speak for %q", c.Origin)
}

// parseCheckpoint reads exactly what text writes.
func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return Checkpoint{}, errors.New("checkpoint: the text must be three lines: origin, size, root")
	}
	c := Checkpoint{Origin: lines[0]}
	var err error
	if c.Size, err = strconv.ParseInt(lines[1], 10, 64); err != nil || c.Size < 1 {
		return Checkpoint{}, fmt.Errorf("checkpoint: the size %q must be a number from 1", lines[1])
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return Checkpoint{}, errors.New("checkpoint: the root must be 32 bytes in base64")
	}
	copy(c.Root[:], root)
	if c.text() != text {
		return Checkpoint{}, errors.New("checkpoint: it is not spelled as it must be")
	}
	if _, err := c.Ledger(); err != nil {
		return Checkpoint{}, err
	}
	return c, nil
}

// Keys are public keys that are trusted.
type Keys []note.Verifier

// ParseKeys reads public keys as [note.NewVerifier] has them: name+hash+key.
func ParseKeys(texts ...string) (Keys, error) {
	keys := make(Keys, len(texts))
	for i, text := range texts {
		key, err := note.NewVerifier(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("public key %q: %w; it looks like name+1a2b3c4d+AbC…", text, err)
		}
		keys[i] = key
	}
	return keys, nil
}

// Verifier implements [note.Verifiers].
func (k Keys) Verifier(name string, hash uint32) (note.Verifier, error) {
	for _, v := range k {
		if v.Name() == name && v.KeyHash() == hash {
			return v, nil
		}
	}
	return nil, &note.UnknownVerifierError{Name: name, KeyHash: hash}
}

// DrawKey draws a signing key, as text, from the system's randomness.
func DrawKey() (string, error) {
	private, _, err := note.GenerateKey(rand.Reader, DefaultName)
	if err != nil {
		return "", fmt.Errorf("draw a signing key: %w", err)
	}
	return private, nil
}
