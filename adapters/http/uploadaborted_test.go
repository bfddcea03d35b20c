package httpapi_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	httpapi "github.com/cartulary/cartulary/adapters/http"
	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/command"
)

// Whose parts somebody else removed at the store meanwhile is told to send the file again,
// and can.
func TestAnUploadWhosePartsAreRemovedIs503(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *httpapi.Config) { c.Unavailable = []error{s3.ErrAborted} })
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	half := strings.Repeat("x", 9<<20)
	removes := onRead(func() {
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			if n, err := w.store.AbortStale(t.Context(), command.TenantPrefix(id), time.Now().Add(time.Hour)); err != nil || n > 0 {
				w.must(err)
				return
			}
		}
		t.Error("no upload in parts was begun")
	})
	body := io.MultiReader(strings.NewReader(half), removes, strings.NewReader(half))
	a := ada.uploadRaw(tenant, "filename=a.bin", body, -1).wantError(http.StatusServiceUnavailable, "UNAVAILABLE")
	if a.header.Get("Retry-After") == "" {
		t.Error("it is not told when")
	}
	ada.uploadRaw(tenant, "filename=a.bin", strings.NewReader(half), -1).want(http.StatusCreated)
}

// onRead returns an empty reader that calls f.
func onRead(f func()) io.Reader {
	return readerFunc(func([]byte) (int, error) { f(); return 0, io.EOF })
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
