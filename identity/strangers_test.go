package identity_test

import (
	"errors"
	"testing"
	"time"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/identity"
)

// Where a login with an unknown address came from can be read while the key of its day is
// there, and never again; what is known of persons stays.
func TestWhereStrangersCameFromIsReadAndForgottenByTheDay(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.start(w.signer)
	ada := w.registered(p, "ada@example.org")
	for _, email := range []string{"eve@example.org", "mallory@example.org", "no address"} {
		if _, err := p.Login(t.Context(), meta(), email, goodPassword, meta().Origin); !errors.Is(err, identity.ErrCredentials) {
			t.Fatalf("%s: %v", email, err)
		}
	}
	var sealed []events.Sealed
	for _, r := range w.recorded() {
		if r.Type == events.TypeEmailLoginFailed && r.Origin != nil {
			sealed = append(sealed, *r.Origin)
		}
	}
	if len(sealed) != 3 {
		t.Fatalf("%d failures say where they came from, want 3", len(sealed))
	}
	day := events.Stranger(time.Now())
	opened := func() (n int) {
		keys, err := postgres.NewPersonKeys(w.pool).Keys(t.Context(), day, ada)
		w.must(err)
		if _, ok := keys[ada]; !ok {
			t.Error("a person is forgotten with the strangers")
		}
		for _, s := range sealed {
			var origin events.Origin
			if keys.Open(s, &origin) == nil && origin == meta().Origin {
				n++
			}
		}
		return n
	}
	sweep := func(before time.Time) int64 {
		n, err := w.keys.SweepStrangers(t.Context(), before)
		w.must(err)
		return n
	}
	if n := sweep(time.Now()); n != 0 || opened() != 3 {
		t.Errorf("today's strangers: %d days forgotten, %d of 3 can be read", n, opened())
	}
	if n := sweep(time.Now().AddDate(0, 0, 2)); n != 1 || opened() != 0 {
		t.Errorf("the day after tomorrow: %d days forgotten, want 1; %d can be read, want 0", n, opened())
	}
}
