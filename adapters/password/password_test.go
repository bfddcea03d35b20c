package password_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cartulary/cartulary/adapters/password"
)

func newHasher(t *testing.T, cfg password.Config) *password.Hasher {
	t.Helper()
	h, err := password.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func cheap() password.Config { return password.Config{MemoryKiB: 64, Iterations: 1} }

func TestDefaultCost(t *testing.T) {
	hash, err := newHasher(t, password.Config{}).Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if want := "$argon2id$v=19$m=19456,t=2,p=1$"; !strings.HasPrefix(hash, want) {
		t.Errorf("got %s, want it to start with %s", hash, want)
	}
	if len(hash) > 255 {
		t.Errorf("%d bytes do not fit their column", len(hash))
	}
}

func TestHashThenVerify(t *testing.T) {
	h := newHasher(t, cheap())
	long := strings.Repeat("x", password.MaxBytes-1)
	for name, pw := range map[string]string{
		"plain": "password1", "eight": "12345678", "unicode": "пароль на русском", "emoji": "🔑🔑🔑🔑🔑🔑🔑🔑",
		"long": long + "a", "nul inside": "abc\x00defgh", "spaces": "        ",
	} {
		t.Run(name, func(t *testing.T) {
			hash, err := h.Hash(t.Context(), pw)
			if err != nil {
				t.Fatal(err)
			}
			if ok, err := h.Verify(t.Context(), pw, hash); !ok || err != nil {
				t.Errorf("the password itself: %v, %v", ok, err)
			}
			for _, other := range []string{pw + "x", pw[:len(pw)-1], "", strings.ToUpper(pw) + "!"} {
				if ok, err := h.Verify(t.Context(), other, hash); ok || err != nil {
					t.Errorf("another password: %v, %v", ok, err)
				}
			}
		})
	}
}

func TestNothingIsCut(t *testing.T) {
	h := newHasher(t, cheap())
	base := strings.Repeat("x", password.MaxBytes-1)
	hash, err := h.Hash(t.Context(), base+"a")
	if err != nil {
		t.Fatal(err)
	}
	if ok, _ := h.Verify(t.Context(), base+"b", hash); ok {
		t.Error("the last byte does not count")
	}
}

func TestComposedAndDecomposedAreOnePassword(t *testing.T) {
	h := newHasher(t, cheap())
	const composed, decomposed = "pass\u00e9 d'\u00e9t\u00e9", "passe\u0301 d'e\u0301te\u0301"
	hash, err := h.Hash(t.Context(), composed)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := h.Verify(t.Context(), decomposed, hash); !ok || err != nil {
		t.Errorf("the same characters, decomposed: %v, %v", ok, err)
	}
	for _, other := range []string{"passe d'ete", "Pass\u00e9 d'\u00e9t\u00e9", "ｐass\u00e9 d'\u00e9t\u00e9"} {
		if ok, err := h.Verify(t.Context(), other, hash); ok || err != nil {
			t.Errorf("%q: %v, %v", other, ok, err)
		}
	}
}

func TestLengthBounds(t *testing.T) {
	h := newHasher(t, cheap())
	for pw, want := range map[string]error{
		"1234567": password.ErrLength, "12345678": nil, "ééééééé": password.ErrLength, "éééééééé": nil,
		strings.Repeat("x", 1024): nil, strings.Repeat("x", 1025): password.ErrLength,
	} {
		if _, err := h.Hash(t.Context(), pw); !errors.Is(err, want) {
			t.Errorf("%d bytes: got %v, want %v", len(pw), err, want)
		}
	}
}

func TestSaltDiffers(t *testing.T) {
	h := newHasher(t, cheap())
	a, err1 := h.Hash(t.Context(), "password1")
	b, err2 := h.Hash(t.Context(), "password1")
	if err := errors.Join(err1, err2); err != nil || a == b {
		t.Errorf("%s twice, %v", a, err)
	}
}

// A hash made elsewhere, with other parameters: the reference implementation's
// own test vector.
func TestVerifiesWithTheParametersOfTheHash(t *testing.T) {
	const reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if ok, err := newHasher(t, cheap()).Verify(t.Context(), "password", reference); !ok || err != nil {
		t.Errorf("got %v, %v", ok, err)
	}
}

func TestMalformedHashes(t *testing.T) {
	h := newHasher(t, cheap())
	const salt, sum = "c29tZXNhbHQ", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	for name, encoded := range map[string]string{
		"empty":             "",
		"plain text":        "password",
		"argon2i":           "$argon2i$v=19$m=64,t=1,p=1$" + salt + "$" + sum,
		"old version":       "$argon2id$v=16$m=64,t=1,p=1$" + salt + "$" + sum,
		"all memory":        "$argon2id$v=19$m=4294967295,t=1,p=1$" + salt + "$" + sum,
		"no iterations":     "$argon2id$v=19$m=64,t=0,p=1$" + salt + "$" + sum,
		"endless":           "$argon2id$v=19$m=64,t=4294967295,p=1$" + salt + "$" + sum,
		"no lanes":          "$argon2id$v=19$m=64,t=1,p=0$" + salt + "$" + sum,
		"trailing":          "$argon2id$v=19$m=64,t=1,p=1,x$" + salt + "$" + sum,
		"empty hash":        "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$",
		"empty salt":        "$argon2id$v=19$m=64,t=1,p=1$$" + sum,
		"padded":            "$argon2id$v=19$m=64,t=1,p=1$" + salt + "=$" + sum,
		"more parts":        "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + sum + "$x",
		"leading zeros":     "$argon2id$v=19$m=064,t=1,p=1$" + salt + "$" + sum,
		"bcrypt":            "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
		"too long a digest": "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + strings.Repeat("A", 200),
	} {
		t.Run(name, func(t *testing.T) {
			if ok, err := h.Verify(t.Context(), "password", encoded); ok || err == nil {
				t.Errorf("got %v, %v", ok, err)
			} else if encoded != "" && strings.Contains(err.Error(), encoded) {
				t.Error("the error repeats the hash")
			}
		})
	}
}

func TestHashesQueueForTheirSlot(t *testing.T) {
	h := newHasher(t, password.Config{MemoryKiB: 1024, Iterations: 4, Concurrent: 1})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	// A cancelled context may still find the slot free; it never finds it taken
	// and stays.
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := h.Hash(t.Context(), "password1"); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if _, err := h.Hash(ctx, "password1"); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestUnknownAccountsCostTheSame(t *testing.T) {
	h := newHasher(t, password.Config{})
	hash, err := h.Hash(t.Context(), "password1")
	if err != nil {
		t.Fatal(err)
	}
	best := func(f func()) time.Duration {
		shortest := time.Hour
		for range 5 {
			start := time.Now()
			f()
			shortest = min(shortest, time.Since(start))
		}
		return shortest
	}
	known := best(func() { _, _ = h.Verify(t.Context(), "password2", hash) })
	unknown := best(func() { _ = h.VerifyNothing(t.Context(), "password2") })
	if unknown < known/3 || known < unknown/3 {
		t.Errorf("a known account costs %v, an unknown one %v", known, unknown)
	}
}

func TestCostOutOfBounds(t *testing.T) {
	if _, err := password.New(password.Config{MemoryKiB: 4}); err == nil {
		t.Error("accepted")
	}
}

func FuzzVerify(f *testing.F) {
	h, err := password.New(cheap())
	if err != nil {
		f.Fatal(err)
	}
	f.Add("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, encoded string) {
		if strings.Contains(encoded, "m=") && len(encoded) > 40 && !strings.Contains(encoded, "m=64,t=1,p=1") {
			return // costs are bounded, but not for a fuzzer's patience
		}
		if ok, _ := h.Verify(t.Context(), "password1", encoded); ok {
			t.Errorf("%q was accepted", encoded)
		}
	})
}
