package token_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/token"
	"github.com/cartulary/cartulary/identity"
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

type object = map[string]any

func header() object { return object{"alg": "HS256", "typ": "JWT"} }

func body() object {
	return object{
		"iss": "cartulary", "aud": []string{"cartulary"}, "sub": user.String(), "sid": session.String(), "typ": "access",
		"jti": "5d1b9a5e-59f7-4f3a-8c1e-7a3a0d3f9f00", "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}
}

func with(base object, key string, value any) object {
	changed := maps.Clone(base)
	changed[key] = value
	return changed
}

func without(base object, key string) object {
	changed := maps.Clone(base)
	delete(changed, key)
	return changed
}

func encode(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func signedBy(t *testing.T, key []byte, head, claims any) string {
	t.Helper()
	text := encode(t, head) + "." + encode(t, claims)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestForgedTokensAreRefused(t *testing.T) {
	signed := func(head, claims any) string { return signedBy(t, secret, head, claims) }
	if _, err := newSigner(t, now).ParseAccess(signed(header(), body())); err != nil {
		t.Fatalf("the token that all others derive from is refused: %v", err)
	}
	good := signed(header(), body())
	parts := strings.Split(good, ".")

	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rs256 := func() string {
		text := encode(t, with(header(), "alg", "RS256")) + "." + encode(t, body())
		sum := sha256.Sum256([]byte(text))
		sig, err := rsa.SignPKCS1v15(rand.Reader, rsaKey, crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return text + "." + base64.RawURLEncoding.EncodeToString(sig)
	}
	eddsa := func() string {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		text := encode(t, with(header(), "alg", "EdDSA")) + "." + encode(t, body())
		return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(text)))
	}
	jwk := object{"kty": "oct", "k": base64.RawURLEncoding.EncodeToString([]byte("mine"))}

	forged := map[string]string{
		"empty":                      "",
		"dots":                       "..",
		"two parts":                  parts[0] + "." + parts[1],
		"four parts":                 good + ".x",
		"not base64":                 "a.b.c",
		"alg none, no signature":     encode(t, with(header(), "alg", "none")) + "." + parts[1] + ".",
		"alg None, signature kept":   encode(t, with(header(), "alg", "None")) + "." + parts[1] + "." + parts[2],
		"alg missing":                signed(without(header(), "alg"), body()),
		"alg empty":                  signed(with(header(), "alg", ""), body()),
		"alg HS384":                  signed(with(header(), "alg", "HS384"), body()),
		"alg hs256":                  signed(with(header(), "alg", "hs256"), body()),
		"RS256":                      rs256(),
		"RS256, HMAC under it":       signed(with(header(), "alg", "RS256"), body()),
		"EdDSA":                      eddsa(),
		"empty signature":            parts[0] + "." + parts[1] + ".",
		"signature cut":              good[:len(good)-4],
		"signature of other claims":  parts[0] + "." + encode(t, with(body(), "sub", uuid.NewString())) + "." + parts[2],
		"signed with another key":    signedBy(t, []byte("fedcba9876543210fedcba9876543210"), header(), body()),
		"signed with an empty key":   signedBy(t, nil, header(), body()),
		"header kid":                 signed(with(header(), "kid", "../../dev/null"), body()),
		"header jku":                 signed(with(header(), "jku", "http://127.0.0.1/keys"), body()),
		"header jwk":                 signed(with(header(), "jwk", jwk), body()),
		"header x5c":                 signed(with(header(), "x5c", []string{"MII"}), body()),
		"header crit":                signed(with(header(), "crit", []string{"exp"}), body()),
		"header typ at+jwt":          signed(with(header(), "typ", "at+jwt"), body()),
		"header no object":           signed([]string{"HS256"}, body()),
		"claims no object":           signed(header(), "claims"),
		"exp missing":                signed(header(), without(body(), "exp")),
		"exp text":                   signed(header(), with(body(), "exp", "tomorrow")),
		"exp past, issuer wrong":     signed(header(), with(with(body(), "exp", 1), "iss", "other")),
		"nbf missing":                signed(header(), without(body(), "nbf")),
		"nbf ahead":                  signed(header(), with(body(), "nbf", now.Add(time.Minute).Unix())),
		"iat missing":                signed(header(), without(body(), "iat")),
		"iat ahead":                  signed(header(), with(body(), "iat", now.Add(time.Minute).Unix())),
		"iss missing":                signed(header(), without(body(), "iss")),
		"iss wrong":                  signed(header(), with(body(), "iss", "cartulary.example.org")),
		"aud missing":                signed(header(), without(body(), "aud")),
		"aud wrong":                  signed(header(), with(body(), "aud", "other")),
		"sub missing":                signed(header(), without(body(), "sub")),
		"sub no id":                  signed(header(), with(body(), "sub", "admin")),
		"sub nil id":                 signed(header(), with(body(), "sub", uuid.Nil.String())),
		"sub in braces":              signed(header(), with(body(), "sub", "{"+user.String()+"}")),
		"sid missing":                signed(header(), without(body(), "sid")),
		"jti missing":                signed(header(), without(body(), "jti")),
		"typ missing":                signed(header(), without(body(), "typ")),
		"typ refresh":                signed(header(), with(body(), "typ", "refresh")),
		"oversized claims":           signed(header(), with(body(), "pad", strings.Repeat("x", 8<<10))),
		"oversized header":           signed(with(header(), "pad", strings.Repeat("x", 1<<20)), body()),
		"white space around":         " " + good + " ",
		"padding added":              good + "=",
		"second spelling of the end": secondSpelling(good),
	}
	s := newSigner(t, now)
	for name, forgery := range forged {
		t.Run(name, func(t *testing.T) {
			if claims, err := s.ParseAccess(forgery); !errors.Is(err, identity.ErrTokenInvalid) {
				t.Errorf("got %+v, %v; want %v", claims, err, identity.ErrTokenInvalid)
			}
		})
	}
}

// secondSpelling changes the unused low bits of the last base64 character.
func secondSpelling(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + string(alphabet[last|1])
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
