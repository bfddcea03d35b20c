package s3

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// disposition returns a Content-Disposition header (RFC 6266) of a kind, attachment or
// inline, under which browsers save a file as name: once in ASCII, for what knows no better, and once as
// RFC 8187 has it when that loses something. Control and formatting characters,
// among them those that turn the direction of text, are left out; separators of
// directories become underscores.
func disposition(kind, name string) string {
	name = cleanName(name)
	plain := asciiName(name)
	header := kind + `; filename="` + plain + `"`
	if plain != name {
		header += "; filename*=UTF-8''" + encodeExtended(name)
	}
	return header
}

// cleanName returns name without what has no place in a file name.
func cleanName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r == '/' || r == '\\':
			return '_'
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp):
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, string(utf8.RuneError)))
	name = strings.TrimSpace(name)
	if strings.Trim(name, ".") == "" { // none, or a way up
		return "download"
	}
	return name
}

// asciiName replaces what can't stand in every browser's quoted string. A percent
// sign is among it: some decode what follows.
func asciiName(name string) string {
	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || r == '"' || r == '%' {
			return '_'
		}
		return r
	}, name)
}

// encodeExtended returns the ext-value of RFC 8187: everything but attr-char is
// percent-encoded.
func encodeExtended(name string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; isAttrChar(c) {
			b.WriteByte(c)
		} else {
			b.WriteString(string([]byte{'%', hex[c>>4], hex[c&15]}))
		}
	}
	return b.String()
}

func isAttrChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("!#$&+-.^_`|~", c) >= 0
}
