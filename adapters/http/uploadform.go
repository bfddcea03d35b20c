package httpapi

import (
	"bufio"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"strings"
)

// maxField is the longest value, in bytes, of a field beside the file.
const maxField = 4 << 10

// sniffed is how many bytes are looked at to guess a media type.
const sniffed = 512

// uploadForm is what an upload says, as far as it was read.
type uploadForm struct {
	file     *received // nil until it has come in
	filename *string   // of the field
	mimeType *string   // of the field

	partFilename string // of the file's part
	partType     string // of the file's part; guessed if it has none
	parts        int    // so far
}

// stage takes in the file that is the nth part of a form, from 1 on.
type stage func(ctx context.Context, n int, contentType string, file io.Reader) (received, error)

// readUpload reads a form as a stream and stages its file. What it returns beside
// an error is what was read before it.
func readUpload(ctx context.Context, parts *multipart.Reader, stage stage) (uploadForm, error) {
	var form uploadForm
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return form, readProblem(err, maxUpload)
		}
		form.parts++
		if err := form.take(ctx, part, stage); err != nil {
			return form, err
		}
	}
	if form.file == nil {
		return form, invalidField("file", "is required")
	}
	return form, nil
}

func (f *uploadForm) take(ctx context.Context, part *multipart.Part, stage stage) error {
	name, filename, err := parseDisposition(part.Header.Get("Content-Disposition"))
	if err != nil {
		return badRequest(err)
	}
	switch name {
	case "file":
		if f.file != nil {
			return invalidField("file", "must be sent once")
		}
		f.partFilename = lastComponent(filename)
		return f.takeFile(ctx, part, stage)
	case "filename":
		return takeField(name, part, &f.filename)
	case "mime_type":
		return takeField(name, part, &f.mimeType)
	default:
		return invalidField(name, "is not a field of this request")
	}
}

func (f *uploadForm) takeFile(ctx context.Context, part *multipart.Part, stage stage) error {
	want, err := expectedDigest(part.Header.Values)
	if err != nil {
		return err
	}
	wanted := want.of(part)
	buffered := bufio.NewReaderSize(wanted, 32<<10)
	f.partType = part.Header.Get("Content-Type")
	if f.partType == "" {
		head, err := buffered.Peek(sniffed)
		if err != nil && !errors.Is(err, io.EOF) {
			return readProblem(err, maxUpload)
		}
		f.partType = guessType(head, f.name())
	}
	file, err := stage(ctx, f.parts, f.partType, buffered)
	if err != nil {
		return err
	}
	f.file = &file
	return wanted.check(file.digest)
}

func takeField(name string, part io.Reader, into **string) error {
	if *into != nil {
		return invalidField(name, "must be sent once")
	}
	value, err := io.ReadAll(io.LimitReader(part, maxField+1))
	switch {
	case err != nil:
		return readProblem(err, maxField)
	case len(value) > maxField:
		return invalidField(name, "must have at most %d bytes", maxField)
	}
	text := string(value)
	*into = &text
	return nil
}

// name is the document's name: the field's, or else that of the file's part.
func (f *uploadForm) name() string {
	if f.filename != nil {
		return *f.filename
	}
	return f.partFilename
}

// media is the document's media type: the field's, or else that of the file's part.
func (f *uploadForm) media() string {
	if f.mimeType != nil {
		return *f.mimeType
	}
	return f.partType
}

// guessType guesses a media type from a file's first bytes, or else its name.
func guessType(head []byte, filename string) string {
	guess := http.DetectContentType(head)
	if strings.HasPrefix(guess, "text/plain") || guess == "application/octet-stream" {
		if byName := mime.TypeByExtension(filepath.Ext(filename)); byName != "" {
			return byName
		}
	}
	return guess
}
