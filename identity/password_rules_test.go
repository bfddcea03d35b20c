package identity

import (
	"slices"
	"strings"
	"testing"
)

func TestPasswordRules(t *testing.T) {
	t.Parallel()
	const short, common, context = "at least 8 characters", "most common", "your e-mail address"
	for password, want := range map[string]string{
		"":                         short,
		"7 chars":                  short,
		strings.Repeat("é", 7):     short,
		"e\u0301" + "e\u0301abcde": short, // nine code points, seven characters when composed
		strings.Repeat("a", 1025):  short,
		strings.Repeat("é", 513):   short,

		"password":    common,
		"PassWord1":   common,
		"ｐａｓｓｗｏｒｄ":    common,
		"12345678":    common,
		"qwertyuiop":  common,
		"LETMEIN123":  common,
		"iloveyou":    common,
		"password123": common,

		"cartulary":        context,
		"Cartulary2026":    context,
		"LovelaceA":        context,
		"LoveLace1843":     context,
		"ada.l@engine.org": context,
		"engine.org!!":     context,
		"Augusta Ada!":     context,
		"augustaada1":      context,

		"correct horse battery staple": "",
		"correct lovelace battery":     "", // enough besides the name
		"adaadaada":                    "", // "Ada" alone is too short a word to look for
		strings.Repeat("é", 512):       "",
		strings.Repeat("long ", 13):    "",
		"пароль-из-слов":               "",
		"🐎🔋📎🦄🐎🔋📎🦄":                     "",
		"with\ttab and \x00 nul":       "",
		"        x":                    "",
	} {
		got, ok := passwordRules(password, "ada.l@engine.org", "Augusta Ada", "Lovelace")
		if ok != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%.40q: got %q, %t; want %q", password, got, ok, want)
		}
	}
}

func TestEveryCommonPasswordIsRefused(t *testing.T) {
	t.Parallel()
	lines := strings.Split(strings.TrimSuffix(commonPasswords, "\n"), "\n")
	if len(lines) < 10_000 || !slices.IsSorted(lines) {
		t.Fatalf("%d common passwords, sorted: %t", len(lines), slices.IsSorted(lines))
	}
	for _, line := range lines {
		if !isCommonPassword(foldPassword(strings.ToUpper(line))) || !isCommonPassword(line) {
			t.Errorf("%q is not found", line)
		}
		if isCommonPassword(line + "\n") {
			t.Errorf("%q with a line feed is found", line)
		}
	}
}

func FuzzPasswordRules(f *testing.F) {
	f.Add("password", "ada@example.org")
	f.Add("пароль-из-слов", "")
	f.Fuzz(func(t *testing.T, password, about string) {
		complaint, ok := passwordRules(password, about)
		if ok != (complaint == "") {
			t.Errorf("%q: %q, %t", password, complaint, ok)
		}
		if again, _ := passwordRules(strings.ToUpper(password), about); strings.Contains(complaint, "most common") &&
			strings.ToLower(strings.ToUpper(password)) == password && !strings.Contains(again, "most common") {
			t.Errorf("%q is common, in upper case it is not: %q", password, again)
		}
	})
}
