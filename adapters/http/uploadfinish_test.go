package httpapi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	httpapi "github.com/cartulary/cartulary/adapters/http"
	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/command"
)

// unsteady is a store during whose answers something else happens.
type unsteady struct {
	*s3.Store

	looked func()                              // before it tells whether an object is intact
	adopt  func(context.Context) error         // once it has taken one over
	put    func(context.Context) error         // before it stores a stream
	read   func(command.Digest) command.Digest // what it tells that an object holds
}

func (u *unsteady) Adopt(ctx context.Context, from, to string, size int64) (command.Digest, error) {
	d, err := u.Store.Adopt(ctx, from, to, size)
	return d, errors.Join(err, u.adopt(ctx))
}

func (u *unsteady) PutSized(ctx context.Context, key, contentType string, body io.Reader, size int64) (command.Digest, error) {
	if err := u.put(ctx); err != nil {
		return command.Digest{}, err
	}
	return u.Store.PutSized(ctx, key, contentType, body, size)
}

func (u *unsteady) Intact(ctx context.Context, key string, d command.Digest) (bool, error) {
	u.looked()
	return u.Store.Intact(ctx, key, d)
}

func (u *unsteady) Verify(ctx context.Context, key string) (command.Digest, error) {
	d, err := u.Store.Verify(ctx, key)
	return u.read(d), err
}

func overUnsteady(t *testing.T, change ...func(*httpapi.Config)) (*world, *unsteady) {
	t.Helper()
	well := func(context.Context) error { return nil }
	store := &unsteady{looked: func() {}, adopt: well, put: well, read: func(d command.Digest) command.Digest { return d }}
	w := setup(t, append(change, func(c *httpapi.Config) {
		store.Store, _ = c.Objects.(*s3.Store)
		c.Objects = store
	})...)
	return w, store
}

// What takes the store longer than a request has becomes a document all the same.
func TestUploadsAreFinishedByASlowStore(t *testing.T) {
	t.Parallel()
	const patience, slow = 3 * time.Second, 4 * time.Second
	w, store := overUnsteady(t, func(c *httpapi.Config) { c.RequestTimeout = patience })
	wait := func(ctx context.Context) error {
		select {
		case <-time.After(slow):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	store.adopt, store.put = wait, wait
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	body := bytes.Repeat([]byte("x"), 1<<20)
	var both sync.WaitGroup
	both.Go(func() {
		b := ada.announce(tenant, requestFor(string(body), nil))
		w.send(b.parts[0], body)
		ada.post(b.path+"/complete", object{}).want(http.StatusCreated)
	})
	both.Go(func() {
		upload := ada.beginTus(tenant, "a.bin", int64(len(body)))
		if a := ada.patchTus(upload, 0, bytes.NewReader(body)).want(http.StatusNoContent); a.header.Get("Upload-Document") == "" {
			t.Errorf("no document: %v", a.header)
		}
	})
	both.Wait()
}

// However many ask where an upload stands of which all is there: one at a time makes the
// document, in the room that uploads have.
func TestAnUploadIsFinishedByOneRequestAtATime(t *testing.T) {
	t.Parallel()
	w, store := overUnsteady(t, func(c *httpapi.Config) { c.MaxUploads = 2 })
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	upload := ada.beginTus(tenant, "a.bin", 5)
	store.put = func(context.Context) error { return fmt.Errorf("planted: %w", net.ErrClosed) }
	ada.patchTus(upload, 0, strings.NewReader("bytes")).wantError(http.StatusServiceUnavailable, "UNAVAILABLE")
	conn := ada.raw(tenant, 1000) // takes all the room that one may have
	var made atomic.Int32
	store.put = func(context.Context) error {
		made.Add(1)
		time.Sleep(200 * time.Millisecond)
		return nil
	}
	w.until(func() bool {
		return ada.do(http.MethodHead, upload, nil, tusSpoken).status == http.StatusServiceUnavailable
	})
	before := made.Load()
	w.must(conn.Close())
	w.until(func() bool { return ada.rawText(tenant, "filename=b.bin", "b").status == http.StatusCreated })
	var crowd sync.WaitGroup
	for range 6 {
		crowd.Go(func() { ada.stands(upload, 5) })
	}
	crowd.Wait()
	if n := made.Load() - before; n != 1 {
		t.Errorf("%d copies were made", n)
	}
}
