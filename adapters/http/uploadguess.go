package httpapi

import (
	"bytes"
	"errors"
	"io"
)

const (
	// formBuffer is how much of a form, in bytes, is read at once. The form's parser by
	// itself reads so little that reading would cost more than parsing.
	formBuffer = 64 << 10

	// formHeadSize is how many bytes of a form are looked at to find where a file begins.
	formHeadSize = 16 << 10
)

// formHead keeps the first bytes that are read through it.
type formHead struct {
	r    io.Reader
	head []byte
}

// Read implements [io.Reader].
func (h *formHead) Read(b []byte) (int, error) {
	n, err := h.r.Read(b)
	if room := formHeadSize - len(h.head); room > 0 {
		h.head = append(h.head, b[:min(n, room)]...)
	}
	return n, err
}

// likelySize returns how long the content of a form's nth part, from 1 on, is if that is
// the last and the form ends as clients end theirs; or unknownSize if it begins too late
// to be found. length is that of the form.
//
// Nothing but the speed of an upload depends on it.
func (h *formHead) likelySize(boundary string, n int, length int64) int64 {
	delimiter := []byte("--" + boundary)
	rest := h.head
	for range n {
		_, after, found := bytes.Cut(rest, delimiter)
		if !found {
			return unknownSize
		}
		rest = after
	}
	_, content, found := bytes.Cut(rest, []byte("\r\n\r\n"))
	if length < 0 || !found {
		return unknownSize
	}
	begin := int64(len(h.head) - len(content))
	return max(unknownSize, length-begin-int64(len("\r\n--"+boundary+"--\r\n")))
}

// likelyFile fails when its file is so much shorter than was likely that it would be a
// burden to fill it up: no form that is good has that much behind its file.
type likelyFile struct {
	file io.Reader
	left int64 // bytes until what is likely
}

// Read implements [io.Reader].
func (f *likelyFile) Read(b []byte) (int, error) {
	n, err := f.file.Read(b)
	f.left -= int64(n)
	if errors.Is(err, io.EOF) && f.left > maxOverhead {
		err = errors.New("there is too much behind the form's file")
	}
	return n, err
}
