package httpapi_test

import (
	"strings"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// origins opens where all logins came from.
func (w *world) origins() []events.Origin {
	w.t.Helper()
	messages, err := w.ledger.Read(w.t.Context(), events.PlatformLedger, 0, 1000)
	w.must(err)
	var origins []events.Origin
	for _, m := range messages {
		r, err := events.Decode(m.Body)
		w.must(err)
		login, ok := r.Event.(events.UserLoggedIn)
		if !ok {
			continue
		}
		keys, err := w.keys.Keys(w.t.Context(), login.Origin.Subject)
		w.must(err)
		var origin events.Origin
		w.must(keys.Open(login.Origin, &origin))
		origins = append(origins, origin)
	}
	return origins
}

// tenantID returns the id that ends a tenant's path.
func tenantID(path string) uuid.UUID {
	return uuid.MustParse(strings.TrimPrefix(path, "/api/tenants/"))
}
