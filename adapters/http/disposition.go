package httpapi

import (
	"errors"
	"mime"
	"strings"
)

var errDisposition = errors.New("not a Content-Disposition of form-data")

// parseDisposition returns the field name and the file name, if there is one, of
// a part of multipart/form-data.
//
// Browsers and newer curl spell a quote in a file name %22 and leave backslashes
// alone (WHATWG HTML, "Multipart form data"); older curl and others put a
// backslash before it (RFC 2616's quoted-string). Both are understood. filename*
// (RFC 5987), and RFC 2231's parts of it, win over filename.
func parseDisposition(header string) (name, filename string, err error) {
	kind, rest, _ := strings.Cut(header, ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "form-data") {
		return "", "", errDisposition
	}
	seen := map[string]string{}
	for rest = strings.TrimLeft(rest, " \t;"); rest != ""; rest = strings.TrimLeft(rest, " \t;") {
		var key, value string
		if key, value, rest, err = nextParameter(rest); err != nil {
			return "", "", err
		}
		if _, twice := seen[key]; twice {
			return "", "", errDisposition
		}
		seen[key] = value
	}
	name, hasName := seen["name"]
	if !hasName {
		return "", "", errDisposition
	}
	for key := range seen {
		if strings.HasPrefix(key, "filename*") {
			filename, err = extendedFilename(header)
			return unescapeWHATWG(name), filename, err
		}
	}
	return unescapeWHATWG(name), unescapeWHATWG(seen["filename"]), nil
}

// nextParameter takes one key=value from the front of s.
func nextParameter(s string) (key, value, rest string, err error) {
	key, s, found := strings.Cut(s, "=")
	key = strings.ToLower(strings.TrimSpace(key))
	if !found || key == "" {
		return "", "", "", errDisposition
	}
	s = strings.TrimLeft(s, " \t")
	if !strings.HasPrefix(s, `"`) {
		value, rest, _ = strings.Cut(s, ";")
		return key, strings.TrimSpace(value), rest, nil
	}
	value, rest, err = quoted(s[1:])
	return key, value, rest, err
}

// quoted takes a quoted string, whose opening quote is gone, from the front of s.
// A backslash escapes a quote only, so that one in a browser's name stays.
func quoted(s string) (value, rest string, err error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '"' && !endsHere(s[i+2:]):
			b.WriteByte('"')
			i++
		case s[i] == '"':
			return b.String(), s[i+1:], nil
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", errDisposition
}

// endsHere reports whether what follows a backslash and a quote shows that the
// quote was the closing one: there is no other, as in "C:\dir\".
func endsHere(rest string) bool {
	rest = strings.TrimLeft(rest, " \t")
	return rest == "" || rest[0] == ';' && strings.Count(rest, `"`)%2 == 0
}

// unescapeWHATWG undoes the three escapes of a browser's form.
func unescapeWHATWG(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	return strings.NewReplacer("%22", `"`, "%0D", "\r", "%0d", "\r", "%0A", "\n", "%0a", "\n").Replace(s)
}

// extendedFilename reads filename* in all its forms.
func extendedFilename(header string) (string, error) {
	_, params, err := mime.ParseMediaType(header)
	if err != nil {
		return "", errDisposition
	}
	filename, ok := params["filename"]
	if !ok {
		return "", errDisposition
	}
	return filename, nil
}

// lastComponent strips the path that some browsers send before a name.
func lastComponent(filename string) string {
	return filename[strings.LastIndexAny(filename, `/\`)+1:]
}
