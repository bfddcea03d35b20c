package check

import (
	"crypto/sha256"
	"encoding/json"
	"slices"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/chaos/journal"
)

// CommandID returns the id under which a ledger records a command, by the rule in
// the API's contract.
func CommandID(ledger, user uuid.UUID, key string) uuid.UUID {
	text := append([]byte("cartulary command\x00"), ledger[:]...)
	text = append(text, user[:]...)
	sum := sha256.Sum256(append(text, key...))
	id := uuid.UUID(sum[:16])
	id[6] = id[6]&0x0f | 0x80 // version 8
	id[8] = id[8]&0x3f | 0x80 // variant of RFC 9562
	return id
}

type commandKey struct{ ledger, command uuid.UUID }

// commands checks I1 and I2: what the journal says against the ledgers' events.
func (f *findings) commands(s Snapshot, decoded []envelope) {
	sets := map[commandKey][]envelope{}
	for _, e := range decoded {
		k := commandKey{e.TenantID, e.CommandID}
		sets[k] = append(sets[k], e)
	}
	known := map[commandKey]bool{}
	last := map[uuid.UUID]string{} // names that documents must have in the end
	for _, op := range s.Journal {
		k := commandKey{op.Tenant, CommandID(op.Tenant, op.User, op.Key)}
		known[k] = true
		set := sets[k]
		switch {
		case len(set) == 0 && op.Ack != nil:
			f.add("I1", Lost, "%s %d was answered %d and is not in ledger %s", op.Kind, op.Op, op.Ack.Status, op.Tenant)
			continue
		case len(set) == 0:
			continue
		}
		document := f.command(op, set)
		if op.Ack != nil && document != op.Ack.Document {
			f.add("I1", Wrong, "%s %d was answered with document %s; the ledger says %s", op.Kind, op.Op, op.Ack.Document, document)
		}
		last[document] = op.Filename
	}
	f.strangers(decoded, known)
	f.names(decoded, last)
}

// command checks that a command's events are one whole set and returns the
// document they speak of.
func (f *findings) command(op journal.Operation, set []envelope) (document uuid.UUID) {
	invariant := "I1"
	if op.Ack == nil {
		invariant = "I2"
	}
	for i, e := range set[1:] {
		if e.Seq != set[i].Seq+1 {
			f.add(invariant, Duplicated, "%s %d: its events stand in two places of ledger %s, %d and %d",
				op.Kind, op.Op, op.Tenant, set[i].Seq, e.Seq)
		}
	}
	main, allowed := "document.renamed", []string{"document.renamed"}
	if op.Kind == journal.Upload {
		main, allowed = "document.uploaded", []string{"document.uploaded", "file.received", "file.stored", "file.referenced"}
	}
	count := map[string]int{}
	for _, e := range set {
		count[e.EventType]++
		if count[e.EventType] == 2 {
			f.add(invariant, Duplicated, "%s %d: %s is there twice", op.Kind, op.Op, e.EventType)
		}
		if !slices.Contains(allowed, e.EventType) {
			f.add(invariant, Wrong, "%s %d: has an event %s", op.Kind, op.Op, e.EventType)
		}
		if e.EventType == main {
			document = e.StreamID
			f.name(invariant, op, e)
		}
	}
	if count["file.stored"] > count["file.received"] {
		f.add(invariant, Wrong, "%s %d: stores bytes that it did not receive", op.Kind, op.Op)
	}
	if count[main] == 0 || op.Kind == journal.Upload && count["file.referenced"] == 0 {
		f.add(invariant, Lost, "%s %d: is there in part only: %v", op.Kind, op.Op, count)
	}
	return document
}

func (f *findings) name(invariant string, op journal.Operation, e envelope) {
	var data struct {
		Filename string `json:"filename"`
	}
	if err := json.Unmarshal(e.Data, &data); err != nil || data.Filename != op.Filename {
		f.add(invariant, Wrong, "%s %d: named %q, asked for %q", op.Kind, op.Op, data.Filename, op.Filename)
	}
	if op.Kind == journal.Rename && e.StreamID != op.Document {
		f.add(invariant, Wrong, "rename %d: changed document %s, asked for %s", op.Op, e.StreamID, op.Document)
	}
}

// strangers finds documents' events that no operation of the journal asked for,
// such as a retry's that was taken for another command.
func (f *findings) strangers(decoded []envelope, known map[commandKey]bool) {
	for _, e := range decoded {
		if e.StreamKind == "document" && !known[commandKey{e.TenantID, e.CommandID}] {
			f.add("I1", Duplicated, "ledger %s, event %d: %s by a command that the client never sent", e.TenantID, e.Seq, e.EventType)
		}
	}
}

// names checks that each document ends with the name that was asked for last.
func (f *findings) names(decoded []envelope, last map[uuid.UUID]string) {
	final := map[uuid.UUID]string{}
	for _, e := range decoded {
		var data struct {
			Filename string `json:"filename"`
		}
		if e.StreamKind == "document" && json.Unmarshal(e.Data, &data) == nil {
			final[e.StreamID] = data.Filename
		}
	}
	for document, want := range last {
		if final[document] != want {
			f.add("I1", Wrong, "document %s ends as %q, not %q", document, final[document], want)
		}
	}
}
