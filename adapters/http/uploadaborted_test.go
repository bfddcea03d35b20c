package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	httpapi "github.com/cartulary/cartulary/adapters/http"
	"github.com/cartulary/cartulary/adapters/s3"
)

// Whose parts somebody else removed at the store meanwhile is told to send the file again,
// and can.
func TestAnUploadWhosePartsAreRemovedIs503(t *testing.T) {
	t.Parallel()
	w, store := overUnsteady(t, func(c *httpapi.Config) { c.Unavailable = []error{s3.ErrAborted} })
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	body := strings.Repeat("too much to be stored at once ", 20<<10)
	store.put = func(context.Context) error { return fmt.Errorf("planted: %w", s3.ErrAborted) }
	a := ada.rawText(tenant, "filename=a.bin", body).wantError(http.StatusServiceUnavailable, "UNAVAILABLE")
	if a.header.Get("Retry-After") == "" {
		t.Error("it is not told when")
	}
	store.put = func(context.Context) error { return nil }
	w.holds(ada, tenant, ada.rawText(tenant, "filename=a.bin", body).want(http.StatusCreated), body)
}
