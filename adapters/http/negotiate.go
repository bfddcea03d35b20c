package httpapi

import (
	"strconv"
	"strings"
)

// choice is an element of a header that lists what a client accepts (RFC 9110
// §12.4.2).
type choice struct {
	value   string  // in lower case, without parameters
	quality float64 // 0 to 1; 0 for not at all
}

// choices reads such a header. Elements that can't be understood are left out.
func choices(header string) []choice {
	var list []choice
	for element := range strings.SplitSeq(header, ",") {
		value, params, _ := strings.Cut(element, ";")
		value = strings.ToLower(strings.TrimSpace(value))
		quality, ok := qualityOf(params)
		if value != "" && ok {
			list = append(list, choice{value, quality})
		}
	}
	return list
}

// qualityOf returns the weight among an element's parameters; 1 if there is none.
func qualityOf(params string) (float64, bool) {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if strings.EqualFold(name, "q") {
			quality, err := strconv.ParseFloat(value, 64)
			return quality, err == nil && quality >= 0 && quality <= 1
		}
	}
	return 1, true
}

// qualityFor returns how much a client wants a value: by the most particular
// element that fits. Wildcards are those of media types and of codings.
func qualityFor(list []choice, value string) float64 {
	family, _, _ := strings.Cut(value, "/")
	best, rank := 0.0, 0
	for _, c := range list {
		fits := 0
		switch c.value {
		case value:
			fits = 3
		case family + "/*":
			fits = 2
		case "*", "*/*":
			fits = 1
		}
		if fits > rank || fits > 0 && fits == rank && c.quality > best {
			best, rank = c.quality, fits
		}
	}
	return best
}

// accepts reports whether a header lists a value, by name or by wildcard.
func accepts(header, value string) bool { return qualityFor(choices(header), value) > 0 }
