package s3

import (
	"context"
	"errors"
	"io"

	client "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3api/middlewares"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

// wholeFiles is a store of objects that takes no body that breaks off. Its HTTP server
// says of such a body that it has ended, and what there was would be stored, at a time
// that the client, who has gone, can't know.
type wholeFiles struct {
	*posix.Posix
}

// PutObject implements backend.Backend.
func (f wholeFiles) PutObject(ctx context.Context, input s3response.PutObjectInput) (s3response.PutObjectOutput, error) {
	input.Body = wholeBody(input.Body, input.ContentLength)
	return f.Posix.PutObject(ctx, input)
}

// UploadPart implements backend.Backend.
func (f wholeFiles) UploadPart(ctx context.Context, input *client.UploadPartInput) (*client.UploadPartOutput, error) {
	whole := *input
	whole.Body = wholeBody(input.Body, input.ContentLength)
	return f.Posix.UploadPart(ctx, &whole)
}

// wholeBody returns a body that fails if it ends before so many bytes.
func wholeBody(body io.Reader, length *int64) io.Reader {
	if body == nil || length == nil {
		return body
	}
	whole := &whole{Reader: body, left: *length}
	if checked, ok := body.(middlewares.ChecksumReader); ok {
		return &wholeChecked{whole: whole, ChecksumReader: checked}
	}
	return whole
}

type whole struct {
	io.Reader

	left int64 // bytes that are still to come
}

// Read implements [io.Reader].
func (w *whole) Read(b []byte) (int, error) {
	n, err := w.Reader.Read(b)
	w.left -= int64(n)
	if errors.Is(err, io.EOF) && w.left > 0 {
		err = s3err.GetAPIError(s3err.ErrIncompleteBody)
	}
	return n, err
}

// wholeChecked is a whole body that knows its checksum.
type wholeChecked struct {
	middlewares.ChecksumReader

	whole *whole
}

// Read implements [io.Reader].
func (w *wholeChecked) Read(b []byte) (int, error) { return w.whole.Read(b) }
