package query

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Cursor is the last row of a page: the next page starts after it.
type Cursor struct {
	At time.Time // UTC, microseconds
	ID uuid.UUID
}

// ErrBadCursor says that a text is not one that [Cursor.String] returned.
var ErrBadCursor = errors.New("bad cursor")

const (
	cursorVersion = 1
	cursorSize    = 1 + 8 + 16 // version, microseconds since 1970 (big endian), id
)

// Cursors hold times of the years 1 to 9999, in microseconds since 1970:
// PostgreSQL can store them and JSON can spell them.
const (
	cursorOldest = -62_135_596_800_000_000
	cursorNewest = 253_402_300_800_000_000 - 1
)

// String returns the cursor as opaque text: base64url without padding, 34
// characters. [ParseCursor] reads it.
func (c Cursor) String() string {
	b := make([]byte, 0, cursorSize)
	b = append(b, cursorVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(c.At.UnixMicro()))
	b = append(b, c.ID[:]...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseCursor reads what [Cursor.String] returned; anything else is
// [ErrBadCursor]. Each cursor has exactly one text.
func ParseCursor(text string) (Cursor, error) {
	if len(text) != base64.RawURLEncoding.EncodedLen(cursorSize) {
		return Cursor{}, fmt.Errorf("%w: wrong length", ErrBadCursor)
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != cursorSize {
		return Cursor{}, fmt.Errorf("%w: not base64url", ErrBadCursor)
	}
	if b[0] != cursorVersion {
		return Cursor{}, fmt.Errorf("%w: unknown version", ErrBadCursor)
	}
	micros := int64(binary.BigEndian.Uint64(b[1:9])) //nolint:gosec // the same 64 bits, written as unsigned
	if micros < cursorOldest || micros > cursorNewest {
		return Cursor{}, fmt.Errorf("%w: time out of range", ErrBadCursor)
	}
	return Cursor{At: time.UnixMicro(micros).UTC(), ID: uuid.UUID(b[9:])}, nil
}
