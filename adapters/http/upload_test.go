package httpapi_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	httpapi "github.com/cartulary/cartulary/adapters/http"
	"github.com/cartulary/cartulary/command"
)

const boundary = "----cartulary"

// zeros is a body of n bytes between a form's head and tail, never in memory.
func zeros(n int64) (body io.Reader, length int64) {
	before := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"zeros.bin\"\r\n\r\n"
	after := "\r\n--" + boundary + "--\r\n"
	return io.MultiReader(strings.NewReader(before), io.LimitReader(endless{}, n), strings.NewReader(after)),
		int64(len(before)) + n + int64(len(after))
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func (p *person) uploadZeros(tenant string, n int64, chunked bool) answer {
	p.w.t.Helper()
	body, length := zeros(n)
	request, err := http.NewRequestWithContext(p.w.t.Context(), http.MethodPost, p.w.server.URL+tenant+"/documents", body)
	p.w.must(err)
	if !chunked {
		request.ContentLength = length
	}
	request.Header.Set("Authorization", "Bearer "+p.access)
	request.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
	response, err := p.w.server.Client().Transport.RoundTrip(request)
	p.w.must(err)
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	p.w.must(err)
	return answer{t: p.w.t, status: response.StatusCode, header: response.Header, raw: raw}.checked(p.router, request)
}

func TestSizesAroundTheLimit(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	const limit = 100 * 1024 * 1024
	for _, test := range []struct {
		size    int64
		chunked bool
		want    int
	}{
		{0, false, 201},
		{1, true, 201},
		{limit - 1, false, 201},
		{limit, true, 201},
		{limit + 1, false, 413},
		{limit + 1, true, 413},
		{limit + 3<<20, false, 413},
	} {
		t.Run(fmt.Sprintf("%d, chunked %v", test.size, test.chunked), func(t *testing.T) {
			before := len(w.objects(command.TenantPrefix(id)))
			a := ada.uploadZeros(tenant, test.size, test.chunked).want(test.want)
			after := len(w.objects(command.TenantPrefix(id)))
			switch {
			case test.want == 201 && (a.json.Data["file_size"] != float64(test.size) || after != before+1):
				t.Errorf("%s; %d objects became %d", a.raw, before, after)
			case test.want == 413 && (a.json.Error.Details.Limit != limit || after != before):
				t.Errorf("%s; %d objects became %d", a.raw, before, after)
			}
		})
	}
}

func TestNamesOfUploads(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	named := func(parameters string) []part {
		return []part{{`form-data; name="file"; ` + parameters, "application/pdf", "x"}}
	}
	for name, test := range map[string]struct {
		parts []part
		want  string // empty: refused
	}{
		"as curl sends it":          {named(`filename="Été – رسالة %22final%22.pdf"`), awkward},
		"as old curl sends it":      {named(`filename="Été – رسالة \"final\".pdf"`), awkward},
		"extended":                  {named(`filename="x"; filename*=UTF-8''%C3%89t%C3%A9%20%E2%80%93%20%D8%B1%D8%B3%D8%A7%D9%84%D8%A9%20%22final%22.pdf`), awkward},
		"field before":              {[]part{field("filename", awkward), file("other.pdf", "x")}, awkward},
		"field after":               {[]part{file("other.pdf", "x"), field("filename", awkward)}, awkward},
		"path of a browser":         {named(`filename="C:\dir\a.pdf"`), "a.pdf"},
		"path upwards":              {named(`filename="../../a.pdf"`), "a.pdf"},
		"255 characters":            {named(`filename="` + strings.Repeat("é", 255) + `"`), strings.Repeat("é", 255)},
		"256 characters":            {named(`filename="` + strings.Repeat("é", 256) + `"`), ""},
		"none":                      {named(`x=y`), ""},
		"empty":                     {named(`filename=""`), ""},
		"blank":                     {named(`filename="  "`), ""},
		"dots":                      {named(`filename=".."`), ""},
		"directory":                 {named(`filename="C:\dir\"`), ""},
		"line break":                {named(`filename="a%0D%0Ab.pdf"`), ""},
		"NUL":                       {[]part{field("filename", "a\x00.pdf"), file("a.pdf", "x")}, ""},
		"not UTF-8":                 {named("filename=\"\xe9t\xe9.pdf\""), ""},
		"field with a path":         {[]part{field("filename", "../a.pdf"), file("a.pdf", "x")}, ""},
		"field empty":               {[]part{field("filename", ""), file("a.pdf", "x")}, ""},
		"right to left mark stays":  {named("filename=\"a\u202efdp.exe\""), "a\u202efdp.exe"},
		"looks like an instruction": {named(`filename="$(rm -rf ~); DROP TABLE.pdf"`), "$(rm -rf ~); DROP TABLE.pdf"},
	} {
		t.Run(name, func(t *testing.T) {
			before := w.objects("tenants/")
			a := ada.upload(tenant, test.parts)
			if test.want == "" {
				a.wantError(http.StatusBadRequest, "VALIDATION_ERROR")
				if after := w.objects("tenants/"); len(after) != len(before) {
					t.Errorf("left behind: %v", after)
				}
				return
			}
			if got := a.want(http.StatusCreated).text("filename"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if got := ada.get(tenant + "/documents/" + a.text("id")).text("filename"); got != test.want {
				t.Errorf("the read model holds %q", got)
			}
		})
	}
}

func TestMediaTypesOfUploads(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	typed := func(media, name, body string) part {
		return part{`form-data; name="file"; filename="` + name + `"`, media, body}
	}
	for name, test := range map[string]struct {
		parts []part
		want  string // empty: refused
	}{
		"field":              {[]part{field("mime_type", "text/csv"), typed("text/plain", "a", "x")}, "text/csv"},
		"field after":        {[]part{typed("text/plain", "a", "x"), field("mime_type", "text/csv; charset=utf-8")}, "text/csv; charset=utf-8"},
		"part":               {[]part{typed("application/octet-stream", "a.pdf", "%PDF-1.7")}, "application/octet-stream"},
		"bytes":              {[]part{typed("", "a", "%PDF-1.7")}, "application/pdf"},
		"bytes before name":  {[]part{typed("", "a.txt", "\x89PNG\r\n\x1a\n")}, "image/png"},
		"name":               {[]part{typed("", "a.json", "{}")}, "application/json"},
		"nothing to go by":   {[]part{typed("", "a", "")}, "text/plain; charset=utf-8"},
		"no media type":      {[]part{field("mime_type", "nonsense/"), typed("", "a", "x")}, ""},
		"header in it":       {[]part{field("mime_type", "text/plain\r\nX: y"), typed("", "a", "x")}, ""},
		"too long":           {[]part{field("mime_type", "text/"+strings.Repeat("x", 96)), typed("", "a", "x")}, ""},
		"part has a bad one": {[]part{typed("///", "a", "x")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := ada.upload(tenant, test.parts)
			if test.want == "" {
				a.wantError(http.StatusBadRequest, "VALIDATION_ERROR")
			} else if got := a.want(http.StatusCreated).text("mime_type"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestFormsThatAreRefused(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	media := header{"Content-Type", "multipart/form-data; boundary=" + boundary}
	whole := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nbytes\r\n--" + boundary + "--\r\n"
	ada.do(http.MethodPost, tenant+"/documents", strings.NewReader(whole), media).want(http.StatusCreated)
	before := len(w.objects(command.TenantPrefix(id)))
	for name, body := range map[string]string{
		"empty":              "",
		"other boundary":     strings.ReplaceAll(whole, boundary, "other"),
		"cut in the file":    whole[:len(whole)-len(boundary)-8],
		"cut in the end":     whole[:len(whole)-6],
		"cut in the head":    whole[:40],
		"no disposition":     strings.Replace(whole, "Content-Disposition", "X-Disposition", 1),
		"no form-data":       strings.Replace(whole, "form-data", "attachment", 1),
		"unknown field":      strings.Replace(whole, `name="file"`, `name="upload"`, 1),
		"huge header":        strings.Replace(whole, `filename="a"`, `filename="`+strings.Repeat("a", 64<<10)+`"`, 1),
		"file twice":         strings.Replace(whole, "--\r\n", "\r\n", 1) + strings.TrimPrefix(whole, "--"+boundary+"\r\n"),
		"no file":            strings.Replace(whole, `name="file"; filename="a"`, `name="filename"`, 1),
		"a field too long":   strings.Replace(strings.Replace(whole, `name="file"; filename="a"`, `name="filename"`, 1), "bytes", strings.Repeat("x", 5<<10), 1),
		"nothing but an end": "--" + boundary + "--\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			ada.do(http.MethodPost, tenant+"/documents", strings.NewReader(body), media).want(http.StatusBadRequest)
			if now := w.objects(command.TenantPrefix(id)); len(now) != before {
				t.Errorf("left behind: %v", now)
			}
		})
	}
}

func TestEqualBytesAreKeptOnce(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	first := ada.upload(tenant, []part{file("a.pdf", "bytes")}).want(http.StatusCreated)
	second := ada.upload(tenant, []part{file("b.pdf", "bytes")}).want(http.StatusCreated)
	if first.text("file_id") != second.text("file_id") || first.text("id") == second.text("id") {
		t.Errorf("%s\n%s", first.raw, second.raw)
	}
	if objects := w.objects(command.TenantPrefix(id)); len(objects) != 1 {
		t.Errorf("objects: %v", objects)
	}
	other, _ := ada.newTenant("Others")
	if third := ada.upload(other, []part{file("c.pdf", "bytes")}).want(201); third.text("file_id") == first.text("file_id") {
		t.Error("two tenants share a file")
	}
}

func TestASmallFileIsReadyAtOnce(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	const atOnce = 256 << 10
	for size, status := range map[int]string{0: "ready", 1: "ready", atOnce: "ready", atOnce + 1: "processing"} {
		body := strings.Repeat("x", size)
		for way, a := range map[string]answer{
			"form": ada.upload(tenant, []part{file("a.bin", "form"[:min(4, size)]+body[min(4, size):])}),
			"raw":  ada.rawText(tenant, "filename=a.bin", body),
		} {
			document := tenant + "/documents/" + a.want(http.StatusCreated).text("id")
			if got := ada.get(document).text("status"); a.text("status") != status || got != status {
				t.Errorf("%s of %d bytes: answered %s, then %s, want %s", way, size, a.text("status"), got, status)
			}
			link := ada.get(document + "/download").want(http.StatusFound).header.Get("Location")
			if _, got := w.fetch(link); len(got) != size {
				t.Errorf("%s of %d bytes: %d were downloaded", way, size, len(got))
			}
		}
	}
	before := w.objects(command.TenantPrefix(id))
	ada.rawText(tenant, "filename=..", "never seen before").want(http.StatusBadRequest)
	w.objectServer.Kill()
	seq := head(w, id)
	ada.rawText(tenant, "filename=b.bin", "never seen before").wantError(http.StatusServiceUnavailable, "UNAVAILABLE")
	if head(w, id) != seq {
		t.Errorf("the ledger went from %d to %d", seq, head(w, id))
	}
	w.objectServer.Restart(t)
	if after := w.objects(command.TenantPrefix(id)); len(after) != len(before) {
		t.Errorf("objects: %v, then %v", before, after)
	}
}

// Bytes that come again after they were deleted lie under another key.
func TestASmallFileIsBornAgain(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	path := func() string {
		a := ada.rawText(tenant, "filename=a.bin", "bytes").want(http.StatusCreated)
		key := ada.get(tenant + "/files/" + a.text("file_id")).want(http.StatusOK).text("s3_path")
		ada.delete(tenant + "/documents/" + a.text("id")).want(http.StatusNoContent)
		ada.delete(tenant + "/files/" + a.text("file_id")).want(http.StatusNoContent)
		return key
	}
	if first, second := path(), path(); second != first+".6" {
		t.Errorf("first %s, then %s", first, second)
	}
}

// raw opens a connection and sends the head of an upload whose body follows.
func (p *person) raw(tenant string, length int) net.Conn {
	p.w.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(p.w.t.Context(), "tcp", p.w.server.Listener.Addr().String())
	p.w.must(err)
	_, err = fmt.Fprintf(conn, "POST %s/documents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n\r\n"+
		"--%[3]s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nsome", tenant, p.access, boundary, length)
	p.w.must(err)
	return conn
}

func TestAnUploadThatStandsStillIsCutOff(t *testing.T) {
	w := setup(t, func(c *httpapi.Config) { c.UploadIdle = 150 * time.Millisecond })
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	conn := ada.raw(tenant, 10_000)
	defer func() { _ = conn.Close() }()
	w.must(conn.SetReadDeadline(time.Now().Add(patience)))
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	w.must(err)
	defer func() { _ = response.Body.Close() }()
	witness("uploadDocument", response.StatusCode)
	if response.StatusCode != http.StatusRequestTimeout {
		t.Errorf("got %d", response.StatusCode)
	}
	if left := w.left(command.TenantPrefix(id)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestAnUploadWhoseClientLeavesLeavesNothing(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	conn := ada.raw(tenant, 20<<20)
	_, err := io.CopyN(conn, endless{}, 9<<20) // more than a part of a multipart upload
	w.must(err)
	w.must(conn.Close())
	deadline := time.Now().Add(patience)
	for !strings.Contains(w.log.String(), `"route":"/api/tenants/:tenant_id/documents","status":400`) {
		if time.Now().After(deadline) {
			t.Fatalf("the request did not end: %s", w.log)
		}
	}
	if left := w.left(command.TenantPrefix(id)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if items := ada.get(tenant + "/documents").items(); len(items) != 0 {
		t.Errorf("documents: %v", items)
	}
}

func TestAStoreThatIsAwayIs503(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	w.objectServer.Kill()
	ada.upload(tenant, []part{file("a.pdf", "x")}).wantError(http.StatusServiceUnavailable, "UNAVAILABLE")
	w.objectServer.Restart(t)
	ada.upload(tenant, []part{file("a.pdf", "x")}).want(http.StatusCreated)
}

func TestATenantWithoutItsDatabase(t *testing.T) {
	w := setup(t, func(c *httpapi.Config) { c.ProjectionWait, c.ProvisionWait = 20*time.Millisecond, 20*time.Millisecond })
	ada := w.newPerson("ada")
	w.hold.Store(true)
	made := ada.post("/api/tenants", object{"name": "Slow"}).want(http.StatusAccepted)
	id := uuid.MustParse(made.text("id"))
	if made.json.Data["is_ready"] != false {
		t.Errorf("%s", made.raw)
	}
	ada.get("/api/tenants/"+id.String()).wantError(http.StatusNotFound, "NOT_FOUND")
	w.hold.Store(false)
	w.follow(id)
	ada.get("/api/tenants/" + id.String()).want(http.StatusOK)
}
