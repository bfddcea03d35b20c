package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	httpapi "github.com/cartulary/cartulary/adapters/http"
	"github.com/cartulary/cartulary/events"
)

// decidedLater are the cells where a member passes the route's policy, but not the
// command's: who is no admin shows out nobody but themselves.
var decidedLater = map[string]map[events.Role]int{
	"removeMember": {events.RoleUser: 403, events.RoleViewer: 403, events.RoleAuditor: 403},
}

// Every operation of the contract × every kind of caller × own, foreign, random and
// malformed tenants. A new operation is in it by itself.
func TestAccessMatrix(t *testing.T) {
	s := newScene(setup(t))
	cells := 0
	for _, o := range operations() {
		if o.ofTenant() {
			s.open()
		}
		for name, p := range s.callers() {
			t.Run(o.name()+" by "+name, func(t *testing.T) {
				s.within(t)
				switch {
				case o.ofTenant():
					cells += s.cells(t, o, p)
				case o.open():
					cells++
				case p == s.nobody:
					s.nobody.send(s.sample(o, s.admin)).want(http.StatusUnauthorized)
					cells++
				default:
					spent := s.newPerson(name + uuid.NewString())
					if a := spent.send(s.sample(o, spent)); !o.succeeded(a.status) {
						t.Errorf("got %d %s", a.status, a.raw)
					}
					cells++
				}
			})
		}
	}
	t.Logf("%d cells", cells)
}

// cells checks one caller's cells of an operation on a tenant, and counts them.
func (s *scene) cells(t *testing.T, o operation, p *person) int {
	t.Helper()
	if p == s.admin && o.OperationID == "deleteTenant" {
		defer s.open()
	}
	own := s.sample(o, p)
	role := s.roleOf(p)
	admitted := httpapi.Admits(o.name(), role)
	here, elsewhere, malformed := 0, http.StatusNotFound, http.StatusBadRequest
	switch {
	case p == s.nobody:
		here, elsewhere, malformed = http.StatusUnauthorized, http.StatusUnauthorized, http.StatusUnauthorized
	case role == "":
		here = http.StatusNotFound
	case !admitted:
		here = http.StatusForbidden
	case decidedLater[o.OperationID][role] != 0:
		here = decidedLater[o.OperationID][role]
	}
	p.send(own.in(s.tenant, "malformed")).want(malformed)
	random := p.send(own.in(s.tenant, uuid.NewString())).want(elsewhere)
	if p != s.stranger {
		if got := p.send(own.in(s.tenant, s.foreign.String())).want(elsewhere); string(got.raw) != string(random.raw) {
			t.Errorf("foreign and random differ:\n%s\n%s", got.raw, random.raw)
		}
	}
	switch got := p.send(own); {
	case here != 0:
		got.want(here)
	case !o.succeeded(got.status):
		t.Errorf("own: got %d %s", got.status, got.raw)
	}
	return 4
}
