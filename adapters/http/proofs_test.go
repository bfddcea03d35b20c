package httpapi_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/proof"
)

// notary signs whatever is asked for before it answers.
type notary struct {
	*postgres.Proofs

	key  proof.Key
	rest atomic.Bool // sign nothing more
}

func (w *world) notary() *notary {
	text, err := proof.DrawKey()
	w.must(err)
	key, err := proof.ParseKey(text)
	w.must(err)
	w.signing = &notary{Proofs: postgres.NewProofs(w.pool), key: key}
	return w.signing
}

func (n *notary) sign(ctx context.Context, ledger uuid.UUID) error {
	if n.rest.Load() {
		return nil
	}
	if err := n.AddKey(ctx, n.key.Public()); err != nil {
		return err
	}
	_, err := n.Certify(ctx, ledger, tlog.Tree{}, func(tree tlog.Tree) ([]byte, error) {
		return proof.Checkpoint{Origin: proof.Origin(n.key.Name(), ledger), Size: tree.N, Root: tree.Hash}.Sign(n.key)
	})
	return err
}

func (n *notary) Checkpoint(ctx context.Context, ledger uuid.UUID, size int64) (proof.Signed, error) {
	if err := n.sign(ctx, ledger); err != nil && size == 0 {
		return proof.Signed{}, err
	}
	return n.Proofs.Checkpoint(ctx, ledger, size)
}

func (n *notary) Receipt(ctx context.Context, ledger, document uuid.UUID) (proof.Receipt, error) {
	if err := n.sign(ctx, ledger); err != nil {
		return proof.Receipt{}, err
	}
	return n.Proofs.Receipt(ctx, ledger, document)
}

func (w *world) publicKeys() proof.Keys {
	keys, err := proof.ParseKeys(w.signing.key.Public())
	w.must(err)
	return keys
}

func TestAReceiptVerifiesWithNothingButTheKey(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	document := tenant + "/documents/" + ada.upload(tenant, []part{file("a.pdf", "the bytes")}).want(201).text("id")
	again := tenant + "/documents/" + ada.upload(tenant, []part{file("b.pdf", "the bytes")}).want(201).text("id")
	sum := sha256.Sum256([]byte("the bytes"))
	for _, path := range []string{document, again} {
		got := ada.get(path + "/receipt").want(http.StatusOK)
		receipt, err := proof.ReadReceipt(got.raw)
		w.must(err)
		if _, err := receipt.Check(w.publicKeys()); err != nil || receipt.SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("%v: %+v", err, receipt)
		}
		for name, forge := range map[string]func(*proof.Receipt){
			"other bytes":    func(r *proof.Receipt) { r.SHA256 = strings.Repeat("0", 64) },
			"other document": func(r *proof.Receipt) { r.DocumentID = uuid.New() },
			"other ledger":   func(r *proof.Receipt) { r.LedgerID = uuid.New() },
			"other event":    func(r *proof.Receipt) { r.Upload.Body = strings.Replace(r.Upload.Body, ".pdf", ".txt", 1) },
			"other place":    func(r *proof.Receipt) { r.Upload.Seq++ },
			"swapped":        func(r *proof.Receipt) { r.Upload, r.File = r.File, r.Upload },
			"no proof":       func(r *proof.Receipt) { r.File.Proof = nil },
			"other size":     func(r *proof.Receipt) { r.Checkpoint = strings.Replace(r.Checkpoint, "\n", "\n1", 1) },
		} {
			forged := receipt
			forge(&forged)
			if _, err := forged.Check(w.publicKeys()); err == nil {
				t.Errorf("%s: verified", name)
			}
		}
	}
	ada.delete(document).want(http.StatusNoContent)
	ada.get(document + "/receipt").want(http.StatusOK)
	ada.get(tenant+"/documents/"+uuid.NewString()+"/receipt").wantError(404, "NOT_FOUND")
	w.signing.rest.Store(true)
	late := tenant + "/documents/" + ada.upload(tenant, []part{file("c.pdf", "more")}).want(201).text("id")
	ada.get(late+"/receipt").wantError(503, "NOT_CONSISTENT_YET")
}

func TestProofsOverHTTP(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	w.signing.rest.Store(true)
	w.anonymous().get("/api/audit/key").wantError(503, "NOT_CONSISTENT_YET")
	tenant, id := ada.newTenant("Engines")
	ada.get(tenant+"/audit/checkpoint").wantError(503, "NOT_CONSISTENT_YET")
	w.signing.rest.Store(false)
	open := func(a answer) proof.Checkpoint {
		c, err := proof.OpenCheckpoint(proof.ReadCheckpoint(a.raw), w.publicKeys())
		w.must(err)
		return c
	}
	hashes := func(a answer) []tlog.Hash {
		var texts []string
		list, _ := a.json.Data["hashes"].([]any)
		for _, v := range list {
			texts = append(texts, fmt.Sprint(v))
		}
		decoded, err := proof.Decode(texts)
		w.must(err)
		return decoded
	}
	old := open(ada.get(tenant + "/audit/checkpoint").want(200))
	ada.upload(tenant, []part{file("a.pdf", "x")}).want(201)
	now := open(ada.get(tenant + "/audit/checkpoint").want(200))
	if now.Size <= old.Size || now.Origin != proof.Origin("cartulary", id) {
		t.Fatalf("%+v, then %+v", old, now)
	}
	if key := w.anonymous().get("/api/audit/key").want(200).text("public_key"); key != w.signing.key.Public() {
		t.Errorf("key %s", key)
	}
	if same := open(ada.get(fmt.Sprintf("%s/audit/checkpoint?size=%d", tenant, old.Size)).want(200)); same != old {
		t.Errorf("checkpoint of %d: %+v, want %+v", old.Size, same, old)
	}
	tree := tlog.Tree{N: now.Size, Hash: now.Root}
	for seq := int64(1); seq <= now.Size; seq++ {
		body, err := w.signing.Body(t.Context(), id, seq)
		w.must(err)
		got := ada.get(fmt.Sprintf("%s/audit/inclusion?seq=%d&size=%d", tenant, seq, now.Size)).want(200)
		w.must(proof.CheckInclusion(hashes(got), tree, seq, proof.LeafHash(body)))
	}
	got := ada.get(fmt.Sprintf("%s/audit/consistency?from=%d", tenant, old.Size)).want(200)
	w.must(proof.CheckConsistency(hashes(got), tree, tlog.Tree{N: old.Size, Hash: old.Root}))

	ada.get(tenant+"/audit/checkpoint?size=99999").wantError(404, "NOT_FOUND")
	ada.get(tenant+"/audit/checkpoint?size=9223372036854775807").wantError(404, "NOT_FOUND")
	ada.get(tenant+"/audit/inclusion?seq=99999").wantError(400, "VALIDATION_ERROR")
	ada.get(tenant+"/audit/inclusion?seq=0").wantError(400, "VALIDATION_ERROR")
	ada.get(tenant+"/audit/inclusion").wantError(400, "VALIDATION_ERROR")
	ada.get(tenant+"/audit/consistency?from=99999").wantError(400, "VALIDATION_ERROR")
}
