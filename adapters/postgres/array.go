package postgres

import (
	"encoding/binary"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// array is a one-dimensional PostgreSQL array in binary format, built in place
// and reused from batch to batch.
type array struct {
	buf []byte
	n   uint32
}

// arrayHeader is dimensions, has-null flag, element type, length, lower bound.
const arrayHeader = 20

// postgresEpoch is 2000-01-01 in microseconds of Unix time.
const postgresEpoch = 946_684_800_000_000

func (a *array) reset(element uint32) {
	a.n = 0
	a.buf = binary.BigEndian.AppendUint32(a.buf[:0], 1)
	a.buf = binary.BigEndian.AppendUint32(a.buf, 0)
	a.buf = binary.BigEndian.AppendUint32(a.buf, element)
	a.buf = binary.BigEndian.AppendUint32(a.buf, 0)
	a.buf = binary.BigEndian.AppendUint32(a.buf, 1)
}

func (a *array) uuid(v uuid.UUID) {
	a.n++
	a.buf = binary.BigEndian.AppendUint32(a.buf, 16)
	a.buf = append(a.buf, v[:]...)
}

func (a *array) int64(v int64) {
	a.n++
	a.buf = binary.BigEndian.AppendUint32(a.buf, 8)
	a.buf = binary.BigEndian.AppendUint64(a.buf, uint64(v)) //nolint:gosec // two's complement is the wire format
}

func (a *array) time(v time.Time) { a.int64(v.UnixMicro() - postgresEpoch) }

func (a *array) bytes(v []byte) {
	a.n++
	a.buf = binary.BigEndian.AppendUint32(a.buf, uint32(len(v))) //nolint:gosec // bounded by maxBatchBytes
	a.buf = append(a.buf, v...)
}

func (a *array) text(v string) {
	a.n++
	a.buf = binary.BigEndian.AppendUint32(a.buf, uint32(len(v))) //nolint:gosec // bounded by maxBatchBytes
	a.buf = append(a.buf, v...)
}

// value returns the array's bytes, valid until the next call of any method.
func (a *array) value() []byte {
	binary.BigEndian.PutUint32(a.buf[arrayHeader-8:], a.n)
	return a.buf
}

func resetAll(element uint32, arrays ...*array) {
	for _, a := range arrays {
		a.reset(element)
	}
}

func readInt64(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) } //nolint:gosec // see int64

func readTime(b []byte) time.Time { return time.UnixMicro(readInt64(b) + postgresEpoch).UTC() }

// Element types of the arrays in use.
const (
	oidUUID  = pgtype.UUIDOID
	oidInt8  = pgtype.Int8OID
	oidTime  = pgtype.TimestamptzOID
	oidText  = pgtype.TextOID
	oidBytea = pgtype.ByteaOID
)
