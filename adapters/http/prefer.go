package httpapi

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// preferences are those of a Prefer header (RFC 7240) that are known here.
type preferences struct {
	async   bool
	minimal bool           // return=minimal
	wait    *time.Duration // nil: as long as usual
}

// preferencesOf reads a Prefer header. What is unknown or malformed is ignored, and
// of what is there twice the first counts, as RFC 7240 §2 has it.
func preferencesOf(header *string) preferences {
	var p preferences
	if header == nil {
		return p
	}
	known := make(map[string]bool, 3)
	for _, preference := range splitQuoted(*header, ',') {
		text := splitQuoted(preference, ';')[0]
		name, value, _ := strings.Cut(text, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		value = strings.Trim(strings.TrimSpace(value), `"`)
		if known[name] {
			continue
		}
		known[name] = true
		switch name {
		case "respond-async":
			p.async = value == ""
		case "return":
			p.minimal = strings.EqualFold(value, "minimal")
		case "wait":
			if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
				wait := time.Duration(min(seconds, math.MaxInt32)) * time.Second
				p.wait = &wait
			}
		}
	}
	return p
}

// splitQuoted splits text at a separator that is not within double quotes.
func splitQuoted(text string, separator byte) []string {
	var parts []string
	quoted, begin := false, 0
	for i := range len(text) {
		switch {
		case text[i] == '"' && (!quoted || text[i-1] != '\\'):
			quoted = !quoted
		case text[i] == separator && !quoted:
			parts, begin = append(parts, text[begin:i]), i+1
		}
	}
	return append(parts, text[begin:])
}

// patience is how long the read models are waited for, of what is usual.
func (p preferences) patience(usual time.Duration) time.Duration {
	switch {
	case p.wait != nil:
		return min(usual, *p.wait)
	case p.async:
		return 0
	default:
		return usual
	}
}

// applied says which preferences an answer honours, as Preference-Applied does.
// settled is whether the read models were there in time.
func (p preferences) applied(settled bool) string {
	var list []string
	if p.async && !settled {
		list = append(list, "respond-async")
	}
	if p.minimal {
		list = append(list, "return=minimal")
	}
	if p.wait != nil {
		list = append(list, "wait="+strconv.FormatInt(int64(*p.wait/time.Second), 10))
	}
	return strings.Join(list, ", ")
}
