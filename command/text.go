package command

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// text checks that s is printable UTF-8 of 1 to maxRunes characters.
func (v *validation) text(s, field string, maxRunes int) {
	switch {
	case !utf8.ValidString(s):
		v.check(false, field, "must be valid UTF-8")
	case strings.TrimSpace(s) == "":
		v.check(false, field, "must not be empty")
	case utf8.RuneCountInString(s) > maxRunes:
		v.check(false, field, "must have at most %d characters", maxRunes)
	case strings.ContainsFunc(s, unicode.IsControl):
		v.check(false, field, "must not contain control characters")
	}
}
