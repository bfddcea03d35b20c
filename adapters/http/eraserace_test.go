package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/erasure"
	"github.com/cartulary/cartulary/events"
)

// interrupted is a ledger before whose first removal of a member something happens.
type interrupted struct {
	command.Ledger

	once   sync.Once
	before func(tenant uuid.UUID)
}

func (l *interrupted) Append(ctx context.Context, a command.Append) (command.Receipt, error) {
	for _, c := range a.Changes {
		for _, e := range c.Events {
			if _, ok := e.(events.MemberRemoved); ok {
				l.once.Do(func() { l.before(a.Ledger) })
			}
		}
	}
	return l.Ledger.Append(ctx, a)
}

// standing returns what a person is in tenants.
func (w *world) standing(p *person, tenants ...uuid.UUID) string {
	w.t.Helper()
	var text strings.Builder
	for i, tenant := range tenants {
		s, err := w.app.Standing(context.Background(), tenant, p.id)
		w.must(err)
		fmt.Fprintf(&text, "%d %s; ", i, s.Role)
	}
	return text.String()
}

// Another admin leaves between the check and the leaving.
func TestWhoseErasureIsRefusedIsWhereHeWas(t *testing.T) {
	w := setup(t)
	eve, other := w.newPerson("eve"), w.newPerson("other")
	_, first := eve.newTenant("First")
	_, second := eve.newTenant("Second")
	_, third := other.newTenant("Third")
	w.join(eve, first, other, events.RoleAdmin)
	w.join(eve, second, other, events.RoleAdmin)
	w.join(other, third, eve, events.RoleViewer)
	before := w.standing(eve, first, second, third)

	leaves := func(tenant uuid.UUID) {
		_, err := w.app.LeaveTenant(t.Context(), command.Meta{ID: uuid.New(), Actor: other.id}, tenant, other.id)
		w.must(err)
	}
	app := command.NewApp(&interrupted{Ledger: w.ledger, before: func(tenant uuid.UUID) {
		switch tenant {
		case first:
			leaves(second)
		case second:
			leaves(first)
		default:
			t.Error("a tenant was left that can't refuse, before those that can")
		}
	}}, w.keys, nil)
	_, err := w.eraserOver(app).Erase(t.Context(), command.Meta{ID: uuid.New(), Actor: eve.id}, eve.id)
	if sole, ok := errors.AsType[*erasure.SoleAdminError](err); !ok || len(sole.Tenants) != 1 {
		t.Fatalf("got %v", err)
	}
	if after := w.standing(eve, first, second, third); after != before {
		t.Errorf("refused, and was %q, is %q", before, after)
	}
	w.follow(first)
	w.follow(second)
	eve.get("/api/tenants/" + first.String()).want(http.StatusOK)
	eve.get("/api/tenants/" + second.String()).want(http.StatusOK)
}

// All admins of some tenants are erased at once.
func TestNoTenantIsLeftWithoutAnAdmin(t *testing.T) {
	w := setup(t)
	persons := []*person{w.newPerson("a"), w.newPerson("b"), w.newPerson("c")}
	tenants := make([]uuid.UUID, len(persons))
	for i, founder := range persons {
		_, tenants[i] = founder.newTenant("Tenant")
		for _, p := range persons {
			if p != founder {
				w.join(founder, tenants[i], p, events.RoleAdmin)
			}
		}
	}
	before := w.standing(persons[0], tenants...)
	results := make([]error, len(persons))
	var group sync.WaitGroup
	for i, p := range persons {
		group.Go(func() {
			_, results[i] = w.cfg.Eraser.Erase(t.Context(), command.Meta{ID: uuid.New(), Actor: p.id}, p.id)
		})
	}
	group.Wait()
	refused := 0
	for i, p := range persons {
		after := w.standing(p, tenants...)
		if _, ok := errors.AsType[*erasure.SoleAdminError](results[i]); ok {
			refused++
			if after != before {
				t.Errorf("%s: refused, and was %q, is %q", p.email, before, after)
			}
		} else if results[i] != nil {
			t.Errorf("%s: %v", p.email, results[i])
		}
	}
	if refused == 0 {
		t.Error("all admins are gone")
	}
}
