package command

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// Ledger is the port to the ledgers. One contract suite
// (command/ledgertest) runs on every implementation.
type Ledger interface {
	// Load returns the events of the given streams of one ledger, each stream's
	// in version order; a stream that does not exist has none. The result is
	// keyed by stream id.
	Load(ctx context.Context, ledger uuid.UUID, streams ...uuid.UUID) (map[uuid.UUID][]events.Recorded, error)

	// Append records one command's changes: all of them or none.
	//
	// When the command's id was appended before with the same fingerprint, it
	// changes nothing and returns the first receipt with Replayed set; with
	// another fingerprint it fails with [ErrCommandReused]. When a change's
	// Expected is not its stream's version, it fails with [ErrConflict].
	Append(ctx context.Context, a Append) (Receipt, error)

	// Find returns the receipt, with Replayed set, of a keyed command that was
	// appended before; false if there is none. It fails with [ErrCommandReused]
	// when the fingerprint is another.
	Find(ctx context.Context, ledger, id uuid.UUID, fingerprint [32]byte) (Receipt, bool, error)
}

// Append is what one command adds to one ledger.
type Append struct {
	Ledger  uuid.UUID
	Meta    Meta
	Changes []Change
	Origin  *events.Sealed // where the command came from, for its events; may be nil

	// Outcome renders what a retry of a keyed command will be answered. It is
	// called by the ledger with a receipt that lacks only its own Outcome: again,
	// with another, when the command could not be appended there after all. The
	// last one counts. It may be nil.
	Outcome func(Receipt) []byte
}

// Change is what one command adds to one stream.
type Change struct {
	Stream   events.Stream
	Expected int64          // the stream's version before the change; 0 if it must be new
	Events   []events.Event // none if the stream must only be at that version
}

// Meta is who and what caused a command.
type Meta struct {
	ID          uuid.UUID // the command's id
	Keyed       bool      // ID derives from an idempotency key: remember the outcome
	Fingerprint [32]byte  // SHA-256 of the command's payload; used when Keyed
	IfMatch     *Match    // versions of what the command changes; nil for any, or none
	Actor       uuid.UUID // the user who asks; uuid.Nil for the platform itself
	RequestID   string
	TraceParent string
	Origin      events.Origin // where the request came from; zero for the platform itself

	stranger uuid.UUID // whose key seals Origin though nobody is the actor; see [events.Stranger]
}

// Receipt says where an append ended up.
type Receipt struct {
	Ledger   uuid.UUID
	Seq      int64     // of the last event appended; of the head if there was none
	At       time.Time // of the events appended; the time of the append if there was none
	Outcome  []byte
	Replayed bool // the command had been appended before
}

// Errors of [Ledger.Append].
var (
	ErrConflict      = errors.New("a stream is not at the expected version")
	ErrCommandReused = errors.New("the command id was used before with another payload")
	ErrUncertain     = errors.New("the append may or may not have been committed")
)
