package events

import (
	"time"

	"github.com/google/uuid"
)

// Message is an event between ledger and reader: its canonical bytes, still
// undecoded, with what is needed to route it and to fill its headers.
type Message struct {
	ID          uuid.UUID
	Ledger      uuid.UUID
	Seq         int64
	StreamID    uuid.UUID
	Type        Type
	At          time.Time
	TraceParent string
	Body        []byte // see [Decode]
}
