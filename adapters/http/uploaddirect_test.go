package httpapi_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// begun is an upload to the store that was begun.
type begun struct {
	path  string
	parts []map[string]any
}

func (p *person) announce(tenant string, request object) begun {
	p.w.t.Helper()
	a := p.post(tenant+"/uploads", request).want(http.StatusCreated)
	b := begun{path: tenant + "/uploads/" + a.text("upload_id")}
	list, _ := a.json.Data["parts"].([]any)
	for _, v := range list {
		part, _ := v.(map[string]any)
		b.parts = append(b.parts, part)
	}
	return b
}

// send puts the bytes of a part and returns the store's answer.
func (w *world) send(part map[string]any, body []byte) (status int, etag string) {
	w.t.Helper()
	link, _ := part["url"].(string)
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodPut, link, bytes.NewReader(body))
	w.must(err)
	headers, _ := part["headers"].(map[string]any)
	for name, v := range headers {
		text, _ := v.(string)
		request.Header.Set(name, text)
	}
	response, err := w.server.Client().Transport.RoundTrip(request)
	w.must(err)
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(io.Discard, response.Body)
	w.must(err)
	return response.StatusCode, response.Header.Get("Etag")
}

func requestFor(body string, more object) object {
	o := object{"filename": awkward, "mime_type": "application/pdf", "size": len(body)}
	maps.Copy(o, more)
	return o
}

func TestUploadsToTheStore(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	sum := sha256.Sum256([]byte("bytes"))
	b := ada.announce(tenant, requestFor("bytes", object{"sha256": hex.EncodeToString(sum[:]), "md5": "4b3a6218bb3e3a7303e8a171a60fcf92"}))
	ada.post(b.path+"/complete", object{}).wantError(http.StatusConflict, "UPLOAD_INCOMPLETE")
	if status, _ := w.send(b.parts[0], []byte("other")); status < 400 {
		t.Errorf("bytes of another MD5 were stored: %d", status)
	}
	if status, _ := w.send(b.parts[0], []byte("bytes and more")); status < 400 {
		t.Errorf("more bytes than announced were stored: %d", status)
	}
	if status, _ := w.send(b.parts[0], []byte("bytes")); status != http.StatusOK {
		t.Fatalf("the store answers %d", status)
	}
	made := ada.post(b.path+"/complete", object{}).want(http.StatusCreated)
	if made.text("sha256_hash") != hex.EncodeToString(sum[:]) || made.json.Data["deduplicated"] != false || made.text("filename") != awkward {
		t.Errorf("%s", made.raw)
	}
	// Whoever holds the link may write on; the document is what was completed.
	w.send(b.parts[0], []byte("bytes"))
	again := ada.post(b.path+"/complete", object{}).want(http.StatusCreated)
	if again.text("id") != made.text("id") || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%s", again.raw)
	}
	link := ada.get(made.header.Get("Location") + "/download").want(http.StatusFound).header.Get("Location")
	if _, body := w.fetch(link); string(body) != "bytes" {
		t.Errorf("got %q", body)
	}
	twin := ada.announce(tenant, requestFor("bytes", nil))
	w.send(twin.parts[0], []byte("bytes"))
	if a := ada.post(twin.path+"/complete", object{}).want(http.StatusCreated); a.json.Data["deduplicated"] != true {
		t.Errorf("%s", a.raw)
	}
	if staged := w.objects(command.StagingPrefix(id)); len(staged) != 1 {
		t.Errorf("staged: %v", staged)
	}
}

func TestUploadsToTheStoreThatAreNotWhatWasAnnounced(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	b := ada.announce(tenant, requestFor("bytes", object{"sha256": strings.Repeat("0", 64)}))
	w.send(b.parts[0], []byte("bytes"))
	ada.post(b.path+"/complete", object{}).wantError(http.StatusBadRequest, "DIGEST_MISMATCH")
	gone := ada.announce(tenant, requestFor("bytes", nil))
	w.send(gone.parts[0], []byte("bytes"))
	ada.delete(gone.path).want(http.StatusNoContent)
	ada.delete(gone.path).want(http.StatusNoContent)
	ada.post(gone.path+"/complete", object{}).wantError(http.StatusConflict, "UPLOAD_INCOMPLETE")
	if left := w.objects(command.TenantPrefix(id)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	for name, request := range map[string]object{
		"a byte too many": requestFor("", object{"size": 100<<20 + 1}),
		"negative":        requestFor("", object{"size": -1}),
		"no bytes":        requestFor("", nil), // the store would take any number
		"no name":         requestFor("x", object{"filename": ""}),
		"a path":          requestFor("x", object{"filename": "../x"}),
		"no media type":   requestFor("x", object{"mime_type": "///"}),
		"no digest":       requestFor("x", object{"sha256": "x"}),
		"a field":         requestFor("x", object{"user_id": uuid.NewString()}),
	} {
		if a := ada.post(tenant+"/uploads", request); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, a.status, a.raw)
		}
	}
}

func TestUploadsToTheStoreInParts(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	body := bytes.Repeat([]byte("0123456789abcdef"), (16<<20)/16+1000)
	b := ada.announce(tenant, object{"filename": "big.bin", "mime_type": "application/octet-stream", "size": len(body)})
	if len(b.parts) != 2 {
		t.Fatalf("%d parts", len(b.parts))
	}
	if status, _ := w.send(b.parts[1], body[:1000]); status < 400 {
		t.Errorf("a part of another length was stored: %d", status)
	}
	_, first := w.send(b.parts[0], body[:16<<20])
	ada.post(b.path+"/complete", object{"etags": []string{first, first}}).wantError(http.StatusConflict, "UPLOAD_INCOMPLETE")
	_, second := w.send(b.parts[1], body[16<<20:])
	ada.post(b.path+"/complete", object{}).wantError(http.StatusBadRequest, "VALIDATION_ERROR")
	made := ada.post(b.path+"/complete", object{"etags": []string{first, second}}).want(http.StatusCreated)
	sum := sha256.Sum256(body)
	if made.text("sha256_hash") != hex.EncodeToString(sum[:]) {
		t.Errorf("%s", made.raw)
	}

	// The links are good for as long as ever, but there is nothing any more that they
	// lead to; nor does giving up, or completing once more, touch the document.
	if status, _ := w.send(b.parts[1], bytes.Repeat([]byte("x"), 16_000)); status != http.StatusNotFound {
		t.Errorf("a part of an upload that was completed: %d", status)
	}
	ada.delete(b.path).want(http.StatusNoContent)
	again := ada.post(b.path+"/complete", object{"etags": []string{first, second}}).want(http.StatusCreated)
	if again.text("id") != made.text("id") || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%s", again.raw)
	}
	link := ada.get(made.header.Get("Location") + "/download").want(http.StatusFound).header.Get("Location")
	if _, got := w.fetch(link); !bytes.Equal(got, body) {
		t.Error("the document is not what was completed")
	}
	if staged := w.objects(command.TenantPrefix(id)); len(staged) != 1 {
		t.Errorf("stored: %v", staged)
	}

	// Equal bytes are stored once.
	twin := ada.announce(tenant, object{"filename": "twin.bin", "mime_type": "application/octet-stream", "size": len(body)})
	_, first = w.send(twin.parts[0], body[:16<<20])
	_, second = w.send(twin.parts[1], body[16<<20:])
	if a := ada.post(twin.path+"/complete", object{"etags": []string{first, second}}).want(http.StatusCreated); a.json.Data["deduplicated"] != true {
		t.Errorf("%s", a.raw)
	}
	if staged := w.objects(command.TenantPrefix(id)); len(staged) != 1 {
		t.Errorf("stored: %v", staged)
	}

	// What is not as it was announced is no document. It is left to the worker's sweep:
	// another attempt may have read it better.
	other := ada.announce(tenant, object{
		"filename": "other.bin", "mime_type": "application/octet-stream", "size": len(body), "sha256": strings.Repeat("0", 64),
	})
	_, first = w.send(other.parts[0], body[:16<<20])
	_, second = w.send(other.parts[1], body[16<<20:])
	ada.post(other.path+"/complete", object{"etags": []string{first, second}}).wantError(http.StatusBadRequest, "DIGEST_MISMATCH")
	if documents := ada.get(tenant + "/documents").items(); len(documents) != 2 {
		t.Errorf("documents: %v", documents)
	}
}

// Who is told to try again need not send the file again.
func TestACompletionThatOthersOvertakeCanBeTriedAgain(t *testing.T) {
	t.Parallel()
	w, store := overUnsteady(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	ada.rawText(tenant, "filename=a.bin", "bytes").want(http.StatusCreated)
	b := ada.announce(tenant, requestFor("bytes", nil))
	w.send(b.parts[0], []byte("bytes"))
	store.looked = func() {
		_, err := w.app.UploadDocument(t.Context(), command.Meta{ID: uuid.New(), Actor: ada.id}, command.UploadDocument{
			TenantID: id, DocumentID: uuid.New(), Filename: "faster.bin", MimeType: "application/pdf",
			Digest: command.DigestOf([]byte("bytes")), By: command.Access{UserID: ada.id, Role: events.RoleAdmin},
		}, nil)
		w.must(err)
	}
	ada.post(b.path+"/complete", object{}).wantError(http.StatusConflict, "CONFLICT")
	store.looked = func() {}
	w.holds(ada, tenant, ada.post(b.path+"/complete", object{}).want(http.StatusCreated), "bytes")
}

// Nobody takes away from others what was sent in parts because it misread it.
func TestPartsThatWereMisreadAreThereStill(t *testing.T) {
	t.Parallel()
	w, store := overUnsteady(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	body := strings.Repeat("x", 16<<20+1)
	b := ada.announce(tenant, requestFor(body, object{"md5": command.DigestOf([]byte(body)).MD5}))
	_, first := w.send(b.parts[0], []byte(body[:16<<20]))
	_, second := w.send(b.parts[1], []byte(body[16<<20:]))
	etags := object{"etags": []string{first, second}}
	store.read = func(d command.Digest) command.Digest { return command.Digest{Size: d.Size} }
	ada.post(b.path+"/complete", etags).wantError(http.StatusBadRequest, "DIGEST_MISMATCH")
	store.read = func(d command.Digest) command.Digest { return d }
	w.holds(ada, tenant, ada.post(b.path+"/complete", etags).want(http.StatusCreated), body)
}

func TestWhoMayUploadToTheStore(t *testing.T) {
	w := setup(t)
	admin, user, viewer, stranger := w.newPerson("admin"), w.newPerson("user"), w.newPerson("viewer"), w.newPerson("stranger")
	auditor := w.newPerson("auditor")
	tenant, id := admin.newTenant("Own")
	foreign, _ := stranger.newTenant("Foreign")
	w.join(admin, id, user, events.RoleUser)
	w.join(admin, id, viewer, events.RoleViewer)
	w.join(admin, id, auditor, events.RoleAuditor)
	b := user.announce(tenant, requestFor("bytes", nil))
	w.send(b.parts[0], []byte("bytes"))
	for name, test := range map[string]struct {
		p      *person
		status int
	}{
		"another member": {admin, 404}, "viewer": {viewer, 403}, "auditor": {auditor, 403}, "stranger": {stranger, 404}, "nobody": {w.anonymous(), 401},
	} {
		test.p.post(b.path+"/complete", object{}).want(test.status)
		test.p.delete(b.path).want(test.status)
		if name != "another member" {
			test.p.post(tenant+"/uploads", requestFor("x", nil)).want(test.status)
		}
	}
	sealed := strings.TrimPrefix(b.path, tenant)
	stranger.post(foreign+sealed+"/complete", object{}).want(404)
	user.post(tenant+"/uploads/"+strings.Repeat("A", 400)+"/complete", object{}).want(404)
	user.post(tenant+"/uploads/x.y/complete", object{}).want(400)
	w.join(admin, id, stranger, events.RoleUser)
	stranger.post(tenant+sealed+"/complete", object{}).want(404)
	user.post(b.path+"/complete", object{}).want(201)
}
