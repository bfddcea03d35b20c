package proof

import "unicode/utf8"

// maxPlainDepth is how deeply nested a value may be to be plain.
const maxPlainDepth = 16

// plain reports whether a body is, at first sight, an object in canonical form
// (RFC 8785), and returns its fields. Events are. What it does not know at sight, such
// as escapes and fractions, may be canonical all the same; what it takes for canonical
// always is.
func plain(body []byte) (fields, bool) {
	var f fields
	ok := len(body) > 0 && body[0] == '{' && plainObject(body, 1, 0, &f) == len(body)
	return f, ok
}

// plainValue returns the index behind the value that begins at i; -1 if that is not
// plain.
func plainValue(b []byte, i, depth int) int {
	if i >= len(b) || depth > maxPlainDepth {
		return -1
	}
	switch b[i] {
	case '"':
		return plainString(b, i+1, true)
	case '{':
		return plainObject(b, i+1, depth, nil)
	case '[':
		return plainArray(b, i+1, depth)
	case 't':
		return plainLiteral(b, i, "true")
	case 'f':
		return plainLiteral(b, i, "false")
	case 'n':
		return plainLiteral(b, i, "null")
	default:
		return plainInteger(b, i)
	}
}

// plainObject reads an object from behind its brace. Names must be of printable ASCII,
// so that the order of their bytes is the order of their UTF-16 code units. Unless f is
// nil, it is told all members.
func plainObject(b []byte, i, depth int, f *fields) int {
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	var last []byte
	for first := true; i < len(b) && b[i] == '"'; first = false {
		end := plainString(b, i+1, false)
		if end < 0 || end >= len(b) || b[end] != ':' {
			return -1
		}
		name := b[i+1 : end-1]
		if !first && string(last) >= string(name) {
			return -1
		}
		last = name
		i = plainValue(b, end+1, depth+1)
		if i < 0 || i >= len(b) {
			return -1
		}
		if f != nil {
			f.note(name, b[end+1:i])
		}
		switch b[i] {
		case ',':
			i++
		case '}':
			return i + 1
		default:
			return -1
		}
	}
	return -1
}

// plainArray reads an array from behind its bracket.
func plainArray(b []byte, i, depth int) int {
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		i = plainValue(b, i, depth+1)
		if i < 0 || i >= len(b) {
			return -1
		}
		switch b[i] {
		case ',':
			i++
		case ']':
			return i + 1
		default:
			return -1
		}
	}
}

// plainString reads a string without escapes from behind its quote. Bytes beyond ASCII
// must be UTF-8, and are allowed only beyond names.
func plainString(b []byte, i int, beyond bool) int {
	ascii := true
	for from := i; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			if !ascii && !utf8.Valid(b[from:i]) {
				return -1
			}
			return i + 1
		case c < ' ', c == '\\', c == 0x7f:
			return -1
		case c >= utf8.RuneSelf:
			if !beyond {
				return -1
			}
			ascii = false
		}
	}
	return -1
}

// plainInteger reads an integer of at most fifteen digits, which any reader of JSON
// takes for the same.
func plainInteger(b []byte, i int) int {
	const digits = 15
	if b[i] == '-' {
		if i++; i < len(b) && b[i] == '0' {
			return -1
		}
	}
	from := i
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	if n := i - from; n < 1 || n > digits || n > 1 && b[from] == '0' {
		return -1
	}
	return i
}

func plainLiteral(b []byte, i int, text string) int {
	if len(b)-i < len(text) || string(b[i:i+len(text)]) != text {
		return -1
	}
	return i + len(text)
}
