package s3

import (
	"mime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestAttachment(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"report.pdf":            `attachment; filename="report.pdf"`,
		"a b.pdf":               `attachment; filename="a b.pdf"`,
		"Été.pdf":               `attachment; filename="_t_.pdf"; filename*=UTF-8''%C3%89t%C3%A9.pdf`,
		`say "hi".txt`:          `attachment; filename="say _hi_.txt"; filename*=UTF-8''say%20%22hi%22.txt`,
		"100%25.txt":            `attachment; filename="100_25.txt"; filename*=UTF-8''100%2525.txt`,
		"a\r\nSet-Cookie: b":    `attachment; filename="aSet-Cookie: b"`,
		"../../etc/passwd":      `attachment; filename=".._.._etc_passwd"`,
		`..\x`:                  `attachment; filename=".._x"`,
		"exe\u202egpj.exe":      `attachment; filename="exegpj.exe"`,
		"":                      `attachment; filename="download"`,
		"..":                    `attachment; filename="download"`,
		" \x00\x7f ":            `attachment; filename="download"`,
		"\xff":                  `attachment; filename="_"; filename*=UTF-8''%EF%BF%BD`,
		"a;b=c'd*.txt":          `attachment; filename="a;b=c'd*.txt"`,
		"\u2066x\u2069\u200b.y": `attachment; filename="x.y"`,
	} {
		if got := disposition("attachment", name); got != want {
			t.Errorf("%q:\n got %s\nwant %s", name, got, want)
		}
	}
}

func FuzzAttachment(f *testing.F) {
	for _, name := range []string{"", "a.pdf", `"`, `\`, "é\r\n", "\u202e", "\xff\xfe", "..", "%41", "a/b", "🗂 x"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		header := disposition("attachment", name)
		for i := range len(header) {
			if header[i] < 0x20 || header[i] > 0x7e {
				t.Fatalf("%q: byte %#x in the header", name, header[i])
			}
		}
		kind, parameters, err := mime.ParseMediaType(header)
		if err != nil || kind != "attachment" {
			t.Fatalf("%q: %s does not parse: %v", name, header, err)
		}
		got := parameters["filename"]
		if got != cleanName(name) {
			t.Errorf("%q: read back as %q", name, got)
		}
		if got == "" || !utf8.ValidString(got) || strings.ContainsAny(got, `/\`) ||
			strings.ContainsFunc(got, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf) }) {
			t.Errorf("%q: %q is no clean name", name, got)
		}
	})
}
