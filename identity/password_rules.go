package identity

import (
	_ "embed"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Bounds of a password (requirements §8.1). Nothing is cut off, and no kind of
// character is asked for or refused (NIST SP 800-63B §3.1.1.2, ASVS 5.0 V6.2).
const (
	minPasswordCharacters = 8
	maxPasswordBytes      = 1024
)

const (
	// minContextWord is the shortest word, in characters, that is looked for in a
	// password.
	minContextWord = 4

	// minBesidesContext is how many characters a password must have besides such a
	// word.
	minBesidesContext = 5
)

// commonPasswords are those that attackers try first, case folded, sorted, one a
// line (scripts/common-passwords).
//
//go:embed common_passwords.txt
var commonPasswords string

// passwordRules says what is wrong with a password that its owner would choose;
// about holds what others know of the owner. The message never repeats any of it.
func passwordRules(password string, about ...string) (complaint string, ok bool) {
	password = norm.NFC.String(password)
	folded := foldPassword(password)
	switch {
	case utf8.RuneCountInString(password) < minPasswordCharacters || len(password) > maxPasswordBytes:
		return fmt.Sprintf("must have at least %d characters and at most %d bytes", minPasswordCharacters, maxPasswordBytes), false
	case isCommonPassword(folded):
		return "must not be one of the most common passwords; several unrelated words make a good one", false
	case madeOfContext(folded, about):
		return "must not be made of your e-mail address, your name or the name of this service", false
	default:
		return "", true
	}
}

// foldPassword makes passwords comparable that differ in case or width.
func foldPassword(s string) string { return cases.Fold().String(norm.NFKC.String(s)) }

func isCommonPassword(folded string) bool {
	// The list is searched where it stands: at is the start of a line.
	at := sort.Search(len(commonPasswords), func(i int) bool {
		return lineAt(commonPasswords, i) >= folded
	})
	return at < len(commonPasswords) && lineAt(commonPasswords, at) == folded
}

// lineAt returns the line of a text that the byte at i belongs to.
func lineAt(text string, i int) string {
	start := strings.LastIndexByte(text[:i], '\n') + 1
	line, _, _ := strings.Cut(text[start:], "\n")
	return line
}

// madeOfContext reports whether hardly anything is left of a password without one
// of the words that others know.
func madeOfContext(folded string, about []string) bool {
	length := utf8.RuneCountInString(folded)
	for _, word := range contextWords(about) {
		n := utf8.RuneCountInString(word)
		if n >= minContextWord && length-n < minBesidesContext && strings.Contains(folded, word) {
			return true
		}
	}
	return false
}

// contextWords returns, folded, what passwords must not be made of: the service's
// name and what is known of the owner, an address also by its parts.
func contextWords(about []string) []string {
	words := []string{"cartulary"}
	for _, a := range about {
		a = foldPassword(strings.TrimSpace(a))
		words = append(words, a, strings.ReplaceAll(a, " ", ""))
		if local, domain, ok := strings.Cut(a, "@"); ok {
			words = append(words, local, domain)
		}
	}
	return words
}
