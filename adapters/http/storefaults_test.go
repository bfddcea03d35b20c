package httpapi_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	httpapi "github.com/cartulary/cartulary/adapters/http"
	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/internal/faultproxy"
	"github.com/cartulary/cartulary/internal/s3test"
)

// shortPatience is that with a store that stands still, where a test waits for its end.
const shortPatience = 1500 * time.Millisecond

// overFaults has the interface speak to the store through a proxy. It has the given
// patience with it; the usual one if that is 0.
func overFaults(t *testing.T, patience time.Duration) (*world, *faultproxy.Proxy) {
	t.Helper()
	var proxy *faultproxy.Proxy
	var store *s3.Store
	w := setup(t, func(c *httpapi.Config) {
		server := s3test.Start(t)
		proxy = faultproxy.Start(t, server.Endpoint)
		var err error
		store, err = s3.New(t.Context(), s3.Config{
			Endpoint: proxy.Endpoint, AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey,
			Bucket: s3test.Bucket, Region: s3test.Region, PathStyle: true, Patience: patience,
		})
		if err != nil {
			t.Fatal(err)
		}
		c.Objects, c.MaxUploads = store, 8 // of which one person may have 6
	})
	w.store = store
	return w, proxy
}

// An upload that the store fails in the middle of is refused, whatever its way in, and
// nothing is recorded; once the store is well, the same upload is a document.
func TestAStoreThatFailsInTheMiddle(t *testing.T) {
	t.Parallel()
	w, proxy := overFaults(t, 0)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	content := strings.Repeat("much to be sent ", 64<<10)
	for name, fault := range map[string]faultproxy.Fault{
		"cut while it takes":  {CutSent: 300 << 10},
		"cut while it speaks": {CutReceived: 10},
	} {
		for way, upload := range map[string]func(body string) answer{
			"form": func(body string) answer { return ada.upload(tenant, []part{file("a.bin", body)}) },
			"body": func(body string) answer { return ada.rawText(tenant, "filename=a.bin", body) },
		} {
			before, body := head(w, id), content+name+way
			proxy.Set(fault)
			upload(body).wantError(http.StatusServiceUnavailable, "UNAVAILABLE")
			proxy.Set(faultproxy.Fault{})
			if after := head(w, id); after != before {
				t.Errorf("%s, %s: %d events more", name, way, after-before)
			}
			if _, err := w.cfg.Objects.Verify(t.Context(), "none"); !errors.Is(err, s3.ErrNotFound) { // over a connection that was not cut
				t.Fatal(err)
			}
			w.holds(ada, tenant, upload(body).want(http.StatusCreated), body)
		}
	}
	if n := len(ada.get(tenant + "/documents?limit=50").want(http.StatusOK).items()); n != 4 {
		t.Errorf("%d documents", n)
	}
}

// holds checks that a document's download is a body.
func (w *world) holds(p *person, tenant string, made answer, body string) {
	w.t.Helper()
	link := p.get(tenant + "/documents/" + made.text("id") + "/download").want(http.StatusFound).header.Get("Location")
	if _, got := w.fetch(link); string(got) != body {
		w.t.Errorf("%d bytes came back, not the %d that were sent", len(got), len(body))
	}
}

// A store that hangs, connections open, costs its patience and no more: an upload is
// refused whatever its way in, nothing is recorded, its place is free for the next one,
// and nothing is left in the store.
func TestAStoreThatHangs(t *testing.T) {
	t.Parallel()
	w, proxy := overFaults(t, shortPatience)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	large := strings.Repeat("much to be sent ", 1<<20) // more than connections hold
	ways := map[string]func(body string) answer{
		"form":           func(body string) answer { return ada.upload(tenant, []part{file("a.bin", body)}) },
		"body":           func(body string) answer { return ada.rawText(tenant, "filename=a.bin", body) },
		"unknown length": func(body string) answer { return ada.uploadRaw(tenant, "filename=a.bin", strings.NewReader(body), -1) },
		"small":          func(body string) answer { return ada.rawText(tenant, "filename=a.bin", body[:250<<10]) },
		"tus": func(body string) answer {
			return ada.patchTus(ada.beginTus(tenant, "a.bin", int64(len(body))), 0, strings.NewReader(body))
		},
	}
	for name, fault := range map[string]faultproxy.Fault{
		"stops taking":            {HangSent: 200 << 10},
		"takes all, says nothing": {HangReceived: 1},
	} {
		before, begun := head(w, id), time.Now()
		proxy.Set(fault)
		var all sync.WaitGroup
		for way, upload := range ways {
			all.Go(func() {
				if a := upload(name + way + large); a.status != http.StatusServiceUnavailable {
					t.Errorf("%s, %s: %d %s", name, way, a.status, a.raw)
				}
			})
		}
		all.Wait()
		if took := time.Since(begun); took > 10*shortPatience {
			t.Errorf("%s: it took %s", name, took)
		}
		proxy.Set(faultproxy.Fault{})
		if after := head(w, id); after != before {
			t.Errorf("%s: %d events more", name, after-before)
		}
	}
	w.until(func() bool { return len(w.left(command.StagingPrefix(id))) == 0 })
	for way, upload := range ways {
		if a := upload(way + large); a.status != http.StatusCreated && a.status != http.StatusNoContent {
			t.Errorf("%s: %d %s", way, a.status, a.raw)
		}
	}
}

// What was sent to the store is completed when the store is well again, and not before.
func TestAStoreThatFailsACompletion(t *testing.T) {
	t.Parallel()
	w, proxy := overFaults(t, 0)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	body := strings.Repeat("sent before ", 100<<10)
	begun := ada.announce(tenant, requestFor(body, nil))
	if status, _ := w.send(begun.parts[0], []byte(body)); status != http.StatusOK {
		t.Fatalf("sent: %d", status)
	}
	before := head(w, id)
	for _, fault := range []faultproxy.Fault{{Refuse: true}, {CutReceived: 200 << 10}} {
		proxy.Set(fault)
		ada.post(begun.path+"/complete", object{}).wantError(http.StatusServiceUnavailable, "UNAVAILABLE")
	}
	proxy.Set(faultproxy.Fault{})
	if after := head(w, id); after != before {
		t.Errorf("%d events more", after-before)
	}
	w.holds(ada, tenant, ada.post(begun.path+"/complete", object{}).want(http.StatusCreated), body)
}

// An archive that the store fails in the middle of is no ZIP file; one from a slow store
// is whole.
func TestAnArchiveFromAStoreThatFails(t *testing.T) {
	t.Parallel()
	w, proxy := overFaults(t, shortPatience)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	var ids []string
	for _, name := range []string{"a.bin", "b.bin"} {
		made := ada.upload(tenant, []part{file(name, strings.Repeat(name, 100<<10))}).want(http.StatusCreated)
		ids = append(ids, uuid.MustParse(made.text("id")).String())
	}
	path := tenant + "/archive?ids=" + strings.Join(ids, ",")
	proxy.Set(faultproxy.Fault{CutReceived: 700 << 10}) // in the second
	if whole(ada.cut(path)) {
		t.Error("a file was cut off, and the archive is whole")
	}
	proxy.Set(faultproxy.Fault{Pause: time.Millisecond})
	if !whole(ada.cut(path)) {
		t.Error("the store is slow, and the archive is not whole")
	}
	proxy.Set(faultproxy.Fault{HangReceived: 700 << 10})
	begun := time.Now()
	if whole(ada.cut(path)) || time.Since(begun) > 5*shortPatience {
		t.Errorf("the store hung: the answer came after %s", time.Since(begun))
	}
}

// whole reports whether bytes are a ZIP file.
func whole(b []byte) bool {
	_, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	return err == nil
}

// cut returns what comes of an answer, to its end or to where it breaks off.
func (p *person) cut(path string) []byte {
	p.w.t.Helper()
	request, err := http.NewRequestWithContext(p.w.t.Context(), http.MethodGet, p.w.server.URL+path, nil)
	p.w.must(err)
	request.Header.Set("Authorization", "Bearer "+p.access)
	response, err := p.w.server.Client().Do(request)
	p.w.must(err)
	defer func() { _ = response.Body.Close() }()
	raw, _ := io.ReadAll(response.Body)
	return raw
}
