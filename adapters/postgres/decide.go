package postgres

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// settle decides one entry against all that came before it, in the ledger and in
// the batch. What it refuses leaves no trace.
func (b *batch) settle(k *book, e *entry) (command.Receipt, error) {
	meta := e.append.Meta
	key := address{k.id, meta.ID}
	if meta.Keyed {
		if known, ok := b.known[key]; ok {
			if known.fingerprint != meta.Fingerprint {
				return command.Receipt{}, command.ErrCommandReused
			}
			return known.receipt, nil
		}
	}
	if err := b.advance(k, e); err != nil {
		return command.Receipt{}, err
	}
	receipt := command.Receipt{Ledger: k.id, Seq: k.seq + int64(len(e.events)), At: k.at}
	outcome, err := render(e.append.Outcome, receipt)
	if err != nil {
		b.retreat(k, e, len(e.append.Changes))
		return command.Receipt{}, err
	}
	receipt.Outcome = outcome
	b.record(k, e)
	if meta.Keyed {
		replay := receipt
		replay.Replayed = true
		b.known[key] = knownCommand{fingerprint: meta.Fingerprint, receipt: replay}
		b.remember(e, receipt)
	}
	return receipt, nil
}

// advance moves the versions of e's streams, or none of them if one is not where
// e expects it.
func (b *batch) advance(k *book, e *entry) error {
	for i, change := range e.append.Changes {
		at := address{k.id, change.Stream.ID}
		version, known := b.versions[at]
		if !known && b.assuming {
			version = change.Expected
			b.versions[at] = version
			b.assume(at, version)
		}
		if version != change.Expected {
			b.retreat(k, e, i)
			return fmt.Errorf("%w: stream %s is at version %d, not %d",
				command.ErrConflict, change.Stream.ID, version, change.Expected)
		}
		b.versions[at] = version + int64(len(change.Events))
	}
	return nil
}

// retreat takes back what advance did for the first n changes.
func (b *batch) retreat(k *book, e *entry, n int) {
	for _, change := range e.append.Changes[:n] {
		b.versions[address{k.id, change.Stream.ID}] -= int64(len(change.Events))
	}
}

// render calls the command's own code, which must not take the writer down.
func render(outcome func(command.Receipt) []byte, receipt command.Receipt) (_ []byte, err error) {
	if outcome == nil {
		return nil, nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("render outcome: panic: %v", p)
		}
	}()
	return outcome(receipt), nil
}

// record gives e's events their places and adds them to what is written.
func (b *batch) record(k *book, e *entry) {
	meta := e.append.Meta
	next := 0
	for _, change := range e.append.Changes {
		for i, event := range change.Events {
			t := event.EventType()
			r := events.Recorded{
				ID: e.events[next].id, Ledger: k.id, Seq: k.seq + 1,
				Stream: change.Stream, StreamVersion: change.Expected + int64(i) + 1,
				Type: t, SchemaVersion: events.SchemaVersion(t),
				Actor: meta.Actor, CommandID: meta.ID, RequestID: meta.RequestID,
				TraceParent: meta.TraceParent, Origin: e.append.Origin, At: k.at, Data: e.events[next].data,
			}
			if !k.grown() {
				k.first = r.ID
			}
			if b.witness.seq == 0 {
				b.witness = witness{ledger: k.id, seq: r.Seq, id: r.ID}
			}
			body := events.Encode(r)
			k.append(body)
			b.eventLedger.uuid(k.id)
			b.eventSeq.int64(r.Seq)
			b.eventStream.uuid(r.Stream.ID)
			b.eventVersion.int64(r.StreamVersion)
			b.eventID.uuid(r.ID)
			b.eventType.text(string(t))
			b.eventAt.time(r.At)
			b.eventTrace.text(r.TraceParent)
			b.eventBody.bytes(body)
			next++
		}
	}
}

// remember adds a keyed command's outcome to what is written.
func (b *batch) remember(e *entry, receipt command.Receipt) {
	if b.witness.id == uuid.Nil {
		b.witness = witness{ledger: receipt.Ledger, id: e.append.Meta.ID, command: receipt.At}
	}
	b.commandLedger.uuid(receipt.Ledger)
	b.commandID.uuid(e.append.Meta.ID)
	b.commandPrint.bytes(e.append.Meta.Fingerprint[:])
	b.commandLastSeq.int64(receipt.Seq)
	b.commandAt.time(receipt.At)
	b.commandOutcome.bytes(receipt.Outcome)
}
