package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/gin-gonic/gin"
	tusd "github.com/tus/tusd/v2/pkg/handler"

	"github.com/cartulary/cartulary/command"
)

// maxChunks is the most chunks that a file may come in: one for every request, and one
// for every 8 MiB.
const maxChunks = 2000

// tusUpload is an upload as one request sees it. To tusd it is a store that holds
// nothing else.
//
// The bytes lie in the store of objects as chunks, each under its offset, and are
// stored only where none is: so two requests, in whichever processes, can't both go on
// from one point, and nothing has to be locked. What is stored is what the store
// lists, and whether there is a document is what the ledger says.
type tusUpload struct {
	api    *API
	c      *gin.Context
	id     string
	ticket tusTicket
	check  func(chunk []byte) error // of the body; nil if nothing is known of it
	body   *pacedBody               // nil if there is none

	known  bool    // where it stood when the request came
	bounds []int64 // of the chunks, then
	result *command.Result[command.Uploaded]

	failure error // for which tusd has no words
}

var (
	_ tusd.DataStore           = (*tusUpload)(nil)
	_ tusd.Upload              = (*tusUpload)(nil)
	_ tusd.TerminaterDataStore = (*tusUpload)(nil)
	_ tusd.TerminatableUpload  = (*tusUpload)(nil)
)

// NewUpload implements [tusd.DataStore].
func (u *tusUpload) NewUpload(context.Context, tusd.FileInfo) (tusd.Upload, error) {
	u.known, u.bounds = true, []int64{0}
	return u, nil
}

// GetUpload implements [tusd.DataStore].
func (u *tusUpload) GetUpload(context.Context, string) (tusd.Upload, error) { return u, nil }

// AsTerminatableUpload implements [tusd.TerminaterDataStore].
func (u *tusUpload) AsTerminatableUpload(tusd.Upload) tusd.TerminatableUpload { return u }

// GetInfo implements [tusd.Upload]. When all bytes are there, but for some reason no
// document, it makes that first: who is told that an upload is complete does not ask
// again.
func (u *tusUpload) GetInfo(ctx context.Context) (tusd.FileInfo, error) {
	created := u.known
	if err := u.find(ctx); err != nil {
		return tusd.FileInfo{}, u.fail(err)
	}
	if !created && u.offset() == u.ticket.Size {
		if err := u.finish(ctx); err != nil {
			return tusd.FileInfo{}, u.fail(err)
		}
	}
	return tusd.FileInfo{ID: u.id, Size: u.ticket.Size, Offset: u.offset()}, nil
}

func (u *tusUpload) offset() int64 {
	if u.result != nil {
		return u.ticket.Size
	}
	return u.bounds[len(u.bounds)-1]
}

// find finds out where the upload stands.
func (u *tusUpload) find(ctx context.Context) error {
	if u.known {
		return nil
	}
	bounds, ended, err := u.api.cfg.Objects.Chunks(ctx, u.ticket.prefix())
	switch {
	case err != nil:
		return err
	case ended == chunksDone:
		u.bounds = []int64{0, u.ticket.Size}
	case ended != "":
		return errGone("was given up")
	case bounds[len(bounds)-1] > u.ticket.Size:
		return errors.New("there is more of an upload than it is long")
	default:
		u.bounds = bounds
	}
	u.known = true
	return nil
}

// WriteChunk implements [tusd.Upload].
func (u *tusUpload) WriteChunk(ctx context.Context, offset int64, body io.Reader) (int64, error) {
	if len(u.bounds) > maxChunks {
		return 0, u.fail(&problem{
			status: http.StatusBadRequest, code: CodeBadRequest, message: "The file came in too many pieces. Begin anew, with larger chunks.",
		})
	}
	left := u.ticket.Size - offset
	var seen int64
	stored, free, err := u.api.cfg.Objects.AppendChunks(ctx, u.ticket.prefix(), offset, body, func(chunk []byte) error {
		if seen += int64(len(chunk)); seen == left { // is there more than there may be?
			_, _ = io.ReadFull(body, make([]byte, 1))
		}
		switch {
		case u.body.total > left:
			return tusd.ErrSizeExceeded
		case u.check != nil:
			return u.check(chunk)
		default:
			return nil
		}
	})
	switch {
	case err != nil:
		return stored, u.fail(err)
	case !free:
		return stored, tusd.ErrMismatchOffset
	default:
		return stored, nil
	}
}

// GetReader implements [tusd.Upload]. Nobody asks for it.
func (u *tusUpload) GetReader(context.Context) (io.ReadCloser, error) {
	return nil, tusd.ErrNotImplemented
}

// FinishUpload implements [tusd.Upload].
func (u *tusUpload) FinishUpload(ctx context.Context) error { return u.fail(u.finish(ctx)) }

// Terminate implements [tusd.TerminatableUpload]. A document stays.
func (u *tusUpload) Terminate(ctx context.Context) error {
	if err := u.find(ctx); err != nil {
		return u.fail(err)
	}
	return u.fail(u.api.cfg.Objects.EndChunks(ctx, u.ticket.prefix(), chunksGone))
}

// fail keeps an error that is not tusd's own, for the answer.
func (u *tusUpload) fail(err error) error {
	if _, theirs := errors.AsType[tusd.Error](err); err != nil && !theirs {
		u.failure = err
	}
	return err
}
