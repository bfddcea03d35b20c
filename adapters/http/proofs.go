package httpapi

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/cartulary/cartulary/proof"
)

// Proofs prove what ledgers hold.
type Proofs interface {
	// Keys returns the public keys of all who signed, the newest first.
	Keys(ctx context.Context) ([]string, error)
	// Checkpoint returns the checkpoint of a ledger at a size, or its latest if size is
	// 0; proof.ErrNotSigned if there is none.
	Checkpoint(ctx context.Context, ledger uuid.UUID, size int64) (proof.Signed, error)
	// Body returns an event's canonical bytes.
	Body(ctx context.Context, ledger uuid.UUID, seq int64) ([]byte, error)
	// Inclusion proves that an event is in the tree of a checkpoint; proof.ErrRange if
	// the checkpoint does not hold as many.
	Inclusion(ctx context.Context, c proof.Signed, seq int64) ([]tlog.Hash, error)
	// Consistency proves that the tree of a checkpoint begins with its first from
	// events; proof.ErrRange if it does not hold as many.
	Consistency(ctx context.Context, c proof.Signed, from int64) ([]tlog.Hash, error)
	// Receipt proves a document's upload. It fails with proof.ErrNoEvent if there is no
	// such document, proof.ErrNotSigned while no checkpoint holds it.
	Receipt(ctx context.Context, ledger, document uuid.UUID) (proof.Receipt, error)
}

// signedSoon is in how many seconds to ask again for what is not signed yet.
const signedSoon = 5

// errNotSigned says that something is to be signed soon.
func errNotSigned() error {
	return &problem{
		status: http.StatusServiceUnavailable, code: CodeNotConsistentYet, retryAfter: signedSoon,
		message: "No checkpoint holds this yet. One is signed every few seconds; try again in a moment.",
	}
}

// AuditKey answers the public keys of checkpoints.
func (a *API) AuditKey(c *gin.Context, _ AuditKeyParams) {
	keys, err := a.cfg.Proofs.Keys(c.Request.Context())
	if err == nil && len(keys) == 0 {
		err = errNotSigned()
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	answer(a, c, http.StatusOK, AuditKey{PublicKey: keys[0], PublicKeys: keys}, "Public key found")
}

// checkpoint returns the checkpoint of a size, or the latest.
func (a *API) checkpoint(ctx context.Context, tenant uuid.UUID, size *int64) (proof.Signed, error) {
	wanted := int64(0)
	if size != nil {
		wanted = *size
	}
	signed, err := a.cfg.Proofs.Checkpoint(ctx, tenant, wanted)
	if errors.Is(err, proof.ErrNotSigned) {
		if err = errNotSigned(); wanted != 0 {
			err = errNoRoute()
		}
	}
	return signed, err
}

// AuditCheckpoint answers a signed checkpoint.
func (a *API) AuditCheckpoint(c *gin.Context, tenantID TenantID, params AuditCheckpointParams) {
	signed, err := a.checkpoint(c.Request.Context(), tenantID, params.Size)
	if err != nil {
		a.fail(c, err)
		return
	}
	answer(a, c, http.StatusOK, AuditCheckpoint{
		LedgerID: signed.Ledger, Size: signed.Size, Root: treeHash(signed.Root), At: signed.At.UTC(), Checkpoint: string(signed.Note),
	}, "Checkpoint found")
}

// AuditInclusion answers the proof that an event is in the trail.
func (a *API) AuditInclusion(c *gin.Context, tenantID TenantID, params AuditInclusionParams) {
	ctx := c.Request.Context()
	signed, err := a.checkpoint(ctx, tenantID, params.Size)
	if err != nil {
		a.fail(c, err)
		return
	}
	hashes, err := a.cfg.Proofs.Inclusion(ctx, signed, params.Seq)
	if errors.Is(err, proof.ErrRange) {
		err = invalidField("seq", "must be from 1 to %d, the events that the checkpoint holds", signed.Size)
	}
	var body []byte
	if err == nil {
		body, err = a.cfg.Proofs.Body(ctx, tenantID, params.Seq)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	answer(a, c, http.StatusOK, InclusionProof{
		Seq: params.Seq, Size: signed.Size, LeafHash: treeHash(proof.LeafHash(body)),
		Hashes: proof.Encode(hashes), Checkpoint: string(signed.Note),
	}, "Inclusion proven")
}

// AuditConsistency answers the proof that the trail was only added to.
func (a *API) AuditConsistency(c *gin.Context, tenantID TenantID, params AuditConsistencyParams) {
	ctx := c.Request.Context()
	signed, err := a.checkpoint(ctx, tenantID, params.To)
	if err != nil {
		a.fail(c, err)
		return
	}
	hashes, err := a.cfg.Proofs.Consistency(ctx, signed, params.From)
	if errors.Is(err, proof.ErrRange) {
		err = invalidField("from", "must be from 1 to %d, the events that the checkpoint holds", signed.Size)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	answer(a, c, http.StatusOK, ConsistencyProof{
		From: params.From, To: signed.Size, Hashes: proof.Encode(hashes), Checkpoint: string(signed.Note),
	}, "Consistency proven")
}

// DocumentReceipt answers a document's receipt.
func (a *API) DocumentReceipt(c *gin.Context, tenantID TenantID, documentID DocumentID, _ DocumentReceiptParams) {
	r, err := a.cfg.Proofs.Receipt(c.Request.Context(), tenantID, documentID)
	switch {
	case errors.Is(err, proof.ErrNoEvent):
		err = errNoRoute()
	case errors.Is(err, proof.ErrNotSigned):
		err = errNotSigned()
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	answer(a, c, http.StatusOK, r, "Receipt made")
}

func treeHash(h tlog.Hash) TreeHash { return base64.StdEncoding.EncodeToString(h[:]) }
