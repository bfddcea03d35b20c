package events

import (
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// Stranger returns the subject of what is sealed about those whom nobody knows, such as
// who tried to sign in with an address that no account has: one for each day (UTC), with
// a key of its own. Who they are can't be told, so that none of them can be forgotten
// alone; all of a day are, when the day's key is destroyed. It is a UUID of version 8 that
// no user has, and subjects of later days are greater.
func Stranger(at time.Time) uuid.UUID {
	id := uuid.UUID{6: 0x80, 8: 0x80, 9: 1}
	binary.BigEndian.PutUint32(id[12:], uint32(max(at.Unix(), 0)/(24*60*60))) //nolint:gosec // days fit for 11 million years
	return id
}
