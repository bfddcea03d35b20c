package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"

	tusd "github.com/tus/tusd/v2/pkg/handler"
)

// tusAnswer keeps what tusd answers. It knows no deadlines: those of a body are its
// own.
type tusAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer // of an error: its code, a colon, and text
}

// Header implements [http.ResponseWriter].
func (a *tusAnswer) Header() http.Header { return a.header }

// WriteHeader implements [http.ResponseWriter].
func (a *tusAnswer) WriteHeader(status int) { a.status = status }

// Write implements [http.ResponseWriter].
func (a *tusAnswer) Write(p []byte) (int, error) { return a.body.Write(p) }

// problem returns why tusd did not do what was asked for.
func (u *tusUpload) problem(answered *tusAnswer) error {
	switch {
	case u.failure != nil:
		return u.failure
	case u.body != nil && u.body.err != nil:
		return readProblem(u.body.err, maxUpload)
	}
	code, text, _ := strings.Cut(answered.body.String(), ":")
	switch code {
	case tusd.ErrUnsupportedVersion.ErrorCode:
		return &problem{
			status: http.StatusPreconditionFailed, code: CodePreconditionFailed, message: "Send Tus-Resumable: " + tusVersion + ".",
		}
	case tusd.ErrMismatchOffset.ErrorCode:
		return errOffset()
	case tusd.ErrSizeExceeded.ErrorCode:
		return &problem{
			status: http.StatusRequestEntityTooLarge, code: CodePayloadTooLarge, message: "The body goes beyond Upload-Length.",
			details: ErrorDetails{Limit: &u.ticket.Size},
		}
	default:
		return fmt.Errorf("tusd answered %d: %w", answered.status, errors.New(strings.TrimSpace(code+":"+text)))
	}
}

func errOffset() error {
	return &problem{
		status: http.StatusConflict, code: CodeUploadOffset,
		message: "The upload does not stand at Upload-Offset. Ask with HEAD where it stands.",
	}
}

// errGone says why an upload is no more.
func errGone(why string) error {
	return &problem{status: http.StatusGone, code: CodeUploadGone, message: "The upload " + why + ". Begin anew."}
}
