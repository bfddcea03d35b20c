package command_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/memory"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

func created() []given {
	return tenantPast(ada,
		events.TenantCreated{Name: "Acme", DatabaseName: events.DatabaseName(tenant)},
		events.MemberAdded{UserID: ada, Role: events.RoleAdmin},
	)
}

func createdWith(more ...events.Event) []given { return append(created(), tenantPast(ada, more...)...) }

func TestCreateTenant(t *testing.T) {
	t.Parallel()
	create := func(name string) func(context.Context, *command.App) error {
		return func(ctx context.Context, app *command.App) error {
			return errOf(app.CreateTenant(ctx, meta(ada), command.CreateTenant{TenantID: tenant, Name: name, Actor: ada}))
		}
	}
	runScenarios(t, map[string]scenario{
		"its creator becomes its admin": {
			when: create("Acme"),
			then: []events.Event{
				events.TenantCreated{Name: "Acme", DatabaseName: "tenant_00000000000000000000000000000004"},
				events.MemberAdded{UserID: ada, Role: events.RoleAdmin},
			},
		},
		"an id is used once": {given: created(), when: create("Acme"), err: command.ErrConflict},
		"a name is needed":   {when: create("  "), err: &command.InvalidError{}},
		"a name has an end":  {when: create(strings.Repeat("é", 256)), err: &command.InvalidError{}},
		"a name is one line": {when: create("a\nb"), err: &command.InvalidError{}},
		"a name is Unicode":  {when: create("a\xff"), err: &command.InvalidError{}},
	})
}

func TestMarkProvisioned(t *testing.T) {
	t.Parallel()
	mark := func(ctx context.Context, app *command.App) error {
		return errOf(app.MarkProvisioned(ctx, meta(uuid.Nil), tenant))
	}
	runScenarios(t, map[string]scenario{
		"once":             {given: created(), when: mark, then: []events.Event{events.TenantProvisioned{}}},
		"again is nothing": {given: createdWith(events.TenantProvisioned{}), when: mark},
		"not of no tenant": {when: mark, err: command.ErrNotFound},
	})
}

func TestChangeAndDeleteTenant(t *testing.T) {
	t.Parallel()
	rename := func(actor uuid.UUID, name string) func(context.Context, *command.App) error {
		return func(ctx context.Context, app *command.App) error {
			return errOf(app.ChangeTenant(ctx, meta(actor), command.ChangeTenant{TenantID: tenant, Name: name, Actor: actor}))
		}
	}
	remove := func(actor uuid.UUID) func(context.Context, *command.App) error {
		return func(ctx context.Context, app *command.App) error {
			return errOf(app.DeleteTenant(ctx, meta(actor), command.DeleteTenant{TenantID: tenant, Actor: actor}))
		}
	}
	purge := func(ctx context.Context, app *command.App) error {
		return errOf(app.MarkPurged(ctx, meta(uuid.Nil), tenant))
	}
	withBob := createdWith(events.MemberAdded{UserID: bob, Role: events.RoleUser})
	runScenarios(t, map[string]scenario{
		"an admin renames":      {given: created(), when: rename(ada, "B"), then: []events.Event{events.TenantChanged{Name: "B", Previous: "Acme"}}},
		"the same name":         {given: created(), when: rename(ada, "Acme")},
		"an empty name":         {given: created(), when: rename(ada, ""), err: &command.InvalidError{}},
		"a user may not rename": {given: withBob, when: rename(bob, "B"), err: command.ErrForbidden},
		"a stranger sees none":  {given: created(), when: rename(eve, "B"), err: command.ErrNotFound},
		"an admin deletes":      {given: created(), when: remove(ada), then: []events.Event{events.TenantDeleted{}}},
		"a user may not delete": {given: withBob, when: remove(bob), err: command.ErrForbidden},
		"a closed tenant is purged": {
			given: createdWith(events.TenantDeleted{}), when: purge, then: []events.Event{events.TenantPurged{}},
		},
		"an open tenant is not purged": {given: created(), when: purge, err: command.ErrConflict},
		"a purged tenant stays so":     {given: createdWith(events.TenantDeleted{}, events.TenantPurged{}), when: purge},
		"what is gone stays so":        {given: createdWith(events.TenantDeleted{}), when: remove(ada), err: command.ErrNotFound},
	})
}

func TestMembers(t *testing.T) {
	t.Parallel()
	role := func(actor, user uuid.UUID, role events.Role) func(context.Context, *command.App) error {
		return func(ctx context.Context, app *command.App) error {
			return errOf(app.ChangeRole(ctx, meta(actor), command.ChangeRole{TenantID: tenant, UserID: user, Role: role, Actor: actor}))
		}
	}
	remove := func(actor, user uuid.UUID) func(context.Context, *command.App) error {
		return func(ctx context.Context, app *command.App) error {
			return errOf(app.RemoveMember(ctx, meta(actor), command.RemoveMember{TenantID: tenant, UserID: user, Actor: actor}))
		}
	}
	withBob := createdWith(events.MemberAdded{UserID: bob, Role: events.RoleUser})
	runScenarios(t, map[string]scenario{
		"a member becomes admin": {given: withBob, when: role(ada, bob, events.RoleAdmin), then: []events.Event{
			events.MemberRoleChanged{UserID: bob, Role: events.RoleAdmin, Previous: events.RoleUser},
		}},
		"the same role":                     {given: withBob, when: role(ada, bob, events.RoleUser)},
		"no such role":                      {given: withBob, when: role(ada, bob, "owner"), err: &command.InvalidError{}},
		"no such member":                    {given: created(), when: role(ada, bob, events.RoleUser), err: command.ErrNotFound},
		"a user makes no admins":            {given: withBob, when: role(bob, bob, events.RoleAdmin), err: command.ErrForbidden},
		"the last admin stays one":          {given: withBob, when: role(ada, ada, events.RoleUser), err: command.ErrLastAdmin},
		"an admin removes a member":         {given: withBob, when: remove(ada, bob), then: []events.Event{events.MemberRemoved{UserID: bob, Role: events.RoleUser}}},
		"a member leaves":                   {given: withBob, when: remove(bob, bob), then: []events.Event{events.MemberRemoved{UserID: bob, Role: events.RoleUser}}},
		"a user removes nobody":             {given: withBob, when: remove(bob, ada), err: command.ErrForbidden},
		"the last admin can't leave":        {given: withBob, when: remove(ada, ada), err: command.ErrLastAdmin},
		"a stranger removes nobody":         {given: withBob, when: remove(eve, bob), err: command.ErrNotFound},
		"who is no member can't be removed": {given: withBob, when: remove(ada, eve), err: command.ErrNotFound},
	})
}

func TestAddMemberTakesRegisteredUsersOnce(t *testing.T) {
	t.Parallel()
	ledger := memory.NewLedger()
	app := command.NewApp(ledger, newKeyring(), []byte("key"))
	add := func(user uuid.UUID, role events.Role) error {
		return errOf(app.AddMember(t.Context(), meta(ada), command.AddMember{TenantID: tenant, UserID: user, Role: role, Actor: ada}))
	}
	if err := errOf(app.CreateTenant(t.Context(), meta(ada), command.CreateTenant{TenantID: tenant, Name: "Acme", Actor: ada})); err != nil {
		t.Fatal(err)
	}
	if err := add(bob, events.RoleUser); !errors.Is(err, command.ErrNoUser) {
		t.Errorf("an unknown user: got %v", err)
	}
	if err := errOf(app.RegisterUser(t.Context(), meta(bob), registration(bob, "bob@example.org"))); err != nil {
		t.Fatal(err)
	}
	if err := add(bob, "owner"); !errors.Is(err, &command.InvalidError{}) {
		t.Errorf("an unknown role: got %v", err)
	}
	if err := add(bob, events.RoleUser); err != nil {
		t.Errorf("got %v", err)
	}
	if err := add(bob, events.RoleUser); !errors.Is(err, command.ErrMember) {
		t.Errorf("again: got %v, want ErrMember", err)
	}
}

func TestTwoAdminsCanNotRemoveEachOther(t *testing.T) {
	t.Parallel()
	for range 50 {
		ledger := memory.NewLedger()
		app := command.NewApp(ledger, newKeyring(), []byte("key"))
		for _, err := range []error{
			errOf(app.CreateTenant(t.Context(), meta(ada), command.CreateTenant{TenantID: tenant, Name: "Acme", Actor: ada})),
			errOf(app.RegisterUser(t.Context(), meta(bob), registration(bob, "bob@example.org"))),
			errOf(app.AddMember(t.Context(), meta(ada), command.AddMember{TenantID: tenant, UserID: bob, Role: events.RoleAdmin, Actor: ada})),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		var wg sync.WaitGroup
		var errs [2]error
		wg.Go(func() {
			_, errs[0] = app.RemoveMember(t.Context(), meta(ada), command.RemoveMember{TenantID: tenant, UserID: bob, Actor: ada})
		})
		wg.Go(func() {
			_, errs[1] = app.RemoveMember(t.Context(), meta(bob), command.RemoveMember{TenantID: tenant, UserID: ada, Actor: bob})
		})
		wg.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("one must win: %v", errs)
		}
	}
}
