package query

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// ErrBadCursor says that a text is not the cursor of a page of the same list, with
// the same filter and order.
var ErrBadCursor = errors.New("bad cursor")

// keyKind is what a list is ordered by.
type keyKind byte

const (
	byTime keyKind = iota // microseconds
	byNumber
	byText
)

// sqlType is how a key of the kind is given to PostgreSQL.
func (k keyKind) sqlType() string {
	switch k {
	case byNumber:
		return "bigint"
	case byText:
		return "text"
	default:
		return "timestamptz"
	}
}

// position is a row of a list: where a page ended.
type position struct {
	key any // time.Time, int64 or string
	id  uuid.UUID
}

const (
	cursorVersion = 3
	cursorHead    = 1 + 4 + 16 // version, the list's hash, id; the key follows
	maxCursorKey  = 4 << 10    // bytes
)

// Cursors hold times of the years 1 to 9999, in microseconds since 1970:
// PostgreSQL can store them and JSON can spell them.
const (
	cursorOldest = -62_135_596_800_000_000
	cursorNewest = 253_402_300_800_000_000 - 1
)

// cursor returns the text that asks for what comes after p in a list: base64url
// without padding. [parseCursor] reads it.
func (p position) cursor(list string) string {
	b := make([]byte, 0, cursorHead+8)
	b = append(b, cursorVersion)
	b = binary.BigEndian.AppendUint32(b, listHash(list))
	b = append(b, p.id[:]...)
	switch key := p.key.(type) {
	case time.Time:
		b = binary.BigEndian.AppendUint64(b, uint64(key.UnixMicro()))
	case int64:
		b = binary.BigEndian.AppendUint64(b, uint64(key)) //nolint:gosec // the same 64 bits
	case string:
		b = append(b, key...)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// parseCursor reads what [position.cursor] returned for the same list; anything
// else is [ErrBadCursor]. Each position has exactly one text.
func parseCursor(list string, kind keyKind, text string) (position, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	switch {
	case err != nil || strings.ContainsAny(text, "\r\n"):
		return position{}, fmt.Errorf("%w: not base64url", ErrBadCursor)
	case len(b) < cursorHead || len(b) > cursorHead+maxCursorKey || b[0] != cursorVersion:
		return position{}, fmt.Errorf("%w: not a cursor of this version", ErrBadCursor)
	case binary.BigEndian.Uint32(b[1:5]) != listHash(list):
		return position{}, fmt.Errorf("%w: of another list, filter or order", ErrBadCursor)
	}
	key, err := parseKey(kind, b[cursorHead:])
	return position{key: key, id: uuid.UUID(b[5:cursorHead])}, err
}

func parseKey(kind keyKind, b []byte) (any, error) {
	if kind == byText {
		if !utf8.Valid(b) || strings.ContainsRune(string(b), 0) {
			return nil, fmt.Errorf("%w: not text", ErrBadCursor)
		}
		return string(b), nil
	}
	if len(b) != 8 {
		return nil, fmt.Errorf("%w: wrong length", ErrBadCursor)
	}
	n := int64(binary.BigEndian.Uint64(b)) //nolint:gosec // the same 64 bits, written as unsigned
	if kind == byNumber {
		return n, nil
	}
	if n < cursorOldest || n > cursorNewest {
		return nil, fmt.Errorf("%w: time out of range", ErrBadCursor)
	}
	return time.UnixMicro(n).UTC(), nil
}
