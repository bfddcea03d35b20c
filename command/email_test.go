package command_test

import (
	"strings"
	"testing"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"github.com/cartulary/cartulary/command"
)

// All spellings of one address meet on one claim.
func TestSpellingsOfOneAddress(t *testing.T) {
	t.Parallel()
	for claim, spellings := range map[string][]string{
		"\u00fcn\u00ef@example.com": {
			"\u00dcn\u00ef@EXAMPLE.com", "U\u0308NI\u0308@example.COM", "\u00fcn\u00ef\uff20example.com", "\u00fcn\u00ef@example\u3002com",
			"\u00fcn\u00ef@example\uff0ecom", "\u00fcn\u00ef@example\uff61com", "\uff35\u0308\uff2e\u00cf@\uff25xample.com", "\t\u00fcn\u00ef@example.com\u00a0",
		},
		"ada@xn--bcher-kva.example": {
			"ada@b\u00fccher.example", "ada@B\u00dcCHER.example", "ada@bu\u0308cher.example", "ADA@XN--BCHER-KVA.EXAMPLE", "ada@xn--bcher-KVA.example",
		},
		"ffi@example.org":               {"\ufb03@example.org", "FFI@example.org"},
		"strasse@xn--strae-oqa.example": {"STRASSE@xn--strae-oqa.example", "stra\u00dfe@xn--strae-oqa.example"},
		"\u03c3@example.org":            {"\u03a3@example.org", "\u03c2@example.org"},
		"k@example.org":                 {"\u212a@example.org", "K@example.org"},
	} {
		for _, spelling := range append(spellings, claim) {
			if got, ok := command.NormalizeEmail(spelling); !ok || got != claim {
				t.Errorf("%q: got %q, %t; want %q", spelling, got, ok, claim)
			}
		}
	}
}

func TestDifferentAddressesStayDifferent(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, address := range []string{
		"ada@example.org", "a.da@example.org", "ada+tag@example.org", "\u00e0da@example.org", "ada@example.com", "ada@ex-ample.org",
		"ad\u0131@example.org", "\u0430\u0434\u0430@example.org", "ada@b\u00fccher.example", "ada@bucher.example",
	} {
		claim, ok := command.NormalizeEmail(address)
		if !ok {
			t.Errorf("%q is refused", address)
		}
		if other, taken := seen[claim]; taken {
			t.Errorf("%q and %q are both %q", address, other, claim)
		}
		seen[claim] = address
	}
}

func TestAddressesThatDeceiveAreRefused(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{
		"zero width space":           "a\u200bda@example.org",
		"zero width joiner":          "ada\u200d@example.org",
		"word joiner":                "ada\u2060@example.org",
		"byte order mark":            "\ufeffada@example.org",
		"soft hyphen":                "a\u00adda@example.org",
		"soft hyphen in the domain":  "ada@exa\u00admple.org",
		"zero width in the domain":   "ada@exam\u200bple.org",
		"variation selector":         "ada\ufe0f@example.org",
		"variation in the domain":    "ada@example\ufe0f.org",
		"supplementary variation":    "ada\U000e0100@example.org",
		"tag character":              "ada\U000e0061@example.org",
		"grapheme joiner":            "a\u034fda@example.org",
		"Hangul filler":              "ada\u3164@example.org",
		"half-width Hangul filler":   "ada\uffa0@example.org",
		"Mongolian vowel separator":  "a\u180eda@example.org",
		"Khmer inherent vowel":       "a\u17b4da@example.org",
		"braille blank":              "a\u2800da@example.org",
		"right-to-left override":     "ada\u202egro@example.org",
		"isolate":                    "\u2066ada@example.org",
		"no-break space":             "a\u00a0da@example.org",
		"ideographic space":          "a\u3000da@example.org",
		"line separator":             "a\u2028da@example.org",
		"next line":                  "a\u0085da@example.org",
		"NUL":                        "a\x00da@example.org",
		"delete":                     "a\x7fda@example.org",
		"not UTF-8":                  "a\xffda@example.org",
		"replacement character":      "a\ufffdda@example.org",
		"Cyrillic a among Latin":     "\u0430da@example.org",
		"Greek omicron among Latin":  "ad\u03bf@example.org",
		"mixed label":                "ada@ex\u0430mple.org",
		"mixed label, as punycode":   "ada@xn--exmple-4nf.org",
		"punycode of nothing":        "ada@xn--.org",
		"punycode of ASCII":          "ada@xn--example-.org",
		"punycode that is not valid": "ada@xn--a\u00fc.org",
		"a dot at the end":           "ada@example.org.",
		"no dots":                    "ada@localhost",
		"an address literal":         "ada@[192.0.2.1]",
		"a quoted local part":        `"ada lovelace"@example.org`,
		"a comment":                  "ada(l)@example.org",
		"two at signs":               "ada@\uff20example.org",
		"acute on its own":           "ada\u00b4@example.org", // a space and an accent, in NFKC
	} {
		if got, ok := command.NormalizeEmail(address); ok {
			t.Errorf("%s: %q was accepted as %q", name, address, got)
		}
	}
}

func FuzzNormalizeEmail(f *testing.F) {
	for _, seed := range []string{
		"Ada@Example.ORG", "\uff46\uff55\uff4c\uff4c@b\u00fccher.example", "stra\u00dfe@XN--BCHER-KVA.example", "a\u200db@example.org",
		"\u0438\u0432\u0430\u043d@\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444", "\ufb03@example\u3002com", "a\u0345@example.org", "\u1e9e@fa\u00df.de",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		once, ok := command.NormalizeEmail(address)
		if !ok {
			return
		}
		if len(once) > 255 || strings.Count(once, "@") != 1 || strings.ContainsAny(once, " \r\n\x00<>\"(),:;[]\\") {
			t.Errorf("%q: accepted as %q", address, once)
		}
		local, domain, _ := strings.Cut(once, "@")
		readable, err := idna.ToUnicode(domain)
		if err != nil {
			t.Fatalf("%q: domain of %q: %v", address, once, err)
		}
		for _, spelling := range []string{
			once, " " + once + "\n", norm.NFD.String(once), local + "@" + strings.ToUpper(domain), local + "@" + readable,
			local + "@" + strings.ReplaceAll(domain, ".", "\u3002"), local + "\uff20" + domain,
		} {
			if again, ok := command.NormalizeEmail(spelling); !ok || again != once {
				t.Errorf("%q: %q is normalised to %q, %t; want %q", address, spelling, again, ok, once)
			}
		}
	})
}
