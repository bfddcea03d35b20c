package namekey_test

import (
	"testing"

	"github.com/cartulary/cartulary/internal/namekey"
)

func TestOf(t *testing.T) {
	for _, alike := range [][2]string{
		{"Report.PDF", "rEPORT.pdf"},
		{"ÉTÉ", "e\u0301te\u0301"}, // composed and not
		{"Straße", "STRASSE"},
		{"ΣΊΣΥΦΟΣ", "Σίσυφος"},
	} {
		if a, b := namekey.Of(alike[0]), namekey.Of(alike[1]); a != b {
			t.Errorf("%q has key %q, %q has %q", alike[0], a, alike[1], b)
		}
	}
	if namekey.Of("a") == namekey.Of("á") {
		t.Error("accents count")
	}
}

func FuzzOf(f *testing.F) {
	f.Add("Été – رسالة.pdf")
	f.Fuzz(func(t *testing.T, name string) {
		if once := namekey.Of(name); namekey.Of(once) != once {
			t.Errorf("%q: %q becomes %q", name, once, namekey.Of(once))
		}
	})
}
