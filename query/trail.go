package query

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Entry is a row of trail, in a tenant's own database: one event.
type Entry struct {
	Seq           int64      `db:"seq"`
	EventID       uuid.UUID  `db:"event_id"`
	EventType     string     `db:"event_type"`
	StreamKind    string     `db:"stream_kind"`
	StreamID      uuid.UUID  `db:"stream_id"`
	StreamVersion int64      `db:"stream_version"`
	UserID        *uuid.UUID `db:"user_id"` // nil: the platform itself
	CommandID     uuid.UUID  `db:"command_id"`
	RequestID     string     `db:"request_id"`
	TraceParent   string     `db:"traceparent"`
	Origin        []byte     `db:"origin"` // JSON, sealed under UserID's key; nil if not known
	At            time.Time  `db:"at"`
	Data          []byte     `db:"data"` // JSON
}

func (e *Entry) toUTC() { e.At = e.At.UTC() }

// TrailFilter says which events are asked for. What is nil or empty asks for all.
type TrailFilter struct {
	Actor    *uuid.UUID
	Type     string
	Document *uuid.UUID
	From     *time.Time // recorded then or later
	To       *time.Time // recorded before
	Oldest   bool       // begin with the oldest; else with the newest
}

// TrailPage asks for part of a trail.
type TrailPage struct {
	Limit int
	After int64 // sequence number of the last row of the page before; 0 for the first page
}

const trailColumns = `seq, event_id, event_type, stream_kind, stream_id, stream_version, user_id,
	command_id, request_id, traceparent, origin, at, data`

// Trail returns up to limit events that fit a filter, those after p.After in the
// filter's order. Events are recorded in the order of their times, so that a time
// is a place in the sequence.
func Trail(ctx context.Context, db DB, f TrailFilter, p TrailPage) ([]Entry, error) {
	var (
		args       []any
		conditions []string
	)
	where := func(condition string, arg any) {
		args = append(args, arg)
		conditions = append(conditions, strings.ReplaceAll(condition, "?", "$"+strconv.Itoa(len(args))))
	}
	order, after := "desc", "seq < ?"
	if f.Oldest {
		order, after = "asc", "seq > ?"
	}
	if p.After > 0 {
		where(after, p.After)
	}
	if f.Actor != nil {
		where("user_id = ?", *f.Actor)
	}
	if f.Type != "" {
		where("event_type = ?", f.Type)
	}
	if f.Document != nil {
		where(`seq in (
			select seq from trail where stream_id = ?
			union all select seq from trail where stream_kind = 'access' and data ->> 'document_id' = ?::uuid::text
			union all select seq from trail where event_type in ('document.hold_placed', 'document.hold_released')
				and data ->> 'document_id' = ?::uuid::text)`, *f.Document)
	}
	if f.From != nil {
		where(`seq >= (select seq from trail where at >= ? order by at, seq limit 1)`, *f.From)
	}
	if f.To != nil {
		where(`seq < coalesce((select seq from trail where at >= ? order by at, seq limit 1), 9223372036854775807)`, *f.To)
	}
	sql := "select " + trailColumns + " from trail"
	if len(conditions) > 0 {
		sql += " where " + strings.Join(conditions, " and ")
	}
	args = append(args, p.Limit)
	return many[Entry](ctx, db, "trail", fmt.Sprintf("%s order by seq %s limit $%d", sql, order, len(args)), args...)
}

// DocumentHistory returns up to p.Limit events of a document and of its bytes, oldest
// first; none if there never was such a document.
func DocumentHistory(ctx context.Context, db DB, document uuid.UUID, p TrailPage) ([]Entry, error) {
	return many[Entry](ctx, db, "history of a document", `
		with own as (
			select seq, event_type, data from trail where stream_id = $1 and stream_kind = 'document'
		)
		select `+trailColumns+` from trail
		where seq > $2 and seq in (
			select seq from own
			union all
			select seq from trail where stream_kind = 'access' and data ->> 'document_id' = $1::uuid::text
			union all
			select seq from trail where event_type in ('document.hold_placed', 'document.hold_released')
				and data ->> 'document_id' = $1::uuid::text
			union all
			select f.seq from own
			join trail f on f.stream_id = (own.data ->> 'file_id')::uuid
				and (not f.data ? 'document_id' or f.data ->> 'document_id' = $1::uuid::text)
			where own.event_type = 'document.uploaded')
		order by seq limit $3`, document, p.After, p.Limit)
}

// TrailCursor returns the text that asks for what comes after a sequence number in
// the same list: with another filter or order it is [ErrBadCursor].
func TrailCursor(list string, after int64) string {
	b := make([]byte, 0, trailCursorSize)
	b = append(b, trailCursorVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(after)) //nolint:gosec // never negative
	b = binary.BigEndian.AppendUint32(b, listHash(list))
	return base64.RawURLEncoding.EncodeToString(b)
}

const (
	trailCursorVersion = 2 // other lists have 1
	trailCursorSize    = 1 + 8 + 4
)

// ParseTrailCursor reads what [TrailCursor] returned for the same list.
func ParseTrailCursor(list, text string) (after int64, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != trailCursorSize || b[0] != trailCursorVersion {
		return 0, fmt.Errorf("%w: not one of the trail", ErrBadCursor)
	}
	seq := binary.BigEndian.Uint64(b[1:9])
	if seq == 0 || seq > math.MaxInt64 {
		return 0, fmt.Errorf("%w: out of range", ErrBadCursor)
	}
	if binary.BigEndian.Uint32(b[9:]) != listHash(list) {
		return 0, fmt.Errorf("%w: of another list", ErrBadCursor)
	}
	return int64(seq), nil
}

func listHash(list string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(list)) // never fails
	return h.Sum32()
}

// String tells filters apart: equal filters have equal texts.
func (f TrailFilter) String() string {
	return fmt.Sprintf("%s|%s|%s|%s|%s|%t",
		text(f.Actor), f.Type, text(f.Document), text(f.From), text(f.To), f.Oldest)
}

func text[T fmt.Stringer](v *T) string {
	if v == nil {
		return ""
	}
	return (*v).String()
}

// Name is how a user is called.
type Name struct {
	ID        uuid.UUID `db:"id"`
	FirstName string    `db:"first_name"`
	LastName  string    `db:"last_name"`
}

func (*Name) toUTC() {}

// Names returns how those users are called who are known and not erased. It asks
// the main database.
func Names(ctx context.Context, db DB, users []uuid.UUID) (map[uuid.UUID]string, error) {
	list, err := many[Name](ctx, db, "names of users",
		`select id, first_name, last_name from users where id = any($1) and is_active`, users)
	names := make(map[uuid.UUID]string, len(list))
	for _, n := range list {
		names[n.ID] = n.FirstName + " " + n.LastName
	}
	return names, err
}
