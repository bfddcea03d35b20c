package proof

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// Row is an event as it is kept.
type Row struct {
	Seq     int64    // by its place
	Columns *Columns // that stand beside the body; nil if nothing does
	Body    []byte
}

// Columns repeat some of an event's body.
type Columns struct {
	Null          bool // one of them, or the body, is NULL; the others are not set then
	StreamID      uuid.UUID
	StreamVersion int64
	EventID       uuid.UUID
	Type          string
	At            time.Time
	TraceParent   string
}

// timeLayout is how events spell times: UTC, six digits of a second.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// reader reads rows. It belongs to one goroutine.
type reader struct {
	ledger uuid.UUID
	copy   []byte
	text   []byte
}

// check returns what is wrong with a row by itself: bytes that are not canonical, or a
// body that disagrees with its place or its columns. It returns the event's time.
func (r *reader) check(row Row) (at, reason string) {
	if row.Columns != nil && row.Columns.Null {
		return "", "one of its columns is empty"
	}
	f, ok := plain(row.Body)
	if !ok {
		if f, reason = r.read(row.Body); reason != "" {
			return "", reason
		}
	} else if err := f.complete(); err != nil {
		return "", err.Error()
	}
	return string(f[timestamp]), r.compare(row, f)
}

// read returns the fields of a body, having brought it to its canonical form to
// compare it with that.
func (r *reader) read(body []byte) (f fields, reason string) {
	r.copy = append(r.copy[:0], body...)
	value := jsontext.Value(r.copy)
	if err := value.Canonicalize(jsontext.CanonicalizeRawInts(false)); err != nil {
		return f, fmt.Sprintf("the body is no JSON: %v", err)
	}
	if !bytes.Equal(value, body) {
		return f, "the body is not canonical (RFC 8785)"
	}
	f, err := scan(body)
	if err != nil {
		return f, err.Error()
	}
	return f, ""
}

// compare returns which field of a row's body disagrees.
func (r *reader) compare(row Row, f fields) string {
	if reason := r.differs(f, seq, strconv.AppendInt(r.text[:0], row.Seq, 10), "its place"); reason != "" {
		return reason
	}
	if reason := r.differs(f, tenantID, r.id(r.ledger), "its ledger"); reason != "" {
		return reason
	}
	c := row.Columns
	if c == nil {
		return ""
	}
	const column = "its column"
	if reason := r.differs(f, streamID, r.id(c.StreamID), column); reason != "" {
		return reason
	}
	if reason := r.differs(f, streamVersion, strconv.AppendInt(r.text[:0], c.StreamVersion, 10), column); reason != "" {
		return reason
	}
	if reason := r.differs(f, eventID, r.id(c.EventID), column); reason != "" {
		return reason
	}
	if reason := r.differs(f, eventType, append(r.text[:0], c.Type...), column); reason != "" {
		return reason
	}
	if reason := r.differs(f, timestamp, c.At.UTC().AppendFormat(r.text[:0], timeLayout), column); reason != "" {
		return reason
	}
	return r.differs(f, traceParent, r.quoted(c.TraceParent), column)
}

func (r *reader) differs(f fields, name field, want []byte, of string) string {
	r.text = want
	if bytes.Equal(f[name], want) {
		return ""
	}
	return fmt.Sprintf("the body says %s %.80s, %s %.80s", names[name], f[name], of, want)
}

func (r *reader) id(id uuid.UUID) []byte {
	text := hex.AppendEncode(r.text[:0], id[:4])
	for i := 4; i < 10; i += 2 {
		text = append(text, '-')
		text = hex.AppendEncode(text, id[i:i+2])
	}
	return hex.AppendEncode(append(text, '-'), id[10:])
}

// quoted returns a string as JSON has it, without the quotes.
func (r *reader) quoted(s string) []byte {
	quoted, _ := jsontext.AppendQuote(r.text[:0], s) // what is not UTF-8 is replaced
	return quoted[1 : len(quoted)-1]
}

// field is a member of an event's body that is compared.
type field int

const (
	seq field = iota
	tenantID
	streamID
	streamVersion
	eventID
	eventType
	timestamp
	traceParent
	fieldCount
)

// fields are members' values, strings without their quotes.
type fields [fieldCount][]byte

// names are the fields' names.
var names = [fieldCount]string{
	"seq", "tenant_id", "stream_id", "stream_version", "event_id", "event_type", "timestamp", "traceparent",
}

// scan finds the fields of a body that is canonical JSON: no spaces, no duplicates.
func scan(body []byte) (fields, error) {
	var f fields
	if len(body) < 2 || body[0] != '{' {
		return f, errors.New("the body is no object")
	}
	for i := 1; i < len(body) && body[i] == '"'; {
		end := endOf(body, i)
		name := body[i+1 : end-1]
		value := end + 1 // behind the colon
		i = endOf(body, value)
		f.note(name, body[value:i])
		if i < len(body) && body[i] == ',' {
			i++
		}
	}
	return f, f.complete()
}

// note keeps a member if it is one of the fields.
func (f *fields) note(name, value []byte) {
	for n, known := range names {
		if string(name) == known {
			f[n] = unquoted(value)
			return
		}
	}
}

// complete returns an error unless all fields are there.
func (f *fields) complete() error {
	for n, v := range f {
		if v == nil {
			return fmt.Errorf("the body has no %s", names[n])
		}
	}
	return nil
}

func unquoted(value []byte) []byte {
	if len(value) >= 2 && value[0] == '"' {
		return value[1 : len(value)-1]
	}
	return value
}

// endOf returns the index behind the JSON value that begins at i.
func endOf(b []byte, i int) int {
	depth := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i // of a number or a name before it
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ':':
			if depth == 0 {
				return i
			}
		}
	}
	return len(b)
}
