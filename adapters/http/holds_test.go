package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/cartulary/cartulary/events"
)

func TestALegalHoldForbidsDeletion(t *testing.T) {
	w := setup(t)
	admin, user := w.newPerson("admin"), w.newPerson("user")
	tenant, id := admin.newTenant("Own")
	w.join(admin, id, user, events.RoleUser)
	document := tenant + "/documents/" + user.upload(tenant, []part{file("a.pdf", "x")}).want(http.StatusCreated).text("id")
	before := user.get(document).want(http.StatusOK)

	placed := admin.put(document+"/hold", object{"reason": "Case 12/345"}).want(http.StatusOK)
	if placed.text("reason") != "Case 12/345" || placed.text("by") != admin.id.String() {
		t.Errorf("got %s", placed.raw)
	}
	for _, p := range []*person{user, admin} {
		refused := p.delete(document).wantError(http.StatusConflict, "LEGAL_HOLD")
		hold := refused.json.Error.Details.Hold
		if hold.Reason != "Case 12/345" || hold.By != admin.id.String() || hold.Since != placed.text("since") {
			t.Errorf("got %s", refused.raw)
		}
	}
	admin.delete(tenant).wantError(http.StatusConflict, "LEGAL_HOLD")
	if after := user.get(document).want(http.StatusOK); string(after.raw) != string(before.raw) || after.header.Get("ETag") != before.header.Get("ETag") {
		t.Errorf("a hold changed the document:\n%s\n%s", before.raw, after.raw)
	}
	admin.delete(document + "/hold").want(http.StatusNoContent)
	admin.delete(document+"/hold").wantError(http.StatusNotFound, "NOT_FOUND")

	admin.put(tenant+"/hold", object{"reason": "Case 2"}).want(http.StatusOK)
	user.delete(document).wantError(http.StatusConflict, "LEGAL_HOLD")
	admin.delete(tenant).wantError(http.StatusConflict, "LEGAL_HOLD")
	admin.delete(tenant + "/hold").want(http.StatusNoContent)
	user.delete(document).want(http.StatusNoContent)

	admin.put(document+"/hold", object{"reason": "Case 3"}).wantError(http.StatusNotFound, "NOT_FOUND")
	admin.put(tenant+"/hold", object{"reason": ""}).wantError(http.StatusBadRequest, "VALIDATION_ERROR")
	admin.put(tenant+"/hold", object{"reason": "a\u0007b"}).wantError(http.StatusBadRequest, "VALIDATION_ERROR")
	history := user.walk(document + "/history?limit=50")
	want := "document.hold_placed document.hold_released document.deleted"
	got := ""
	for _, name := range history {
		switch name {
		case "document.hold_placed", "document.hold_released", "document.deleted":
			got += " " + name
		}
	}
	if got != " "+want {
		t.Errorf("the history tells%s, want %s", got, want)
	}
	admin.delete(tenant).want(http.StatusNoContent)
}

// A retry of placing a hold gets the first answer, also after it was released.
func TestAHoldIsPlacedOnce(t *testing.T) {
	w := setup(t)
	admin := w.newPerson("admin")
	tenant, _ := admin.newTenant("Own")
	key := header{"Idempotency-Key", "once"}
	first := admin.put(tenant+"/hold", object{"reason": "Case 1"}, key).want(http.StatusOK)
	admin.delete(tenant + "/hold").want(http.StatusNoContent)
	again := admin.put(tenant+"/hold", object{"reason": "Case 1"}, key).want(http.StatusOK)
	if again.header.Get("Idempotent-Replayed") != "true" || again.text("since") != first.text("since") {
		t.Errorf("got %s", again.raw)
	}
	admin.put(tenant+"/hold", object{"reason": "Case 2"}, key).wantError(http.StatusUnprocessableEntity, "IDEMPOTENCY_KEY_REUSED")
	admin.delete(tenant).want(http.StatusNoContent)
}
