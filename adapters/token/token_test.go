package token_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/token"
	"github.com/cartulary/cartulary/identity"
	"github.com/cartulary/cartulary/internal/tokentest"
)

var (
	secret  = []byte("0123456789abcdef0123456789abcdef")
	now     = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	user    = uuid.MustParse("0192f0c0-5a10-7f1e-b0f3-1c5a4c0e7d21")
	session = uuid.MustParse("0192f0c1-7a58-7cc3-9d7e-2f4c6f0b9d85")
)

func newSigner(t *testing.T, at time.Time) *token.Signer {
	t.Helper()
	s, err := token.New(token.Config{Secret: secret, Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestIssuedTokensAreGood(t *testing.T) {
	s := newSigner(t, now)
	tokens, err := s.Issue(user, session)
	if err != nil {
		t.Fatal(err)
	}
	for name, parse := range map[string]func() (identity.Claims, error){
		"access":  func() (identity.Claims, error) { return s.ParseAccess(tokens.Access) },
		"refresh": func() (identity.Claims, error) { return s.ParseRefresh(tokens.Refresh) },
	} {
		claims, err := parse()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if claims.UserID != user || claims.SessionID != session || claims.ID == uuid.Nil {
			t.Errorf("%s: got %+v", name, claims)
		}
	}
	if got, want := tokens.AccessExpiresIn, 15*time.Minute; got != want {
		t.Errorf("access token lives %v, want %v", got, want)
	}
	if got, want := tokens.RefreshExpiresAt, now.Add(7*24*time.Hour); !got.Equal(want) {
		t.Errorf("refresh token expires at %v, want %v", got, want)
	}
}

func TestATokenOfOneTypeIsNotOfTheOther(t *testing.T) {
	s := newSigner(t, now)
	tokens, err := s.Issue(user, session)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.ParseAccess(tokens.Refresh); !errors.Is(err, identity.ErrTokenInvalid) {
		t.Errorf("refresh token as access token: %v", err)
	}
	if _, err := s.ParseRefresh(tokens.Access); !errors.Is(err, identity.ErrTokenInvalid) {
		t.Errorf("access token as refresh token: %v", err)
	}
}

func TestExpiry(t *testing.T) {
	tokens, err := newSigner(t, now).Issue(user, session)
	if err != nil {
		t.Fatal(err)
	}
	for after, want := range map[time.Duration]error{
		0:                              nil,
		15*time.Minute - time.Second:   nil,
		15*time.Minute + 6*time.Second: identity.ErrTokenExpired,
		-time.Minute:                   identity.ErrTokenInvalid,
	} {
		if _, err := newSigner(t, now.Add(after)).ParseAccess(tokens.Access); !errors.Is(err, want) {
			t.Errorf("after %v: got %v, want %v", after, err, want)
		}
	}
	late := newSigner(t, now.Add(time.Hour))
	if _, err := late.ParseRefresh(tokens.Access); !errors.Is(err, identity.ErrTokenInvalid) {
		t.Errorf("expired access token as refresh token: %v", err)
	}
}

func TestForgedTokensAreRefused(t *testing.T) {
	s := newSigner(t, now)
	good, forged := tokentest.Forger{Secret: secret, Now: now, User: user, Session: session}.Forge(t)
	if _, err := s.ParseAccess(good); err != nil {
		t.Fatalf("the token that all others derive from is refused: %v", err)
	}
	if len(forged) < 40 {
		t.Errorf("only %d forgeries", len(forged))
	}
	for name, forgery := range forged {
		t.Run(name, func(t *testing.T) {
			if claims, err := s.ParseAccess(forgery); !errors.Is(err, identity.ErrTokenInvalid) {
				t.Errorf("got %+v, %v; want %v", claims, err, identity.ErrTokenInvalid)
			}
		})
	}
}

func TestEarlierSecretsVerifyAndSignNothing(t *testing.T) {
	later := []byte("fedcba9876543210fedcba9876543210")
	signer := func(cfg token.Config) *token.Signer {
		cfg.Now = func() time.Time { return now }
		s, err := token.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	before, after := signer(token.Config{Secret: secret}), signer(token.Config{Secret: later})
	both := signer(token.Config{Secret: later, Previous: [][]byte{secret}})
	old, err1 := before.Issue(user, session)
	fresh, err2 := both.Issue(user, session)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		s     *token.Signer
		token string
		good  bool
	}{
		"old, both":    {both, old.Access, true},
		"fresh, both":  {both, fresh.Access, true},
		"fresh, after": {after, fresh.Access, true},
		"old, after":   {after, old.Access, false},
		"fresh, old":   {before, fresh.Access, false},
	} {
		if _, err := test.s.ParseAccess(test.token); (err == nil) != test.good {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, forged := tokentest.Forger{Secret: secret, Now: now, User: user, Session: session}.Forge(t)
	delete(forged, "signed with another key") // which is the later one
	for name, forgery := range forged {
		if _, err := both.ParseAccess(forgery); !errors.Is(err, identity.ErrTokenInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAWeakSecretIsRefused(t *testing.T) {
	if _, err := token.New(token.Config{Secret: secret[:31]}); err == nil {
		t.Error("31 bytes were accepted")
	}
}

func FuzzParseAccess(f *testing.F) {
	s, err := token.New(token.Config{Secret: secret})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.c2ln")
	f.Fuzz(func(t *testing.T, forgery string) {
		if _, err := s.ParseAccess(forgery); err == nil {
			t.Errorf("%q was accepted", forgery)
		}
	})
}

func BenchmarkParseAccess(b *testing.B) {
	s, err := token.New(token.Config{Secret: secret})
	if err != nil {
		b.Fatal(err)
	}
	tokens, err := s.Issue(user, session)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.ParseAccess(tokens.Access); err != nil {
			b.Fatal(err)
		}
	}
}
