package httpapi_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	httpapi "github.com/cartulary/cartulary/adapters/http"
	"github.com/cartulary/cartulary/command"
)

const mediaTus = "application/offset+octet-stream"

var tusSpoken = header{"Tus-Resumable", "1.0.0"}

// tusMetadata encodes names and values for Upload-Metadata.
func tusMetadata(pairs ...string) string {
	var list []string
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, pairs[i]+" "+base64.StdEncoding.EncodeToString([]byte(pairs[i+1])))
	}
	return strings.Join(list, ",")
}

// tusHeaders are what an operation takes.
func tusHeaders(o operation) []header {
	headers := []header{tusSpoken}
	switch o.method {
	case http.MethodPost:
		headers = append(headers, header{"Upload-Length", "5"}, header{"Upload-Metadata", tusMetadata("filename", "a.pdf")})
	case http.MethodPatch:
		headers = append(headers, header{"Upload-Offset", "0"})
	}
	return headers
}

// createTus asks for an upload.
func (p *person) createTus(tenant string, size int64, metadata string, headers ...header) answer {
	p.w.t.Helper()
	return p.do(http.MethodPost, tenant+"/tus", nil, append([]header{
		tusSpoken, {"Upload-Length", strconv.FormatInt(size, 10)}, {"Upload-Metadata", metadata},
	}, headers...)...)
}

// beginTus begins an upload and returns its path.
func (p *person) beginTus(tenant, name string, size int64) string {
	p.w.t.Helper()
	return p.createTus(tenant, size, tusMetadata("filename", name)).want(http.StatusCreated).header.Get("Location")
}

// patchTus sends bytes of an upload.
func (p *person) patchTus(upload string, offset int64, body io.Reader, headers ...header) answer {
	p.w.t.Helper()
	return p.do(http.MethodPatch, upload, body, append([]header{
		tusSpoken, {"Content-Type", mediaTus}, {"Upload-Offset", strconv.FormatInt(offset, 10)},
	}, headers...)...)
}

// stands fails unless HEAD says that an upload stands at an offset.
func (p *person) stands(upload string, offset int64) answer {
	p.w.t.Helper()
	a := p.do(http.MethodHead, upload, nil, tusSpoken).want(http.StatusOK)
	if got := a.header.Get("Upload-Offset"); got != strconv.FormatInt(offset, 10) {
		p.w.t.Errorf("stands at %s, not %d", got, offset)
	}
	return a
}

func TestWhatOfTusIsSpoken(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	a := ada.do(http.MethodOptions, tenant+"/tus", nil).want(http.StatusNoContent)
	for name, want := range map[string]string{
		"Tus-Resumable": "1.0.0", "Tus-Version": "1.0.0", "Tus-Max-Size": "104857600", "Tus-Checksum-Algorithm": "md5,sha1,sha256",
		"Tus-Extension": "creation,creation-with-upload,termination,checksum,expiration",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if allow := ada.do(http.MethodPut, tenant+"/tus", nil).want(http.StatusMethodNotAllowed).header.Get("Allow"); strings.Count(allow, "OPTIONS") != 1 {
		t.Errorf("Allow: %s", allow)
	}
}

func TestAnUploadInSeveralRequests(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	sum := sha256.Sum256([]byte("%PDF-1.7 and more"))
	metadata := tusMetadata("filename", awkward, "sha256", strings.ToUpper(hex.EncodeToString(sum[:])), "relativePath", "x")
	begun := ada.createTus(tenant, 17, metadata).want(http.StatusCreated)
	upload := begun.header.Get("Location")
	expires, err := http.ParseTime(begun.header.Get("Upload-Expires"))
	if left := time.Until(expires); err != nil || left < 23*time.Hour || left > 24*time.Hour {
		t.Errorf("expires %v, %v", begun.header.Get("Upload-Expires"), err)
	}
	if left := w.objects(command.TenantPrefix(id)); len(left) != 0 {
		t.Errorf("an upload that was only begun left %v", left)
	}
	head := ada.stands(upload, 0)
	if head.header.Get("Upload-Length") != "17" || head.header.Get("Upload-Metadata") != metadata || head.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", head.header)
	}
	ada.patchTus(upload, 0, strings.NewReader("%PDF-1.7")).want(http.StatusNoContent)
	ada.patchTus(upload, 0, strings.NewReader("%PDF-1.7")).wantError(http.StatusConflict, "UPLOAD_OFFSET")
	ada.patchTus(upload, 9, strings.NewReader("x")).wantError(http.StatusConflict, "UPLOAD_OFFSET")
	ada.patchTus(upload, 8, strings.NewReader(" and more than was said")).wantError(http.StatusRequestEntityTooLarge, "PAYLOAD_TOO_LARGE")
	ada.patchTus(upload, 8, io.MultiReader(strings.NewReader(" and more than was said"))).want(http.StatusRequestEntityTooLarge) // in chunks
	if items := ada.get(tenant + "/documents").items(); len(items) != 0 {
		t.Errorf("documents: %v", items)
	}
	if a := ada.stands(upload, 8); a.header.Get("Upload-Document") != "" {
		t.Errorf("%v", a.header)
	}
	last := ada.patchTus(upload, 8, strings.NewReader(" and more")).want(http.StatusNoContent)
	document := last.header.Get("Upload-Document")
	if last.header.Get("Upload-Offset") != "17" || last.header.Get("Consistency-Token") == "" || last.header.Get("Upload-Expires") != "" {
		t.Errorf("%v", last.header)
	}
	made := ada.get(document).want(http.StatusOK)
	if made.text("filename") != awkward || made.text("mime_type") != "application/pdf" || made.text("sha256_hash") != hex.EncodeToString(sum[:]) {
		t.Errorf("%s", made.raw)
	}
	link := ada.get(document + "/download").want(http.StatusFound).header.Get("Location")
	if _, body := w.fetch(link); string(body) != "%PDF-1.7 and more" {
		t.Errorf("got %q", body)
	}
	for _, again := range []answer{ada.stands(upload, 17), ada.patchTus(upload, 17, nil).want(http.StatusNoContent)} {
		if again.header.Get("Upload-Document") != document || again.header.Get("Consistency-Token") == "" {
			t.Errorf("%v", again.header)
		}
	}
	if state := ada.get(upload).want(http.StatusOK); state.text("document_id") != made.text("id") {
		t.Errorf("%s", state.raw)
	}
	if staged := w.objects(command.StagingPrefix(id)); len(staged) != 1 {
		t.Errorf("staged: %v", staged)
	}
	if chunks := w.objects(command.ResumablePrefix(id)); len(chunks) != 1 { // what says that it is done
		t.Errorf("chunks: %v", chunks)
	}
}

func TestResumableUploadsOfOneRequest(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	empty := ada.createTus(tenant, 0, tusMetadata("filename", "empty.json")).want(http.StatusCreated)
	if made := ada.get(empty.header.Get("Upload-Document")).want(http.StatusOK); made.json.Data["file_size"] != 0.0 || made.text("mime_type") != "application/json" {
		t.Errorf("%s", made.raw)
	}
	whole := ada.do(http.MethodPost, tenant+"/tus", strings.NewReader("bytes"), tusSpoken, header{"Content-Type", mediaTus},
		header{"Upload-Length", "5"}, header{"Upload-Metadata", tusMetadata("name", "a.txt", "filetype", "text/csv")}).want(http.StatusCreated)
	if whole.header.Get("Upload-Offset") != "5" {
		t.Errorf("%v", whole.header)
	}
	if made := ada.get(whole.header.Get("Upload-Document")).want(http.StatusOK); made.text("mime_type") != "text/csv" {
		t.Errorf("%s", made.raw)
	}
	// Equal bytes are stored once, whichever way they came.
	twin := ada.beginTus(tenant, "b.txt", 5)
	ada.patchTus(twin, 0, strings.NewReader("bytes")).want(http.StatusNoContent)
	if a := ada.upload(tenant, []part{file("c.txt", "bytes")}).want(http.StatusCreated); a.json.Data["deduplicated"] != true {
		t.Errorf("%s", a.raw)
	}
	if staged := w.objects(command.StagingPrefix(id)); len(staged) != 2 {
		t.Errorf("staged: %v", staged)
	}
}

func TestUploadsThatCanNotBegin(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	named := tusMetadata("filename", "a.pdf")
	for name, test := range map[string]struct {
		length, metadata string
		status           int
		field            string
	}{
		"a byte too many": {"104857601", named, 413, ""},
		"far too many":    {"9007199254740991", named, 413, ""},
		"negative":        {"-1", named, 400, "Upload-Length"},
		"no number":       {"x", named, 400, "Upload-Length"},
		"no name":         {"5", tusMetadata("filetype", "text/plain"), 400, "filename"},
		"a path":          {"5", tusMetadata("filename", "../a.pdf"), 400, "filename"},
		"no media type":   {"5", named + "," + tusMetadata("filetype", "///"), 400, "mime_type"},
		"no digest":       {"5", named + "," + tusMetadata("sha256", "x"), 400, "sha256"},
		"no base64":       {"5", "filename a.pdf", 400, "Upload-Metadata"},
		"a name twice":    {"5", named + "," + named, 400, "Upload-Metadata"},
		"too long":        {"5", named + "," + tusMetadata("x", strings.Repeat("x", 2000)), 400, "Upload-Metadata"},
	} {
		a := ada.do(http.MethodPost, tenant+"/tus", nil, tusSpoken, header{"Upload-Length", test.length}, header{"Upload-Metadata", test.metadata})
		if a.status != test.status || test.field != "" && (len(a.json.Error.Details.Fields) != 1 || a.json.Error.Details.Fields[0].Field != test.field) {
			t.Errorf("%s: %d %s", name, a.status, a.raw)
		}
	}
	ada.do(http.MethodPost, tenant+"/tus", nil, tusSpoken, header{"Upload-Defer-Length", "1"}, header{"Upload-Metadata", named}).
		wantError(http.StatusBadRequest, "VALIDATION_ERROR")
	ada.createTus(tenant, 5, named, header{"Tus-Resumable", "0.2.2"}).wantError(http.StatusPreconditionFailed, "PRECONDITION_FAILED")
	upload := ada.beginTus(tenant, "a.pdf", 5)
	for _, method := range []string{http.MethodPatch, http.MethodDelete} {
		a := ada.do(method, upload, nil, header{"Content-Type", mediaTus}, header{"Upload-Offset", "0"}).want(http.StatusPreconditionFailed)
		if a.header.Get("Tus-Version") != "1.0.0" {
			t.Errorf("%s: %v", method, a.header)
		}
	}
	ada.patchTus(upload, 0, strings.NewReader("x"), header{"Content-Type", "text/plain"}).wantError(415, "UNSUPPORTED_MEDIA_TYPE")
	ada.do(http.MethodPost, tenant+"/tus", strings.NewReader("x"), tusSpoken, header{"Content-Type", "text/plain"},
		header{"Upload-Length", "5"}, header{"Upload-Metadata", named}).wantError(415, "UNSUPPORTED_MEDIA_TYPE")
	if left := w.objects(command.TenantPrefix(id)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// noDigest is what nothing hashes to.
func noDigest(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }

func TestDigestsOfChunks(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	digest := func(of string) header {
		s256, s512 := sha256.Sum256([]byte(of)), sha512.Sum512([]byte(of))
		return header{"Content-Digest", "sha-256=:" + base64.StdEncoding.EncodeToString(s256[:]) + ":, sha-512=:" +
			base64.StdEncoding.EncodeToString(s512[:]) + ":"}
	}
	sum5 := func(of string) header {
		b := md5.Sum([]byte(of))
		return header{"Content-MD5", base64.StdEncoding.EncodeToString(b[:])}
	}
	checksum := func(of string) header {
		b := sha1.Sum([]byte(of))
		return header{"Upload-Checksum", "sha1 " + base64.StdEncoding.EncodeToString(b[:])}
	}
	upload := ada.beginTus(tenant, "a.txt", 9)
	for _, wrong := range []header{
		{"Content-Digest", "sha-256=:" + noDigest(32) + ":"}, {"Content-Digest", "sha-512=:" + noDigest(64) + ":"}, {"Content-MD5", noDigest(16)},
	} {
		ada.patchTus(upload, 0, strings.NewReader("bytes"), wrong).wantError(400, "DIGEST_MISMATCH")
		ada.patchTus(upload, 0, strings.NewReader("bytes"), checksum("bytes"), wrong).wantError(400, "DIGEST_MISMATCH")
		ada.patchTus(upload, 0, nil, wrong).wantError(400, "DIGEST_MISMATCH")
		ada.patchTus(upload, 0, io.MultiReader(strings.NewReader("bytes")), wrong).wantError(400, "VALIDATION_ERROR") // no length
		ada.patchTus(upload, 0, bytes.NewReader(make([]byte, 8<<20+1)), wrong).wantError(413, "PAYLOAD_TOO_LARGE")
	}
	ada.patchTus(upload, 0, strings.NewReader("bytes"), digest("bytes"), checksum("other")).wantError(460, "DIGEST_MISMATCH")
	ada.patchTus(upload, 0, strings.NewReader("bytes"), header{"Content-Digest", "sha-512=:AAAA:"}).wantError(400, "VALIDATION_ERROR")
	ada.stands(upload, 0)
	ada.patchTus(upload, 0, strings.NewReader("bytes"), digest("bytes"), sum5("bytes"), checksum("bytes")).want(http.StatusNoContent)
	ada.patchTus(upload, 5, strings.NewReader("mo"), header{"Content-Digest", "sha=:AAAA:"}).want(http.StatusNoContent)
	ada.stands(upload, 7)
	last := ada.patchTus(upload, 7, strings.NewReader("re"), digest("re")).want(http.StatusNoContent)
	sum := sha256.Sum256([]byte("bytesmore"))
	if made := ada.get(last.header.Get("Upload-Document")); made.text("sha256_hash") != hex.EncodeToString(sum[:]) {
		t.Errorf("%s", made.raw)
	}
}

func TestChecksumsOfChunks(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	sum := func(s string) header {
		b := sha1.Sum([]byte(s))
		return header{"Upload-Checksum", "sha1 " + base64.StdEncoding.EncodeToString(b[:])}
	}
	upload := ada.beginTus(tenant, "a.txt", 9)
	ada.patchTus(upload, 0, strings.NewReader("other"), sum("bytes")).wantError(460, "DIGEST_MISMATCH")
	ada.stands(upload, 0)
	ada.patchTus(upload, 0, strings.NewReader("bytes"), sum("bytes")).want(http.StatusNoContent)
	for _, checksum := range []string{"crc32 AAAA", "sha1", "sha1 AAAA", "sha256 x"} {
		ada.patchTus(upload, 5, strings.NewReader("more"), header{"Upload-Checksum", checksum}).wantError(400, "VALIDATION_ERROR")
	}
	ada.patchTus(upload, 5, io.MultiReader(strings.NewReader("more")), sum("more")).wantError(400, "VALIDATION_ERROR") // no length
	ada.patchTus(upload, 5, nil, sum("more")).wantError(460, "DIGEST_MISMATCH")
	ada.stands(upload, 5)
	ada.patchTus(upload, 5, strings.NewReader("more"), header{"Upload-Checksum", "md5 n0QB+rjAj0eV2yPSmqcW8w=="}).want(460)
	ada.patchTus(upload, 5, strings.NewReader("more"), sum("more")).want(http.StatusNoContent)
	large := bytes.Repeat([]byte("x"), 8<<20+1)
	wide := ada.beginTus(tenant, "b.txt", 20<<20)
	ada.patchTus(wide, 0, bytes.NewReader(large), sum(string(large))).wantError(413, "PAYLOAD_TOO_LARGE")
	ada.patchTus(wide, 0, bytes.NewReader(large[1:]), sum(string(large[1:]))).want(http.StatusNoContent)
	ada.stands(wide, 8<<20)
	ada.do(http.MethodPost, tenant+"/tus", strings.NewReader("x"), tusSpoken, header{"Content-Type", mediaTus}, sum("y"),
		header{"Upload-Length", "5"}, header{"Upload-Metadata", tusMetadata("filename", "a")}).want(460)
	ada.do(http.MethodPost, tenant+"/tus", strings.NewReader("x"), tusSpoken, header{"Content-Type", mediaTus}, header{"Content-Digest", "sha-256=:" + noDigest(32) + ":"},
		header{"Upload-Length", "5"}, header{"Upload-Metadata", tusMetadata("filename", "a")}).wantError(400, "DIGEST_MISMATCH")
	// A digest of the whole file is held against the whole file.
	wrong := ada.createTus(tenant, 5, tusMetadata("filename", "a", "sha256", strings.Repeat("0", 64))).header.Get("Location")
	before := len(w.objects(command.StagingPrefix(id)))
	ada.patchTus(wrong, 0, strings.NewReader("bytes")).wantError(400, "DIGEST_MISMATCH")
	ada.patchTus(wrong, 5, nil).wantError(410, "UPLOAD_GONE")
	if after := len(w.objects(command.StagingPrefix(id))); after != before {
		t.Errorf("%d objects became %d", before, after)
	}
}

func TestUploadsThatAreGivenUpOrExpire(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	upload := ada.beginTus(tenant, "a.txt", 9)
	ada.patchTus(upload, 0, strings.NewReader("bytes")).want(http.StatusNoContent)
	ada.delete(upload, tusSpoken).want(http.StatusNoContent)
	if chunks := w.objects(command.ResumablePrefix(id)); len(chunks) != 1 { // what says that it is gone
		t.Errorf("chunks: %v", chunks)
	}
	done := ada.beginTus(tenant, "b.txt", 5)
	document := ada.patchTus(done, 0, strings.NewReader("bytes")).want(http.StatusNoContent).header.Get("Upload-Document")
	ada.delete(done, tusSpoken).want(http.StatusNoContent)
	ada.get(document).want(http.StatusOK)
	expired, err := httpapi.ExpiredUpload(w.api, id, ada.id)
	w.must(err)
	for name, gone := range map[string]string{"given up": upload, "done, and given up": done, "expired": expired} {
		t.Run(name, func(*testing.T) {
			ada.get(gone).wantError(http.StatusGone, "UPLOAD_GONE")
			ada.do(http.MethodHead, gone, nil, tusSpoken).want(http.StatusGone)
			ada.patchTus(gone, 5, strings.NewReader("more")).wantError(http.StatusGone, "UPLOAD_GONE")
			ada.delete(gone, tusSpoken).wantError(http.StatusGone, "UPLOAD_GONE")
		})
	}
}
