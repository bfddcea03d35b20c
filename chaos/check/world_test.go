package check

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/chaos/journal"
)

// world makes a snapshot of a platform without faults.
type world struct {
	t        *testing.T
	snapshot Snapshot
	seqs     map[uuid.UUID]int64
	versions map[uuid.UUID]int64
	clock    int
	user     uuid.UUID
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{
		t: t, user: uuid.New(), seqs: map[uuid.UUID]int64{}, versions: map[uuid.UUID]int64{},
		snapshot: Snapshot{
			Heads: map[uuid.UUID]Head{}, Keys: map[uuid.UUID][]byte{}, Topics: map[string][]Message{},
			Databases: map[string]Tables{}, Objects: map[string]Object{}, Checkpoints: map[string]string{},
		},
	}
}

// append records one event and publishes it.
func (w *world) append(ledger uuid.UUID, kind string, stream, command uuid.UUID, eventType string, data map[string]any) {
	w.t.Helper()
	w.seqs[ledger]++
	w.versions[stream]++
	w.clock++
	id := uuid.New()
	body, err := json.Marshal(map[string]any{
		"command_id": command, "data": data, "event_id": id, "event_type": eventType, "request_id": "",
		"schema_version": 1, "seq": w.seqs[ledger], "stream_id": stream, "stream_kind": kind,
		"stream_version": w.versions[stream], "tenant_id": ledger, "traceparent": "",
		"timestamp": fmt.Sprintf("2024-01-01T00:00:00.%06dZ", w.clock), "user_id": w.user,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.snapshot.Events = append(w.snapshot.Events, Event{
		Ledger: ledger, Seq: w.seqs[ledger], Stream: stream, StreamVersion: w.versions[stream], ID: id, Type: eventType, Body: body,
	})
	for _, topic := range []string{AuditTopic, TopicOf(eventType)} {
		if topic == "" {
			continue
		}
		w.snapshot.Topics[topic] = append(w.snapshot.Topics[topic], Message{
			Offset: int64(len(w.snapshot.Topics[topic])), Key: ledger.String(), Value: body,
		})
	}
}

// register makes the user.
func (w *world) register() {
	key := sha256.Sum256([]byte("key"))
	w.snapshot.Keys[w.user] = key[:]
	block, err := aes.NewCipher(key[:])
	if err != nil {
		w.t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		w.t.Fatal(err)
	}
	nonce := make([]byte, gcm.NonceSize())
	ciphertext := gcm.Seal(nonce, nonce, []byte(`{"email":"ada@example.org","first_name":"Ada","last_name":"Lovelace"}`), w.user[:])
	w.append(PlatformLedger, "user", w.user, uuid.New(), "user.registered", map[string]any{
		"person": map[string]any{"ciphertext": ciphertext, "subject": w.user},
	})
}

// tenant makes a tenant with the user as its admin.
func (w *world) tenant() uuid.UUID {
	id, command := uuid.New(), uuid.New()
	w.append(id, "tenant", id, command, "tenant.created", map[string]any{"database_name": DatabaseName(id), "name": "Engines"})
	w.append(id, "tenant", id, command, "tenant.member_added", map[string]any{"role": "admin", "user_id": w.user})
	w.append(id, "tenant", id, uuid.New(), "tenant.provisioned", map[string]any{})
	return id
}

// upload makes a document whose bytes are its name: stored at once, or staged and
// stored later.
func (w *world) upload(tenant uuid.UUID, op int) uuid.UUID {
	name := fmt.Sprintf("op-%d.txt", op)
	sum5, sum256 := md5.Sum([]byte(name)), sha256.Sum256([]byte(name))
	intent := journal.Intent{
		Op: op, Kind: journal.Upload, Tenant: tenant, User: w.user, Key: name, Filename: name,
		MD5: hex.EncodeToString(sum5[:]), SHA256: hex.EncodeToString(sum256[:]), Size: int64(len(name)),
	}
	document, file, command := uuid.New(), uuid.New(), CommandID(tenant, w.user, intent.Key)
	final := fmt.Sprintf("tenants/%s/files/2024/01/%s_%s", tenant, file, intent.MD5)
	received, atOnce := final, op%4 == 0
	if !atOnce {
		received = fmt.Sprintf("tenants/%s/incoming/%s", tenant, document)
	}
	stored := map[string]any{"previous": received, "s3_path": final}
	w.append(tenant, "file", file, command, "file.received", map[string]any{
		"md5": intent.MD5, "s3_path": received, "sha256": intent.SHA256, "size": intent.Size,
	})
	if atOnce {
		w.append(tenant, "file", file, command, "file.stored", stored)
	}
	w.append(tenant, "file", file, command, "file.referenced", map[string]any{"document_id": document})
	w.append(tenant, "document", document, command, "document.uploaded", map[string]any{
		"file_id": file, "filename": name, "mime_type": "text/plain",
	})
	if !atOnce {
		w.append(tenant, "file", file, uuid.New(), "file.stored", stored)
	}
	w.snapshot.Objects[final] = Object{Size: intent.Size, MD5: intent.MD5, SHA256: intent.SHA256}
	w.snapshot.Journal = append(w.snapshot.Journal, journal.Operation{
		Intent: intent, Ack: &journal.Ack{Op: op, Document: document, Status: 201, Attempts: 1},
	})
	return document
}

// rename renames a document.
func (w *world) rename(tenant, document uuid.UUID, op int) {
	intent := journal.Intent{
		Op: op, Kind: journal.Rename, Tenant: tenant, User: w.user, Key: fmt.Sprintf("op-%d", op),
		Filename: fmt.Sprintf("renamed-%d.txt", op), Document: document,
	}
	w.append(tenant, "document", document, CommandID(tenant, w.user, intent.Key), "document.renamed", map[string]any{
		"filename": intent.Filename, "previous": "",
	})
	w.snapshot.Journal = append(w.snapshot.Journal, journal.Operation{
		Intent: intent, Ack: &journal.Ack{Op: op, Document: document, Status: 200, Attempts: 1},
	})
}

// finish fills what follows from the events: heads, checkpoints and read models.
func (w *world) finish() *Snapshot {
	s := &w.snapshot
	var f findings
	m := fold(&f, *s, f.decode(s.Events))
	s.Platform, s.Databases = m.platform, m.databases
	trees := map[uuid.UUID][][]byte{}
	for _, e := range s.Events {
		trees[e.Ledger] = append(trees[e.Ledger], e.Body)
	}
	for ledger, bodies := range trees {
		s.Heads[ledger] = Head{Seq: int64(len(bodies)), Range: rangeOf(bodies)}
		for size := 1; size <= len(bodies); size += 3 {
			text := fmt.Sprintf("cartulary/%s\n%d\n%s\n\n— cartulary signature\n",
				ledger, size, base64.StdEncoding.EncodeToString(root(bodies[:size])))
			s.Checkpoints[fmt.Sprintf("audit/%s/checkpoints/%d", ledger, size)] = text
			s.Checkpoints[fmt.Sprintf("audit/latest/%s", ledger)] = text
		}
	}
	return s
}

// rangeOf returns the compact range by RFC 6962's own recursion: the roots of the
// perfect subtrees, from left to right.
func rangeOf(bodies [][]byte) []byte {
	var hashes []byte
	for start := 0; start < len(bodies); {
		size := 1
		for size*2 <= len(bodies)-start {
			size *= 2
		}
		hashes = append(hashes, root(bodies[start:start+size])...)
		start += size
	}
	return hashes
}

// root returns the Merkle tree hash of RFC 6962.
func root(bodies [][]byte) []byte {
	if len(bodies) == 1 {
		sum := sha256.Sum256(append([]byte{0}, bodies[0]...))
		return sum[:]
	}
	half := 1
	for half*2 < len(bodies) {
		half *= 2
	}
	sum := sha256.Sum256(append(append([]byte{1}, root(bodies[:half])...), root(bodies[half:])...))
	return sum[:]
}

// key returns some key of a map, the same at each call.
func key[V any](m map[string]V) string {
	var first string
	for k := range maps.Keys(m) {
		if first == "" || k < first {
			first = k
		}
	}
	return first
}
