// Package namekey compares names as people do: upper and lower case alike, and the
// ways alike in which Unicode spells one text. It does not depend on a server's
// locale.
package namekey

import (
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Of returns a text that names have in common which differ in nothing else: case
// folded, NFC (Unicode Standard, section 3.13 and annex 15).
func Of(name string) string {
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(name)))
}
