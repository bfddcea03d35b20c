package command_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/memory"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

func registration(user uuid.UUID, email string) command.RegisterUser {
	return command.RegisterUser{UserID: user, Email: email, FirstName: "Ada", LastName: "Lovelace"}
}

func newApp() *command.App {
	return command.NewApp(memory.NewLedger(), newKeyring(), []byte("key"))
}

func TestNormalizeEmail(t *testing.T) {
	t.Parallel()
	same := map[string]string{
		"Ada@Example.ORG":                        "ada@example.org",
		"  ada@example.org ":                     "ada@example.org",
		"ｆｕｌｌ@example.org":                       "full@example.org",
		"ada@bücher.example":                     "ada@xn--bcher-kva.example",
		"ada@BÜCHER.example":                     "ada@xn--bcher-kva.example",
		"STRASSE@example.org":                    "strasse@example.org",
		"straße@example.org":                     "strasse@example.org",
		"ada+tag@example.org":                    "ada+tag@example.org",
		"иван@пример.рф":                         "иван@xn--e1afmkfd.xn--p1ai",
		"":                                       "",
		"ada":                                    "",
		"@example.org":                           "",
		"ada@":                                   "",
		"ada@localhost":                          "",
		"a da@example.org":                       "",
		"ada\r\n@example.org":                    "",
		".ada@example.org":                       "",
		"a..da@example.org":                      "",
		"ada@example..org":                       "",
		"ada@-example.org":                       "",
		"a@b@example.org":                        "",
		"<ada@example.org>":                      "",
		strings.Repeat("a", 65) + "@example.org": "",
		"a@" + strings.Repeat(strings.Repeat("b", 60)+".", 5) + "org": "",
	}
	for address, want := range same {
		got, ok := command.NormalizeEmail(address)
		if ok != (want != "") || ok && got != want {
			t.Errorf("%q: got %q, %t; want %q", address, got, ok, want)
		}
	}
}

func TestRegisterUser(t *testing.T) {
	t.Parallel()
	app := newApp()
	got, err := app.RegisterUser(t.Context(), meta(ada), registration(ada, "Ada@Example.org"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Value.Email != "ada@example.org" || got.Value.ID != ada || got.Value.Version != 1 || got.Value.CreatedAt.IsZero() {
		t.Errorf("got %+v", got.Value)
	}
	if _, err := app.RegisterUser(t.Context(), meta(bob), registration(bob, "ADA@example.org")); !errors.Is(err, command.ErrEmailTaken) {
		t.Errorf("taken address: got %v", err)
	}
	var invalid *command.InvalidError
	_, err = app.RegisterUser(t.Context(), meta(bob), command.RegisterUser{UserID: bob, Email: "x", LastName: "\x00"})
	if !errors.As(err, &invalid) || len(invalid.Fields) != 3 {
		t.Errorf("three bad fields: got %v", err)
	}
}

func TestOfManyRegistrationsOfOneAddressOneWins(t *testing.T) {
	t.Parallel()
	app := newApp()
	var wg sync.WaitGroup
	var won atomic.Int64
	for i := range 100 {
		address := []string{"ada@example.org", "ADA@example.org", "ａｄａ@EXAMPLE.org", "Ada@example.ORG"}[i%4]
		wg.Go(func() {
			_, err := app.RegisterUser(t.Context(), meta(uuid.Nil), registration(uuid.New(), address))
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, command.ErrEmailTaken):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d registrations won, want 1", won.Load())
	}
}

func TestChangeProfileMovesTheClaim(t *testing.T) {
	t.Parallel()
	app := newApp()
	register := func(user uuid.UUID, email string) error {
		return errOf(app.RegisterUser(t.Context(), meta(user), registration(user, email)))
	}
	change := func(user uuid.UUID, email, first *string) (command.UserDetails, error) {
		r, err := app.ChangeProfile(t.Context(), meta(user), command.ChangeProfile{UserID: user, Email: email, FirstName: first})
		return r.Value, err
	}
	for user, email := range map[uuid.UUID]string{ada: "ada@example.org", bob: "bob@example.org"} {
		if err := register(user, email); err != nil {
			t.Fatal(err)
		}
	}
	taken, free, name, empty := "bob@example.org", "countess@example.org", "Augusta", ""
	if _, err := change(ada, &taken, nil); !errors.Is(err, command.ErrEmailTaken) {
		t.Errorf("another's address: got %v", err)
	}
	if _, err := change(ada, nil, &empty); !errors.Is(err, &command.InvalidError{}) {
		t.Errorf("an empty name: got %v", err)
	}
	if _, err := change(eve, nil, &name); !errors.Is(err, command.ErrNotFound) {
		t.Errorf("nobody: got %v", err)
	}
	got, err := change(ada, &free, &name)
	if err != nil || got.Email != free || got.FirstName != name || got.LastName != "Lovelace" || got.Version != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
	if same, err := change(ada, &free, &name); err != nil || same != got {
		t.Errorf("no change: got %+v, %v; want %+v", same, err, got)
	}
	if err := register(eve, "ada@example.org"); err != nil {
		t.Errorf("the released address can't be claimed: %v", err)
	}
	if _, err := change(bob, &free, nil); !errors.Is(err, command.ErrEmailTaken) {
		t.Errorf("the claimed address: got %v", err)
	}
}

func TestConcurrentProfileChangesAllCountOrTell(t *testing.T) {
	t.Parallel()
	app := newApp()
	if err := errOf(app.RegisterUser(t.Context(), meta(ada), registration(ada, "ada@example.org"))); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var done atomic.Int64
	for i := range 16 {
		wg.Go(func() {
			name := fmt.Sprintf("Ada %d", i)
			_, err := app.ChangeProfile(t.Context(), meta(ada), command.ChangeProfile{UserID: ada, FirstName: &name})
			switch {
			case err == nil:
				done.Add(1)
			case !errors.Is(err, command.ErrConflict):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	last := "Ada"
	got, err := app.ChangeProfile(t.Context(), meta(ada), command.ChangeProfile{UserID: ada, FirstName: &last})
	if err != nil || got.Value.Version != done.Load()+2 {
		t.Errorf("got %+v, %v after %d changes", got.Value, err, done.Load())
	}
}

func TestSessionsAreRecorded(t *testing.T) {
	t.Parallel()
	app := newApp()
	login := command.RecordLogin{UserID: ada, SessionID: other, Origin: events.Origin{Address: "192.0.2.1", UserAgent: "curl"}}
	if _, err := app.RecordLogin(t.Context(), meta(ada), login); !errors.Is(err, command.ErrNotFound) {
		t.Errorf("nobody: got %v", err)
	}
	if err := errOf(app.RegisterUser(t.Context(), meta(ada), registration(ada, "ada@example.org"))); err != nil {
		t.Fatal(err)
	}
	first, err := app.RecordLogin(t.Context(), meta(ada), login)
	if err != nil {
		t.Fatal(err)
	}
	second, err := app.RecordLogout(t.Context(), meta(ada), command.RecordLogout{UserID: ada, SessionID: other})
	if err != nil || second.Seq != first.Seq+1 {
		t.Errorf("got %+v, %v after %+v", second, err, first)
	}
}
