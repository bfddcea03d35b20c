package httpapi_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	httpapi "github.com/cartulary/cartulary/adapters/http"
	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// processesShare has the processes of a world share their key.
func processesShare(c *httpapi.Config) { c.TicketKey = make([]byte, 32) }

// breakOff sends the head of a request and some of its body, and leaves.
func (w *world) breakOff(p *person, upload string, body []byte, length int) {
	w.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(w.t.Context(), "tcp", w.server.Listener.Addr().String())
	w.must(err)
	_, err = fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nTus-Resumable: 1.0.0\r\n"+
		"Content-Type: %s\r\nUpload-Offset: 0\r\nContent-Length: %d\r\n\r\n", upload, p.access, mediaTus, length)
	w.must(err)
	_, err = conn.Write(body)
	w.must(err)
	w.must(conn.Close())
}

func TestABrokenUploadGoesOnInAnotherProcess(t *testing.T) {
	w := setup(t, processesShare)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	body := bytes.Repeat([]byte("0123456789abcdef"), (10<<20)/16)
	sum := sha256.Sum256(body)
	upload := ada.createTus(tenant, int64(len(body)), tusMetadata("filename", "a.bin", "sha256", hex.EncodeToString(sum[:]))).header.Get("Location")
	const sent = 9<<20 + 5
	w.breakOff(ada, upload, body[:sent], len(body))
	there := ada.at(w.another())
	w.until(func() bool {
		return there.do(http.MethodHead, upload, nil, tusSpoken).header.Get("Upload-Offset") == strconv.Itoa(sent)
	})
	document := there.patchTus(upload, sent, bytes.NewReader(body[sent:])).want(http.StatusNoContent).header.Get("Upload-Document")
	if made := ada.get(document).want(http.StatusOK); made.text("sha256_hash") != hex.EncodeToString(sum[:]) {
		t.Errorf("%s", made.raw)
	}
}

// Many send something at one offset, through two processes: one goes on each time, and
// the file is what those have sent. Of all who send the last bytes nobody makes a second
// document.
func TestUploadsOfSeveralAtOnce(t *testing.T) {
	w := setup(t, processesShare)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	const size, rounds = 300 << 10, 4
	upload := ada.beginTus(tenant, "a.bin", size*rounds+4)
	processes := []*person{ada, ada.at(w.another())}
	var want bytes.Buffer
	for round := range rounds {
		var crowd sync.WaitGroup
		var winner atomic.Pointer[[]byte]
		for n := range 6 {
			body := bytes.Repeat([]byte{byte('a' + n)}, size)
			crowd.Go(func() {
				switch a := processes[n%2].patchTus(upload, int64(round*size), bytes.NewReader(body)); {
				case a.status == http.StatusNoContent && !winner.CompareAndSwap(nil, &body):
					t.Error("two went on")
				case a.status != http.StatusNoContent:
					a.wantError(http.StatusConflict, "UPLOAD_OFFSET")
				}
			})
		}
		crowd.Wait()
		want.Write(*winner.Load())
	}
	var crowd sync.WaitGroup
	for n := range 6 {
		crowd.Go(func() {
			processes[n%2].patchTus(upload, size*rounds, strings.NewReader("last"))
			processes[n%2].do(http.MethodHead, upload, nil, tusSpoken).want(http.StatusOK)
		})
	}
	crowd.Wait()
	documents := ada.get(tenant + "/documents").items()
	if len(documents) != 1 {
		t.Fatalf("documents: %v", documents)
	}
	link := ada.get(ada.stands(upload, size*rounds+4).header.Get("Upload-Document") + "/download").want(http.StatusFound).header.Get("Location")
	if _, body := w.fetch(link); string(body) != want.String()+"last" {
		t.Errorf("got %d bytes, not those that were sent", len(body))
	}
	if staged := w.objects(command.StagingPrefix(id)); len(staged) != 1 {
		t.Errorf("staged: %v", staged)
	}
}

// moody is a store that fails when told to.
type moody struct {
	*s3.Store

	put, end atomic.Bool
}

func (m *moody) PutSized(ctx context.Context, key, contentType string, body io.Reader, size int64) (command.Digest, error) {
	if m.put.Load() {
		return command.Digest{}, fmt.Errorf("planted: %w", net.ErrClosed)
	}
	return m.Store.PutSized(ctx, key, contentType, body, size)
}

func (m *moody) EndChunks(ctx context.Context, prefix, why string) error {
	if m.end.Load() {
		return fmt.Errorf("planted: %w", net.ErrClosed)
	}
	return m.Store.EndChunks(ctx, prefix, why)
}

// Nobody is told that an upload is complete before there is a document: who is told
// does not ask again.
func TestAnUploadThatCouldNotBecomeADocumentDoesLater(t *testing.T) {
	store := &moody{}
	w := setup(t, func(c *httpapi.Config) {
		store.Store, _ = c.Objects.(*s3.Store)
		c.Objects = store
	})
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	upload := ada.beginTus(tenant, "a.bin", 5)
	store.put.Store(true)
	ada.patchTus(upload, 0, strings.NewReader("bytes")).wantError(http.StatusServiceUnavailable, "UNAVAILABLE")
	ada.do(http.MethodHead, upload, nil, tusSpoken).want(http.StatusServiceUnavailable)
	ada.createTus(tenant, 0, tusMetadata("filename", "empty")).want(http.StatusServiceUnavailable)
	store.put.Store(false)
	store.end.Store(true) // as when a process dies once the document is recorded
	first := ada.stands(upload, 5).header.Get("Upload-Document")
	again := ada.stands(upload, 5).header.Get("Upload-Document")
	store.end.Store(false)
	if first == "" || again != first || ada.stands(upload, 5).header.Get("Upload-Document") != first {
		t.Errorf("%q, then %q", first, again)
	}
	if items := ada.get(tenant + "/documents").items(); len(items) != 1 {
		t.Errorf("documents: %v", items)
	}
	if staged := w.objects(command.StagingPrefix(id)); len(staged) != 1 {
		t.Errorf("staged: %v", staged)
	}
}

func TestUploadsGoOnWhenTheStoreIsBack(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	upload := ada.beginTus(tenant, "a.bin", 10)
	ada.patchTus(upload, 0, strings.NewReader("bytes")).want(http.StatusNoContent)
	w.objectServer.Kill()
	ada.patchTus(upload, 5, strings.NewReader("more.")).want(http.StatusServiceUnavailable)
	ada.do(http.MethodHead, upload, nil, tusSpoken).want(http.StatusServiceUnavailable)
	w.objectServer.Restart(t)
	ada.stands(upload, 5)
	ada.patchTus(upload, 5, strings.NewReader("more.")).want(http.StatusNoContent)
}

func TestUploadsThatStandStill(t *testing.T) {
	w := setup(t, func(c *httpapi.Config) { c.UploadIdle = 200 * time.Millisecond })
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	still := func() io.Reader {
		r, send := io.Pipe()
		t.Cleanup(func() { _ = send.Close() })
		go func() { _, _ = send.Write([]byte("bytes")) }()
		return r
	}
	upload := ada.beginTus(tenant, "a.bin", 10)
	ada.patchTus(upload, 0, still()).wantError(http.StatusRequestTimeout, "REQUEST_TIMEOUT")
	ada.stands(upload, 5)
	ada.do(http.MethodPost, tenant+"/tus", still(), tusSpoken, header{"Content-Type", mediaTus}, header{"Upload-Length", "10"},
		header{"Upload-Metadata", tusMetadata("filename", "a")}).wantError(http.StatusRequestTimeout, "REQUEST_TIMEOUT")
}

// crumbled is a store that says that every upload lies in it in so many bytes.
type crumbled struct {
	httpapi.Objects

	pieces atomic.Int64
}

func (c *crumbled) Chunks(context.Context, string) (bounds []int64, ended string, err error) {
	for n := range c.pieces.Load() + 1 {
		bounds = append(bounds, n)
	}
	return bounds, "", nil
}

func TestUploadsInTooManyPieces(t *testing.T) {
	store := &crumbled{}
	w := setup(t, func(c *httpapi.Config) { store.Objects, c.Objects = c.Objects, store })
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	upload := ada.beginTus(tenant, "a.bin", 2*httpapi.MaxChunks)
	store.pieces.Store(httpapi.MaxChunks - 1)
	ada.patchTus(upload, httpapi.MaxChunks-1, strings.NewReader("x")).want(http.StatusNoContent)
	store.pieces.Store(httpapi.MaxChunks)
	ada.patchTus(upload, httpapi.MaxChunks, strings.NewReader("x")).wantError(http.StatusBadRequest, "BAD_REQUEST")
	ada.stands(upload, httpapi.MaxChunks)
}

func TestWhoMayResumeAnUpload(t *testing.T) {
	w := setup(t)
	admin, user, stranger := w.newPerson("admin"), w.newPerson("user"), w.newPerson("stranger")
	viewer, removed := w.newPerson("viewer"), w.newPerson("removed")
	tenant, id := admin.newTenant("Own")
	foreign, _ := stranger.newTenant("Foreign")
	w.join(admin, id, user, events.RoleUser)
	w.join(admin, id, viewer, events.RoleViewer)
	w.join(admin, id, removed, events.RoleUser)
	lost := removed.beginTus(tenant, "a", 5)
	w.expel(admin, id, removed)
	w.api.MembershipChanged(removed.id, id)
	upload := user.beginTus(tenant, "a", 5)
	ask := func(p *person, path string, status int) {
		t.Helper()
		p.get(path).want(status)
		p.do(http.MethodHead, path, nil, tusSpoken).want(status)
		p.patchTus(path, 0, strings.NewReader("bytes")).want(status)
		p.delete(path, tusSpoken).want(status)
	}
	ask(admin, upload, http.StatusNotFound)
	ask(viewer, upload, http.StatusForbidden)
	ask(stranger, upload, http.StatusNotFound)
	ask(stranger, strings.Replace(upload, tenant, foreign, 1), http.StatusNotFound)
	ask(removed, lost, http.StatusNotFound)
	ask(w.anonymous(), upload, http.StatusUnauthorized)
	// Neither kind of upload is taken for the other.
	direct := user.announce(tenant, requestFor("bytes", nil))
	ask(user, strings.Replace(direct.path, "/uploads/", "/tus/", 1), http.StatusNotFound)
	user.delete(strings.Replace(upload, "/tus/", "/uploads/", 1)).want(http.StatusNotFound)
	user.patchTus(upload, 0, strings.NewReader("bytes")).want(http.StatusNoContent)
}
