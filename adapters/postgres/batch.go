package postgres

import (
	"bytes"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
)

// batch is what one transaction is about: the entries, what the ledgers know of
// them, and what is to be written. It is reused from transaction to transaction.
type batch struct {
	lanes   []*lane // where the entries were taken from
	entries []*entry
	replies []reply // of entries; sent after the commit
	bytes   int
	books   []*book // the ledgers concerned, by id
	byID    map[uuid.UUID]*book
	witness witness // of what is written, if anything is

	assuming bool      // versions are taken to be as expected; see assume
	streams  []address // distinct
	versions map[address]int64
	keys     []address // distinct
	known    map[address]knownCommand

	ids                                                    array // for heads
	assumedLedger, assumedStream, assumedVersion           array
	headBefore, headAtBefore, headFirst                    array
	streamLedgers, streamIDs, keyLedgers, keyIDs           array
	eventLedger, eventSeq, eventStream, eventVersion       array
	eventID, eventType, eventAt, eventTrace, eventBody     array
	headLedger, headSeq, headAt, headRange                 array
	commandLedger, commandID, commandPrint, commandLastSeq array
	commandAt, commandOutcome                              array
	outboxLedger, outboxFirst, outboxLast                  array
}

// address is a stream or a command of a ledger.
type address struct{ ledger, id uuid.UUID }

// knownCommand is a keyed command that has been appended.
type knownCommand struct {
	fingerprint [32]byte
	receipt     command.Receipt
}

func (b *batch) reset() {
	clear(b.entries) // let go of them
	clear(b.replies)
	b.entries, b.replies, b.bytes = b.entries[:0], b.replies[:0], 0
	clear(b.books)
	clear(b.lanes)
	b.lanes = b.lanes[:0]
	b.books = b.books[:0]
	if b.byID == nil {
		b.byID = make(map[uuid.UUID]*book)
		b.versions = make(map[address]int64)
		b.known = make(map[address]knownCommand)
	}
	clear(b.byID)
}

// add puts an entry into the batch, unless nobody waits for it any more.
func (b *batch) add(e *entry) {
	if e.gone.Load() {
		return
	}
	b.entries = append(b.entries, e)
	b.replies = append(b.replies, reply{})
	b.bytes += e.bytes
	ledger := e.append.Ledger
	if _, ok := b.byID[ledger]; !ok {
		k := &book{id: ledger}
		b.byID[ledger] = k
		b.books = append(b.books, k)
	}
}

// sort orders the books as their heads are locked.
func (b *batch) sort() {
	slices.SortFunc(b.books, func(x, y *book) int { return bytes.Compare(x.id[:], y.id[:]) })
}

// gather lists the streams and keys that the entries name.
func (b *batch) gather() {
	b.assuming = false
	b.streams, b.keys = b.streams[:0], b.keys[:0]
	clear(b.versions)
	clear(b.known)
	for _, e := range b.entries {
		ledger := e.append.Ledger
		for _, change := range e.append.Changes {
			at := address{ledger, change.Stream.ID}
			if _, ok := b.versions[at]; !ok {
				b.versions[at] = 0
				b.streams = append(b.streams, at)
			}
		}
		if e.append.Meta.Keyed {
			b.keys = append(b.keys, address{ledger, e.append.Meta.ID})
		}
	}
}

// lookups is the first round trip.
func (b *batch) lookups(requests []request) []request {
	b.gather()
	b.ids.reset(oidUUID)
	for _, k := range b.books {
		k.found = false
		b.ids.uuid(k.id)
	}
	requests = append(requests,
		request{statement: stmtBegin},
		request{statement: stmtLockHeads, params: [][]byte{b.ids.value()}, row: b.readHead})
	if len(b.keys) > 0 {
		resetAll(oidUUID, &b.keyLedgers, &b.keyIDs)
		for _, at := range b.keys {
			b.keyLedgers.uuid(at.ledger)
			b.keyIDs.uuid(at.id)
		}
		requests = append(requests, request{
			statement: stmtCommands, row: b.readCommand,
			params: [][]byte{b.keyLedgers.value(), b.keyIDs.value()},
		})
	}
	if len(b.streams) > 0 {
		resetAll(oidUUID, &b.streamLedgers, &b.streamIDs)
		for _, at := range b.streams {
			b.streamLedgers.uuid(at.ledger)
			b.streamIDs.uuid(at.id)
		}
		requests = append(requests, request{
			statement: stmtVersions, row: b.readVersion,
			params: [][]byte{b.streamLedgers.value(), b.streamIDs.value()},
		})
	}
	return requests
}

// creation is the first round trip again, creating the heads that were missing.
func (b *batch) creation(requests []request) []request {
	var created array
	created.reset(oidUUID)
	for _, k := range b.books {
		if !k.found {
			created.uuid(k.id)
		}
	}
	requests = append(requests, request{statement: stmtRollback})
	at := len(requests) + 1 // after BEGIN
	requests = b.lookups(requests)
	return slices.Insert(requests, at,
		request{statement: stmtCreateHeads, params: [][]byte{created.value()}})
}

// missing says whether a head was not there to be locked.
func (b *batch) missing() bool {
	return slices.ContainsFunc(b.books, func(k *book) bool { return !k.found })
}

func (b *batch) readHead(columns [][]byte) error {
	k := b.byID[uuid.UUID(columns[0])]
	k.found = true
	return k.open(readInt64(columns[1]), readTime(columns[2]), columns[3])
}

func (b *batch) readCommand(columns [][]byte) error {
	at := b.keys[readInt64(columns[0])-1]
	b.known[at] = knownCommand{
		fingerprint: [32]byte(columns[1]),
		receipt: command.Receipt{
			Ledger: at.ledger, Seq: readInt64(columns[2]), At: readTime(columns[3]),
			Outcome: bytes.Clone(columns[4]), Replayed: true,
		},
	}
	return nil
}

func (b *batch) readVersion(columns [][]byte) error {
	b.versions[b.streams[readInt64(columns[0])-1]] = readInt64(columns[1])
	return nil
}

// decide settles every entry whose book is open and gathers what is to be
// written.
func (b *batch) decide(now time.Time) {
	b.resetWrites()
	b.witness = witness{}
	for _, k := range b.books {
		k.start(now)
	}
	for i, e := range b.entries {
		if k := b.byID[e.append.Ledger]; k.tree != nil {
			b.replies[i].receipt, b.replies[i].err = b.settle(k, e)
		}
	}
	for _, k := range b.books {
		b.closeBook(k)
	}
}
