package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	httpapi "github.com/cartulary/cartulary/adapters/http"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/query"
	"github.com/cartulary/cartulary/refusals"
)

// withRefusals is a world that records refusals.
func withRefusals(t *testing.T) *world {
	t.Helper()
	var recorder *refusals.Recorder
	w := setup(t, func(cfg *httpapi.Config) {
		cfg.OnRefused = func(m command.Meta, c command.RecordRefusal) { recorder.Refused(m, c) }
	})
	recorder = refusals.New(refusals.Config{
		Record: w.app.RecordRefusal, Logger: w.logger(), Window: time.Hour,
		Exists: func(ctx context.Context, id uuid.UUID) (bool, error) {
			tenant, err := query.TenantByID(ctx, w.pool, id)
			if errors.Is(err, query.ErrNotFound) {
				return false, nil
			}
			return tenant.IsActive, err
		},
	})
	ctx, stop := context.WithCancel(context.WithoutCancel(w.t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		recorder.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
	return w
}

// accesses returns the access events of a tenant's ledger, with who caused each.
func (w *world) accesses(tenant uuid.UUID) (list []events.Recorded) {
	w.t.Helper()
	messages, err := w.ledger.Read(context.Background(), tenant, 0, 1000)
	w.must(err)
	for _, m := range messages {
		r, err := events.Decode(m.Body)
		w.must(err)
		if r.Stream.Kind == events.KindAccess {
			list = append(list, r)
		}
	}
	return list
}

func TestRefusalsAreInTheTrail(t *testing.T) {
	w := withRefusals(t)
	admin, user, viewer, stranger := w.newPerson("admin"), w.newPerson("user"), w.newPerson("viewer"), w.newPerson("stranger")
	tenant, id := admin.newTenant("Own")
	foreign, foreignID := stranger.newTenant("Foreign")
	w.join(admin, id, user, events.RoleUser)
	w.join(admin, id, viewer, events.RoleViewer)
	document := tenant + "/documents/" + admin.upload(tenant, []part{file("a.pdf", "x")}).want(201).text("id")

	stranger.get(tenant+"/documents", header{"User-Agent", "a burglar's tool"}).want(http.StatusNotFound)
	viewer.upload(tenant, []part{file("y.pdf", "y")}).want(http.StatusForbidden)
	for range 50 {
		user.delete(document).want(http.StatusForbidden)
	}
	stranger.get("/api/tenants/" + uuid.NewString()).want(http.StatusNotFound) // no ledger that it belongs in
	stranger.get(foreign + "/documents/" + uuid.NewString()).want(http.StatusNotFound)
	w.anonymous().get(tenant).want(http.StatusUnauthorized)

	type refusal struct {
		Who  uuid.UUID
		What events.AccessRefused
	}
	recorded := func(tenant uuid.UUID, atLeast int) (got []refusal) {
		w.until(func() bool {
			got = nil
			for _, r := range w.accesses(tenant) {
				what, _ := r.Event.(events.AccessRefused)
				got = append(got, refusal{r.Actor, what})
			}
			return len(got) >= atLeast
		})
		return got
	}
	const documents = "/api/tenants/{tenant_id}/documents"
	want := []refusal{
		{stranger.id, events.AccessRefused{Count: 1, Method: "GET", Reason: "not_a_member", Route: documents, Status: 404}},
		{viewer.id, events.AccessRefused{Count: 1, Method: "POST", Reason: "role", Route: documents, Status: 403}},
		{user.id, events.AccessRefused{Count: 1, Method: "DELETE", Reason: "not_allowed", Route: documents + "/{document_id}", Status: 403}},
	}
	if diff := cmp.Diff(want, recorded(id, 3)); diff != "" {
		t.Errorf("refusals (-want +got):\n%s", diff)
	}
	missing := []refusal{
		{stranger.id, events.AccessRefused{Count: 1, Method: "GET", Reason: "missing", Route: documents + "/{document_id}", Status: 404}},
	}
	if diff := cmp.Diff(missing, recorded(foreignID, 1)); diff != "" {
		t.Errorf("what its own member did not find (-want +got):\n%s", diff)
	}
	first := w.accesses(id)[0]
	keys, err := w.keys.Keys(t.Context(), stranger.id)
	w.must(err)
	var origin events.Origin
	w.must(keys.Open(*first.Origin, &origin))
	if origin.UserAgent != "a burglar's tool" || origin.Address == "" || first.RequestID == "" {
		t.Errorf("from %+v, request %q", origin, first.RequestID)
	}
	if strings.Contains(string(first.Body), "burglar") {
		t.Error("the origin stands in the trail in clear")
	}
}

func TestDownloadsAreInTheTrailBeforeTheirLinkIsOut(t *testing.T) {
	w := setup(t)
	admin, viewer := w.newPerson("admin"), w.newPerson("viewer")
	tenant, id := admin.newTenant("Own")
	w.join(admin, id, viewer, events.RoleViewer)
	made := admin.upload(tenant, []part{file("a.pdf", "x")}).want(http.StatusCreated)
	document := tenant + "/documents/" + made.text("id")
	before := viewer.get(document).want(http.StatusOK).raw

	viewer.get(document + "/download").want(http.StatusFound)
	want := events.DownloadGranted{DocumentID: uuid.MustParse(made.text("id")), FileID: uuid.MustParse(made.text("file_id"))}
	list := w.accesses(id)
	if len(list) != 1 || list[0].Event != events.Event(want) || list[0].Actor != viewer.id {
		t.Errorf("got %v, want %v by %s", list, want, viewer.id)
	}
	if after := viewer.get(document).want(http.StatusOK).raw; !slices.Equal(before, after) {
		t.Errorf("a download changed the document:\n%s\n%s", before, after)
	}

	// What can't be recorded is not handed out.
	w.ledger.Close()
	if a := viewer.get(document + "/download"); a.status == http.StatusFound || a.header.Get("Location") != "" {
		t.Errorf("got %d, to %q", a.status, a.header.Get("Location"))
	}
}
