// Package tokentest forges tokens.
package tokentest

import (
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// Forger knows all that a token says, and the secret, so that each forgery has
// nothing wrong with it but what its name says.
type Forger struct {
	Secret  []byte
	Now     time.Time
	User    uuid.UUID
	Session uuid.UUID
}

type object = map[string]any

func header() object { return object{"alg": "HS256", "typ": "JWT"} }

func (f Forger) body() object {
	return object{
		"iss": "cartulary", "aud": []string{"cartulary"}, "sub": f.User.String(), "sid": f.Session.String(), "typ": "access",
		"jti": "5d1b9a5e-59f7-4f3a-8c1e-7a3a0d3f9f00", "iat": f.Now.Unix(), "nbf": f.Now.Unix(), "exp": f.Now.Add(time.Minute).Unix(),
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

func encode(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func signedBy(t testing.TB, key []byte, head, claims any) string {
	t.Helper()
	text := encode(t, head) + "." + encode(t, claims)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Forge returns a token that is good, and tokens made of it that must not be, by
// what is wrong with them.
func (f Forger) Forge(t testing.TB) (good string, forged map[string]string) {
	t.Helper()
	signed := func(head, claims any) string { return signedBy(t, f.Secret, head, claims) }
	good = signed(header(), f.body())
	parts := strings.Split(good, ".")

	jwk := object{"kty": "oct", "k": base64.RawURLEncoding.EncodeToString([]byte("mine"))}

	return good, map[string]string{
		"empty":                      "",
		"dots":                       "..",
		"two parts":                  parts[0] + "." + parts[1],
		"four parts":                 good + ".x",
		"not base64":                 "a.b.c",
		"alg none, no signature":     encode(t, with(header(), "alg", "none")) + "." + parts[1] + ".",
		"alg None, signature kept":   encode(t, with(header(), "alg", "None")) + "." + parts[1] + "." + parts[2],
		"alg missing":                signed(without(header(), "alg"), f.body()),
		"alg empty":                  signed(with(header(), "alg", ""), f.body()),
		"alg HS384":                  signed(with(header(), "alg", "HS384"), f.body()),
		"alg hs256":                  signed(with(header(), "alg", "hs256"), f.body()),
		"RS256":                      f.rs256(t),
		"RS256, HMAC under it":       signed(with(header(), "alg", "RS256"), f.body()),
		"EdDSA":                      f.eddsa(t),
		"empty signature":            parts[0] + "." + parts[1] + ".",
		"signature cut":              good[:len(good)-4],
		"signature of other claims":  parts[0] + "." + encode(t, with(f.body(), "sub", uuid.NewString())) + "." + parts[2],
		"signed with another key":    signedBy(t, []byte("fedcba9876543210fedcba9876543210"), header(), f.body()),
		"signed with an empty key":   signedBy(t, nil, header(), f.body()),
		"header kid":                 signed(with(header(), "kid", "../../dev/null"), f.body()),
		"header jku":                 signed(with(header(), "jku", "http://127.0.0.1/keys"), f.body()),
		"header jwk":                 signed(with(header(), "jwk", jwk), f.body()),
		"header x5c":                 signed(with(header(), "x5c", []string{"MII"}), f.body()),
		"header crit":                signed(with(header(), "crit", []string{"exp"}), f.body()),
		"header typ at+jwt":          signed(with(header(), "typ", "at+jwt"), f.body()),
		"header no object":           signed([]string{"HS256"}, f.body()),
		"claims no object":           signed(header(), "claims"),
		"exp missing":                signed(header(), without(f.body(), "exp")),
		"exp text":                   signed(header(), with(f.body(), "exp", "tomorrow")),
		"exp past, issuer wrong":     signed(header(), with(with(f.body(), "exp", 1), "iss", "other")),
		"nbf missing":                signed(header(), without(f.body(), "nbf")),
		"nbf ahead":                  signed(header(), with(f.body(), "nbf", f.Now.Add(time.Minute).Unix())),
		"iat missing":                signed(header(), without(f.body(), "iat")),
		"iat ahead":                  signed(header(), with(f.body(), "iat", f.Now.Add(time.Minute).Unix())),
		"iss missing":                signed(header(), without(f.body(), "iss")),
		"iss wrong":                  signed(header(), with(f.body(), "iss", "cartulary.example.org")),
		"aud missing":                signed(header(), without(f.body(), "aud")),
		"aud wrong":                  signed(header(), with(f.body(), "aud", "other")),
		"sub missing":                signed(header(), without(f.body(), "sub")),
		"sub no id":                  signed(header(), with(f.body(), "sub", "admin")),
		"sub nil id":                 signed(header(), with(f.body(), "sub", uuid.Nil.String())),
		"sub in braces":              signed(header(), with(f.body(), "sub", "{"+f.User.String()+"}")),
		"sid missing":                signed(header(), without(f.body(), "sid")),
		"jti missing":                signed(header(), without(f.body(), "jti")),
		"typ missing":                signed(header(), without(f.body(), "typ")),
		"typ refresh":                signed(header(), with(f.body(), "typ", "refresh")),
		"oversized claims":           signed(header(), with(f.body(), "pad", strings.Repeat("x", 8<<10))),
		"oversized header":           signed(with(header(), "pad", strings.Repeat("x", 1<<20)), f.body()),
		"white space around":         " " + good + " ",
		"padding added":              good + "=",
		"second spelling of the end": secondSpelling(good),
	}
}

func (f Forger) rs256(t testing.TB) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text := encode(t, with(header(), "alg", "RS256")) + "." + encode(t, f.body())
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func (f Forger) eddsa(t testing.TB) string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text := encode(t, with(header(), "alg", "EdDSA")) + "." + encode(t, f.body())
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(text)))
}

// secondSpelling changes the unused low bits of the last base64 character.
func secondSpelling(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + string(alphabet[last|1])
}
