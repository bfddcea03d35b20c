package command

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/cartulary/cartulary/events"
)

const maxEmailBytes = 255 // users.email

// NormalizeEmail returns the one spelling of an e-mail address under which it is
// claimed: Unicode NFKC, case folded, the domain in IDNA's ASCII form (UTS 46). White
// space around it does not count. It reports false if address is not of the form
// local@domain, has no such spelling, or is made to look like another one: with
// characters that nobody sees, or with scripts mixed that share shapes (UTS 39).
func NormalizeEmail(address string) (string, bool) {
	once, ok := normalizeEmail(address)
	if !ok {
		return "", false
	}
	twice, ok := normalizeEmail(once)
	return once, ok && once == twice
}

func normalizeEmail(address string) (string, bool) {
	if len(address) > 4*maxEmailBytes || !utf8.ValidString(address) {
		return "", false
	}
	address = strings.TrimSpace(address)
	if strings.ContainsFunc(address, invisible) {
		return "", false
	}
	folded := norm.NFKC.String(cases.Fold().String(norm.NFKC.String(address)))
	at := strings.LastIndexByte(folded, '@')
	if at < 1 || at == len(folded)-1 {
		return "", false
	}
	local, domain := folded[:at], folded[at+1:]
	if len(local) > 64 || strings.ContainsFunc(local, notInLocalPart) || mixesScripts(local) ||
		strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return "", false
	}
	ascii, ok := normalizeDomain(domain)
	if !ok {
		return "", false
	}
	normalized := local + "@" + ascii
	return normalized, len(normalized) <= maxEmailBytes
}

func normalizeDomain(domain string) (string, bool) {
	ascii, err := domains().ToASCII(domain)
	if err != nil || !strings.Contains(ascii, ".") || strings.HasSuffix(ascii, ".") {
		return "", false
	}
	readable, err := domains().ToUnicode(ascii)
	if err != nil || strings.ContainsFunc(readable, invisible) {
		return "", false
	}
	for label := range strings.SplitSeq(readable, ".") {
		if mixesScripts(label) {
			return "", false
		}
	}
	return ascii, true
}

// domains returns the profile of IDNA (UTS 46) that domains must fit.
func domains() *idna.Profile {
	return idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))
}

// invisible reports characters that nobody sees: controls, format characters, and
// what is ignored by default when text is shown (UAX 44).
func invisible(r rune) bool {
	const brailleBlank = '\u2800'
	return r == brailleBlank || r > unicode.MaxLatin1 && unicode.IsSpace(r) || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp,
		unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// mixesScripts reports text that mixes scripts of which letters look alike.
func mixesScripts(s string) bool {
	alike := []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee, unicode.Coptic}
	found := -1
	for _, r := range s {
		for i, script := range alike {
			if !unicode.Is(script, r) {
				continue
			}
			if found >= 0 && found != i {
				return true
			}
			found = i
		}
	}
	return false
}

// notInLocalPart reports characters that an address can't have unquoted (RFC
// 5322 atext, and any letter beyond ASCII, RFC 6531).
func notInLocalPart(r rune) bool {
	switch {
	case r > 127:
		return r == unicode.ReplacementChar || !unicode.IsPrint(r)
	case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
		return false
	default:
		return !strings.ContainsRune(".!#$%&'*+/=?^_`{|}~-", r)
	}
}

// emailStream names the stream of claims on a normalised address. Its id is
// keyed, so that who reads the trail can't find out addresses by guessing.
func emailStream(key []byte, normalized string) events.Stream {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(normalized))
	id := uuid.UUID(mac.Sum(nil)[:16])
	id[6] = id[6]&0x0f | 0x80 // version 8: custom
	id[8] = id[8]&0x3f | 0x80 // variant of RFC 9562
	return events.Stream{Kind: events.KindEmail, ID: id}
}
