package httpapi_test

import (
	"bufio"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
)

// raw uploads a body as it is. A length of -1 sends it in chunks.
func (p *person) uploadRaw(tenant, query string, body io.Reader, length int64, headers ...header) answer {
	p.w.t.Helper()
	request, err := http.NewRequestWithContext(p.w.t.Context(), http.MethodPost, p.w.server.URL+tenant+"/documents?"+query, body)
	p.w.must(err)
	request.ContentLength = length
	request.Header.Set("Authorization", "Bearer "+p.access)
	for _, h := range headers {
		request.Header.Set(h.name, h.value)
	}
	response, err := p.w.server.Client().Transport.RoundTrip(request)
	p.w.must(err)
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	p.w.must(err)
	return answer{t: p.w.t, status: response.StatusCode, header: response.Header, raw: raw}.checked(p.router, request)
}

func (p *person) rawText(tenant, query, body string, headers ...header) answer {
	p.w.t.Helper()
	return p.uploadRaw(tenant, query, strings.NewReader(body), int64(len(body)), headers...)
}

func TestRawBodies(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	name := "filename=" + url.QueryEscape(awkward)
	for what, test := range map[string]struct {
		query, media, body, wantType string
		wantStatus                   int
	}{
		"with a type":       {name, "application/pdf", "x1", "application/pdf", 201},
		"JSON is a file":    {name, "application/json", `{"a":1}`, "application/json", 201},
		"mime_type wins":    {name + "&mime_type=text%2Fcsv", "application/pdf", "x2", "text/csv", 201},
		"no type":           {name, "", "%PDF-1.7 raw", "application/pdf", 201},
		"curl's type":       {"filename=a.png", mediaCurl, "\x89PNG\r\n\x1a\n", "image/png", 201},
		"no bytes":          {"filename=a.json", "", "", "application/json", 201},
		"a type that is no": {name, "nonsense/", "x", "", 415},
		"no name":           {"", "application/pdf", "x", "", 415},
		"an empty name":     {"filename=", "application/pdf", "x", "", 400},
		"a path":            {"filename=..%2Fa.pdf", "application/pdf", "x", "", 400},
		"a bad mime_type":   {name + "&mime_type=%2F%2F%2F", "application/pdf", "x", "", 400},
		"form and filename": {name, "multipart/form-data; boundary=x", "--x--\r\n", "", 400},
	} {
		t.Run(what, func(t *testing.T) {
			before := len(w.objects("tenants/"))
			var headers []header
			if test.media != "" {
				headers = append(headers, header{"Content-Type", test.media})
			}
			a := ada.rawText(tenant, test.query, test.body, headers...).want(test.wantStatus)
			if test.wantStatus != http.StatusCreated {
				if after := len(w.objects("tenants/")); after != before {
					t.Errorf("%d objects became %d", before, after)
				}
				return
			}
			if a.text("mime_type") != test.wantType || a.json.Data["file_size"] != float64(len(test.body)) {
				t.Errorf("%s", a.raw)
			}
			link := ada.get(tenant + "/documents/" + a.text("id") + "/download").want(302).header.Get("Location")
			if _, body := w.fetch(link); string(body) != test.body {
				t.Errorf("got %q", body)
			}
		})
	}
	ada.rawText(tenant, name, "x", header{"Content-Type", "text/plain"}, header{"Content-Encoding", "gzip"}).wantError(415, "UNSUPPORTED_MEDIA_TYPE")
}

const mediaCurl = "application/x-www-form-urlencoded"

func TestRawBodiesAroundTheLimit(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	const limit = 100 << 20
	for _, test := range []struct {
		size    int64
		chunked bool
		want    int
	}{
		{limit - 1, false, 201},
		{limit, false, 201},
		{limit, true, 201},
		{limit + 1, false, 413},
		{limit + 1, true, 413},
	} {
		t.Run(fmt.Sprintf("%d, chunked %v", test.size, test.chunked), func(t *testing.T) {
			before := len(w.objects(command.TenantPrefix(id)))
			length := test.size
			if test.chunked {
				length = -1
			}
			a := ada.uploadRaw(tenant, "filename=zeros.bin", io.LimitReader(endless{}, test.size), length).want(test.want)
			after := len(w.objects(command.TenantPrefix(id)))
			switch {
			case test.want == 413 && (a.json.Error.Details.Limit != limit || after != before):
				t.Errorf("%s; %d objects became %d", a.raw, before, after)
			case test.want == 201 && a.json.Data["file_size"] != float64(test.size):
				t.Errorf("%s", a.raw)
			}
		})
	}
}

func TestARawBodyThatIsCutOffLeavesNothing(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	for name, sent := range map[string]int64{"early": 10, "late": 9 << 20} {
		t.Run(name, func(t *testing.T) {
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", w.server.Listener.Addr().String())
			w.must(err)
			_, err = fmt.Fprintf(conn, "POST %s/documents?filename=a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
				"Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n", tenant, ada.access, 20<<20)
			w.must(err)
			_, err = io.CopyN(conn, endless{}, sent)
			w.must(err)
			half, ok := conn.(*net.TCPConn)
			if !ok {
				t.Fatal("no TCP")
			}
			w.must(half.CloseWrite())
			w.must(conn.SetReadDeadline(time.Now().Add(patience)))
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			w.must(err)
			w.must(response.Body.Close())
			w.must(conn.Close())
			if response.StatusCode != http.StatusBadRequest {
				t.Errorf("got %d", response.StatusCode)
			}
			if left := w.left(command.TenantPrefix(id)); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
	if items := ada.get(tenant + "/documents").items(); len(items) != 0 {
		t.Errorf("documents: %v", items)
	}
}

func TestRepeatedAndEqualUploadsOfAllWays(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	key := header{"Idempotency-Key", uuid.NewString()}
	media := header{"Content-Type", "application/pdf"}
	first := ada.rawText(tenant, "filename=a.pdf", "bytes", media, key).want(201)
	again := ada.rawText(tenant, "filename=a.pdf", "bytes", media, key).want(201)
	if first.text("id") != again.text("id") || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%s\n%s", first.raw, again.raw)
	}
	ada.rawText(tenant, "filename=a.pdf", "other", media, key).wantError(422, "IDEMPOTENCY_KEY_REUSED")
	if first.json.Data["deduplicated"] != false {
		t.Errorf("%s", first.raw)
	}
	for name, a := range map[string]answer{
		"raw":  ada.rawText(tenant, "filename=b.pdf", "bytes", media).want(201),
		"form": ada.upload(tenant, []part{file("c.pdf", "bytes")}).want(201),
	} {
		if a.json.Data["deduplicated"] != true || a.text("file_id") != first.text("file_id") {
			t.Errorf("%s: %s", name, a.raw)
		}
	}
	if staged := w.objects(command.TenantPrefix(id)); len(staged) != 1 {
		t.Errorf("staged: %v", staged)
	}
}

func TestDigestsAreVerified(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	sum256 := func(s string) string {
		b := sha256.Sum256([]byte(s))
		return "sha-256=:" + base64.StdEncoding.EncodeToString(b[:]) + ":"
	}
	sum512 := func(s string) string {
		b := sha512.Sum512([]byte(s))
		return "sha-512=:" + base64.StdEncoding.EncodeToString(b[:]) + ":"
	}
	sum5 := func(s string) string {
		b := md5.Sum([]byte(s))
		return base64.StdEncoding.EncodeToString(b[:])
	}
	head := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\nContent-Type: text/plain\r\n"
	form := func(more, body string) string {
		return head + more + "\r\n" + body + "\r\n--" + boundary + "--\r\nepilogue"
	}
	media := header{"Content-Type", "multipart/form-data; boundary=" + boundary}
	large := strings.Repeat("large ", 60_000) // is staged
	for name, test := range map[string]struct {
		query, body string
		headers     []header
		status      int
		code        string
	}{
		"raw":                        {"filename=a", "x", []header{{"Content-Digest", "sha=:eA==:, " + sum256("x")}, {"Content-Digest", sum512("x")}, {"Content-MD5", sum5("x")}}, 201, ""},
		"raw, another algorithm":     {"filename=a", "x", []header{{"Content-Digest", "sha=:eA==:"}}, 201, ""},
		"raw, sha-512":               {"filename=a", "x", []header{{"Content-Digest", sum512("x")}}, 201, ""},
		"raw, sha-512 differs":       {"filename=a", "x", []header{{"Content-Digest", sum256("x") + "," + sum512("y")}}, 400, "DIGEST_MISMATCH"},
		"raw, differs by line two":   {"filename=a", "x", []header{{"Content-Digest", sum256("x")}, {"Content-Digest", sum512("y")}}, 400, "DIGEST_MISMATCH"},
		"raw, large":                 {"filename=a", large, []header{{"Content-Digest", sum512(large)}}, 201, ""},
		"raw, large, differs":        {"filename=a", large, []header{{"Content-Digest", sum512("y")}}, 400, "DIGEST_MISMATCH"},
		"raw, no sha-512":            {"filename=a", "x", []header{{"Content-Digest", "sha-512=:eA==:"}}, 400, "VALIDATION_ERROR"},
		"raw, sha-256 differs":       {"filename=a", "x", []header{{"Content-Digest", sum256("y")}}, 400, "DIGEST_MISMATCH"},
		"raw, MD5 differs":           {"filename=a", "x", []header{{"Content-MD5", sum5("y")}}, 400, "DIGEST_MISMATCH"},
		"raw, no sha-256":            {"filename=a", "x", []header{{"Content-Digest", "sha-256=:eA==:"}}, 400, "VALIDATION_ERROR"},
		"raw, not RFC 9530":          {"filename=a", "x", []header{{"Content-Digest", strings.ReplaceAll(sum256("x"), ":", "")}}, 400, "VALIDATION_ERROR"},
		"raw, no MD5":                {"filename=a", "x", []header{{"Content-MD5", "eA=="}}, 400, "VALIDATION_ERROR"},
		"form":                       {"", form("", "x"), []header{media, {"Content-Digest", sum256(form("", "x"))}, {"Content-MD5", sum5(form("", "x"))}}, 201, ""},
		"form, the file's":           {"", form("Content-Digest: "+sum256("x")+"\r\nContent-MD5: "+sum5("x")+"\r\n", "x"), []header{media}, 201, ""},
		"form, sha-512":              {"", form("Content-Digest: "+sum512("x")+"\r\n", "x"), []header{media, {"Content-Digest", sum512(form("Content-Digest: "+sum512("x")+"\r\n", "x"))}}, 201, ""},
		"form's sha-512 differs":     {"", form("", "x"), []header{media, {"Content-Digest", sum512("x")}}, 400, "DIGEST_MISMATCH"},
		"form, the file's sha-512":   {"", form("Content-Digest: "+sum512("y")+"\r\n", "x"), []header{media}, 400, "DIGEST_MISMATCH"},
		"form differs":               {"", form("", "x"), []header{media, {"Content-Digest", sum256("x")}}, 400, "DIGEST_MISMATCH"},
		"form's MD5 differs":         {"", form("", "x"), []header{media, {"Content-MD5", sum5("x")}}, 400, "DIGEST_MISMATCH"},
		"form, the file's differs":   {"", form("Content-Digest: "+sum256("y")+"\r\n", "x"), []header{media}, 400, "DIGEST_MISMATCH"},
		"form, the file's MD5 is no": {"", form("Content-MD5: x\r\n", "x"), []header{media}, 400, "VALIDATION_ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(w.objects(command.TenantPrefix(id)))
			documents := len(ada.get(tenant + "/documents").items())
			a := ada.rawText(tenant, test.query, test.body, test.headers...).want(test.status)
			if test.status == 201 {
				return
			}
			if a.json.Error.Code != test.code {
				t.Errorf("%s", a.raw)
			}
			after := len(w.objects(command.TenantPrefix(id)))
			if now := len(ada.get(tenant + "/documents").items()); after != before || now != documents {
				t.Errorf("%d objects became %d, %d documents %d", before, after, documents, now)
			}
		})
	}
}
