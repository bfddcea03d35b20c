package check

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/chaos/journal"
)

// good returns a snapshot of two tenants without faults.
func good(t *testing.T) *Snapshot {
	t.Helper()
	w := newWorld(t)
	w.register()
	op := 0
	for range 2 {
		tenant := w.tenant()
		for range 5 {
			document := w.upload(tenant, op)
			w.rename(tenant, document, op+1)
			op += 2
		}
	}
	return w.finish()
}

func TestVerifyPassesWhatIsSound(t *testing.T) {
	t.Parallel()
	s := good(t)
	// What is allowed: messages delivered again, an operation that never was
	// answered and never done, and a leftover in the staging area.
	again := s.Topics[AuditTopic][3:9]
	s.Topics[AuditTopic] = slices.Insert(s.Topics[AuditTopic], 12, again...)
	s.Journal = append(s.Journal, journal.Operation{Intent: journal.Intent{Op: 999, Kind: journal.Upload, Tenant: uuid.New(), Key: "x"}})
	s.Objects["tenants/"+uuid.NewString()+"/incoming/"+uuid.NewString()] = Object{Size: 1}
	for _, v := range Verify(*s) {
		t.Error(v)
	}
	if got := Redelivered(*s); got != 6 {
		t.Errorf("%d messages redelivered, want 6", got)
	}
}

// database returns a tenant's tables.
func (s *Snapshot) database() Tables { return s.Databases[key(s.Databases)] }

// last returns the index of the last event of a type.
func (s *Snapshot) last(eventType string) int {
	for i, e := range slices.Backward(s.Events) {
		if e.Type == eventType {
			return i
		}
	}
	return -1
}

func TestVerifyCatchesPlantedBugs(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		plant     func(s *Snapshot)
		invariant string
		kind      Kind
	}{
		"acknowledged before the commit": {func(s *Snapshot) {
			s.Journal = append(s.Journal, journal.Operation{
				Intent: journal.Intent{Op: 999, Kind: journal.Rename, Tenant: s.Journal[0].Tenant, Key: "never"},
				Ack:    &journal.Ack{Op: 999, Status: 200},
			})
		}, "I1", Lost},
		"a retry is a new command": {func(s *Snapshot) {
			s.Journal = slices.Delete(s.Journal, 1, 2) // its event is there, under an id that no key gives
		}, "I1", Duplicated},
		"a command is applied twice": {func(s *Snapshot) {
			e := s.Events[s.last("document.renamed")]
			e.Body = []byte(strings.Replace(string(e.Body), `"seq":`, `"seq":1`, 1))
			s.Events = append(s.Events, e)
		}, "I1", Duplicated},
		"half of a command": {func(s *Snapshot) {
			i := s.last("file.referenced")
			s.Events[i].Body = []byte(strings.Replace(string(s.Events[i].Body), `"command_id":"`, `"command_id":"f`, 1))
			s.Journal[len(s.Journal)-2].Ack = nil
			s.Events = slices.Delete(s.Events, i, i+1)
		}, "I2", Lost},
		"the answer names another document": {func(s *Snapshot) { s.Journal[0].Ack.Document = uuid.New() }, "I1", Wrong},
		"an event is dropped":               {func(s *Snapshot) { s.Events = slices.Delete(s.Events, 5, 6) }, "I3", Lost},
		"an event is doubled":               {func(s *Snapshot) { s.Events = slices.Insert(s.Events, 5, s.Events[4]) }, "I3", Duplicated},
		"a head lies": {func(s *Snapshot) {
			s.Heads[PlatformLedger] = Head{Seq: 7, Range: s.Heads[PlatformLedger].Range}
		}, "I3", Wrong},
		"the outbox is stuck":    {func(s *Snapshot) { s.Outbox = 1 }, "I4", Skipped},
		"marked before publish":  {func(s *Snapshot) { drop(s, AuditTopic, 4) }, "I4", Skipped},
		"a work item is missing": {func(s *Snapshot) { drop(s, "file.process", 0) }, "I4", Skipped},
		"the topic swaps order": {func(s *Snapshot) {
			m := s.Topics[AuditTopic]
			m[6], m[7] = m[7], m[6]
		}, "I4", Wrong},
		"the topic has other bytes": {func(s *Snapshot) {
			m := &s.Topics[AuditTopic][4]
			m.Value = append([]byte(" "), m.Value...)
		}, "I4", Wrong},
		"the topic has an event that was rolled back": {func(s *Snapshot) {
			m := s.Topics[AuditTopic][4]
			m.Value = []byte(strings.Replace(string(m.Value), `"seq":`, `"seq":9`, 1))
			s.Topics[AuditTopic] = append(s.Topics[AuditTopic], m)
		}, "I4", Wrong},
		"a ledger is spread over partitions": {func(s *Snapshot) { s.Topics[AuditTopic][9].Partition = 5 }, "I4", Wrong},
		"a key is wrong":                     {func(s *Snapshot) { s.Topics[AuditTopic][9].Key = "x" }, "I4", Wrong},
		"offset committed before the rows":   {func(s *Snapshot) { delete(s.database()["documents"], key(s.database()["documents"])) }, "I5", Skipped},
		"an event is passed over":            {func(s *Snapshot) { delete(s.database()["trail"], "4") }, "I5", Skipped},
		"a row is stale": {func(s *Snapshot) {
			s.database()["documents"][key(s.database()["documents"])]["filename"] = "old.txt"
		}, "I5", Wrong},
		"a row comes from nowhere": {func(s *Snapshot) { s.database()["members"]["x"] = Row{} }, "I5", Duplicated},
		"a user's name is mangled": {func(s *Snapshot) {
			s.Platform["users"][key(s.Platform["users"])]["first_name"] = "A"
		}, "I5", Wrong},
		"an object is gone": {func(s *Snapshot) { delete(s.Objects, key(s.Objects)) }, "I6", Lost},
		"an object has other bytes": {func(s *Snapshot) {
			o := s.Objects[key(s.Objects)]
			o.SHA256 = "00"
			s.Objects[key(s.Objects)] = o
		}, "I6", Wrong},
		"an object is orphaned": {func(s *Snapshot) { s.Objects["tenants/x/files/2024/01/y"] = Object{} }, "I6", Duplicated},
		"a file is never finished": {func(s *Snapshot) {
			s.database()["files"][key(s.database()["files"])]["status"] = "processing"
		}, "I6", Skipped},
		"a database is missing":  {func(s *Snapshot) { delete(s.Databases, key(s.Databases)) }, "I7", Skipped},
		"a database is orphaned": {func(s *Snapshot) { s.Databases["tenant_00"] = Tables{} }, "I7", Duplicated},
		"a checkpoint is of other events": {func(s *Snapshot) {
			k := key(s.Checkpoints)
			s.Checkpoints[k] = strings.Replace(s.Checkpoints[k], "=\n", "A\n", 1)
		}, "I8", Wrong},
		"a checkpoint is ahead of its ledger": {func(s *Snapshot) {
			k := key(s.Checkpoints)
			s.Checkpoints[k+"000"] = s.Checkpoints[k]
		}, "I8", Wrong},
		"bytes are stored that nobody sent": {func(s *Snapshot) {
			i := s.last("file.received")
			s.Events[i].Body = []byte(strings.Replace(string(s.Events[i].Body), `"file.received"`, `"file.stored"`, 1))
		}, "I1", Wrong},
		"history is rewritten": {func(s *Snapshot) {
			e := &s.Events[s.last("document.renamed")]
			e.Body = []byte(strings.Replace(string(e.Body), "renamed-", "Renamed-", 1))
		}, "I8", Wrong},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := good(t)
			tt.plant(s)
			violations := Verify(*s)
			for _, v := range violations {
				if v.Invariant == tt.invariant && v.Kind == tt.kind {
					return
				}
			}
			t.Errorf("not caught; got %v, want %s %s", violations, tt.invariant, tt.kind)
		})
	}
}

func drop(s *Snapshot, topic string, i int) {
	s.Topics[topic] = slices.Delete(s.Topics[topic], i, i+1)
}

func TestCommandID(t *testing.T) {
	t.Parallel()
	ledger, user := uuid.MustParse("11111111-1111-4111-8111-111111111111"), uuid.MustParse("22222222-2222-4222-8222-222222222222")
	id := CommandID(ledger, user, "k")
	if id.Version() != 8 || id.Variant() != uuid.RFC4122 {
		t.Errorf("%s is no UUID of version 8", id)
	}
	if id == CommandID(user, ledger, "k") || id == CommandID(ledger, user, "l") {
		t.Error("other commands have the same id")
	}
}
