package proof

import (
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"
)

// ReceiptFormat names the format of receipts.
const ReceiptFormat = "cartulary-receipt/1"

// maxReceipt is the longest receipt, in bytes, that is read.
const maxReceipt = 1 << 20

// Receipt proves that a document was uploaded, and of which bytes: two events, the
// proof that each is in the ledger, and the signed checkpoint that the proofs lead to.
type Receipt struct {
	Format     string      `json:"format"`
	LedgerID   uuid.UUID   `json:"ledger_id"`
	DocumentID uuid.UUID   `json:"document_id"`
	SHA256     string      `json:"sha256"`     // of the document's bytes, lower-case hex
	Checkpoint string      `json:"checkpoint"` // signed note
	Upload     ProvenEvent `json:"upload"`     // document.uploaded
	File       ProvenEvent `json:"file"`       // file.received, of the file that the upload names
}

// ProvenEvent is an event with the proof that a tree holds it.
type ProvenEvent struct {
	Seq   int64    `json:"seq"`
	Body  string   `json:"body"`  // canonical bytes, which are text
	Proof []string `json:"proof"` // RFC 6962 §2.1.1, base64, from the leaf up
}

// Proven returns an event with its proof.
func Proven(seq int64, body []byte, hashes []tlog.Hash) ProvenEvent {
	return ProvenEvent{Seq: seq, Body: string(body), Proof: Encode(hashes)}
}

// Encode returns hashes in base64.
func Encode(hashes []tlog.Hash) []string {
	texts := make([]string, len(hashes))
	for i, h := range hashes {
		texts[i] = base64.StdEncoding.EncodeToString(h[:])
	}
	return texts
}

// Decode reads what [Encode] writes.
func Decode(texts []string) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(texts))
	for i, text := range texts {
		hash, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil || len(hash) != tlog.HashSize {
			return nil, fmt.Errorf("hash %d must be 32 bytes in base64", i)
		}
		copy(hashes[i][:], hash)
	}
	return hashes, nil
}

// ReadReceipt reads a receipt, as it is or as the API answers it. It does not check
// what it says.
func ReadReceipt(text []byte) (Receipt, error) {
	if len(text) > maxReceipt {
		return Receipt{}, fmt.Errorf("receipt: longer than %d bytes", maxReceipt)
	}
	var r Receipt
	if err := json.Unmarshal(unwrapped(text), &r, json.RejectUnknownMembers(true)); err != nil {
		return Receipt{}, fmt.Errorf("receipt: %w", err)
	}
	if r.Format != ReceiptFormat {
		return Receipt{}, fmt.Errorf("receipt: the format is %q, not %q", r.Format, ReceiptFormat)
	}
	return r, nil
}

// unwrapped returns the data of an answer of the API, and other text as it is.
func unwrapped(text []byte) []byte {
	var answer struct {
		Data jsontext.Value `json:"data"`
	}
	if json.Unmarshal(text, &answer) == nil && answer.Data.Kind() == '{' {
		return answer.Data
	}
	return text
}

// ReadCheckpoint returns the signed note in text, which is the note itself or an answer
// of the API that holds it.
func ReadCheckpoint(text []byte) []byte {
	var data struct {
		Checkpoint string `json:"checkpoint"`
	}
	if json.Unmarshal(unwrapped(text), &data) == nil && data.Checkpoint != "" {
		return []byte(data.Checkpoint)
	}
	return text
}

// Check verifies a receipt with nothing but public keys, and returns the checkpoint
// that it leads to.
func (r Receipt) Check(keys Keys) (Checkpoint, error) {
	c, err := OpenCheckpoint([]byte(r.Checkpoint), keys)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("receipt: %w", err)
	}
	if ledger, err := c.Ledger(); err != nil || ledger != r.LedgerID {
		return Checkpoint{}, fmt.Errorf("receipt: the checkpoint is of %s, not of ledger %s", c.Origin, r.LedgerID)
	}
	tree := tlog.Tree{N: c.Size, Hash: c.Root}
	upload, err := r.Upload.check(tree, r.LedgerID)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("receipt: upload: %w", err)
	}
	file, err := r.File.check(tree, r.LedgerID)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("receipt: file: %w", err)
	}
	return c, r.agrees(upload, file)
}

// agrees checks that the events say what the receipt does.
func (r Receipt) agrees(upload, file envelope) error {
	var uploaded struct {
		FileID uuid.UUID `json:"file_id"`
	}
	var received struct {
		SHA256 string `json:"sha256"`
	}
	if err := errors.Join(json.Unmarshal(upload.Data, &uploaded), json.Unmarshal(file.Data, &received)); err != nil {
		return fmt.Errorf("receipt: %w", err)
	}
	switch {
	case upload.EventType != "document.uploaded" || upload.StreamID != r.DocumentID:
		return fmt.Errorf("receipt: event %d is not the upload of document %s", r.Upload.Seq, r.DocumentID)
	case file.EventType != "file.received" || file.StreamID != uploaded.FileID:
		return fmt.Errorf("receipt: event %d is not about the bytes of event %d", r.File.Seq, r.Upload.Seq)
	case received.SHA256 != r.SHA256 || r.SHA256 == "":
		return fmt.Errorf("receipt: the ledger has the SHA-256 %s, the receipt %s", received.SHA256, r.SHA256)
	}
	return nil
}

func (e ProvenEvent) check(tree tlog.Tree, ledger uuid.UUID) (envelope, error) {
	hashes, err := Decode(e.Proof)
	if err != nil {
		return envelope{}, err
	}
	body := []byte(e.Body)
	if err := CheckInclusion(hashes, tree, e.Seq, LeafHash(body)); err != nil {
		return envelope{}, err
	}
	var env envelope
	if err := json.Unmarshal(body, &env); err != nil {
		return envelope{}, fmt.Errorf("event %d: %w", e.Seq, err)
	}
	if env.Seq != e.Seq || env.TenantID != ledger {
		return envelope{}, fmt.Errorf("event %d calls itself event %d of ledger %s", e.Seq, env.Seq, env.TenantID)
	}
	return env, nil
}

// envelope is what is read of an event's body. Other members are not known here, so
// that a newer build's events can be checked by an older one.
type envelope struct {
	Data          jsontext.Value `json:"data"`
	EventID       uuid.UUID      `json:"event_id"`
	EventType     string         `json:"event_type"`
	Seq           int64          `json:"seq"`
	StreamID      uuid.UUID      `json:"stream_id"`
	StreamVersion int64          `json:"stream_version"`
	TenantID      uuid.UUID      `json:"tenant_id"`
	Timestamp     string         `json:"timestamp"`
	TraceParent   string         `json:"traceparent"`
}
