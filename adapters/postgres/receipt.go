package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/proof"
)

// Receipt proves the upload of a document against the latest checkpoint. It fails with
// proof.ErrNoEvent if the ledger knows no such document, and with proof.ErrNotSigned
// while no checkpoint holds its upload.
func (p *Proofs) Receipt(ctx context.Context, ledger, document uuid.UUID) (proof.Receipt, error) {
	r, err := p.receipt(ctx, ledger, document)
	if err != nil {
		return r, fmt.Errorf("receipt of document %s of ledger %s: %w", document, ledger, err)
	}
	return r, nil
}

func (p *Proofs) receipt(ctx context.Context, ledger, document uuid.UUID) (proof.Receipt, error) {
	r := proof.Receipt{Format: proof.ReceiptFormat, LedgerID: ledger, DocumentID: document}
	upload, err := p.find(ctx, `stream_id = $2 and stream_version = 1 and type = $3`, ledger, document, events.TypeDocumentUploaded)
	if err != nil {
		return r, err
	}
	var uploaded struct {
		Data events.DocumentUploaded `json:"data"`
	}
	if err := json.Unmarshal(upload.body, &uploaded); err != nil {
		return r, fmt.Errorf("event %d: %w", upload.seq, err)
	}
	// The last time before the upload that its bytes were received: they may have been
	// dropped and received again.
	file, err := p.find(ctx, `stream_id = $2 and type = $3 and seq < $4`,
		ledger, uploaded.Data.FileID, events.TypeFileReceived, upload.seq)
	if err != nil {
		return r, err
	}
	var received struct {
		Data events.FileReceived `json:"data"`
	}
	if err := json.Unmarshal(file.body, &received); err != nil {
		return r, fmt.Errorf("event %d: %w", file.seq, err)
	}
	r.SHA256 = received.Data.SHA256
	signed, err := p.Checkpoint(ctx, ledger, 0)
	if err == nil && signed.Size < upload.seq {
		err = proof.ErrNotSigned
	}
	if err != nil {
		return r, err
	}
	r.Checkpoint = string(signed.Note)
	if r.Upload, err = p.proven(ctx, signed, upload); err != nil {
		return r, err
	}
	r.File, err = p.proven(ctx, signed, file)
	return r, err
}

// place is an event where it stands.
type place struct {
	seq  int64
	body []byte
}

// find returns the last event of a ledger of which the condition holds.
func (p *Proofs) find(ctx context.Context, condition string, args ...any) (place, error) {
	var found place
	err := p.pool.QueryRow(ctx, `
select seq, body from ledger.events where ledger_id = $1 and `+condition+` order by stream_version desc limit 1`, args...).
		Scan(&found.seq, &found.body)
	if errors.Is(err, pgx.ErrNoRows) {
		err = proof.ErrNoEvent
	}
	return found, err
}

func (p *Proofs) proven(ctx context.Context, signed proof.Signed, e place) (proof.ProvenEvent, error) {
	hashes, err := p.Inclusion(ctx, signed, e.seq)
	if err != nil {
		return proof.ProvenEvent{}, err
	}
	return proof.Proven(e.seq, e.body, hashes), nil
}
