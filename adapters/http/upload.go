package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// cleanupTimeout bounds the removal of staged bytes that nobody needs.
const cleanupTimeout = 10 * time.Second

// UploadDocument makes a document of a file.
//
// Every attempt stages under a document id of its own, a repetition with the same
// Idempotency-Key too: it must not touch the bytes that the first one stands on.
func (a *API) UploadDocument(c *gin.Context, tenantID TenantID, params UploadDocumentParams) {
	documentID, err := uuid.NewV7()
	if err != nil {
		a.fail(c, fmt.Errorf("draw a document id: %w", err))
		return
	}
	key := command.StagingPath(tenantID, documentID)
	form, err := a.receive(c, key, params)
	if err == nil {
		err = a.readmit(c.Request.Context(), c, tenantID)
	}
	if err != nil {
		a.drop(c.Request.Context(), key, form.file)
		a.fail(c, err)
		return
	}
	result, err := a.recordUpload(c, params.IdempotencyKey, command.UploadDocument{
		TenantID: tenantID, DocumentID: documentID, Filename: form.name(), MimeType: form.media(),
		Digest: form.file.digest, S3Path: key, By: accessOf(c),
	}, form.file)
	if err != nil {
		a.fail(c, err)
		return
	}
	a.uploaded(c, tenantID, params.Prefer, result)
}

// uploaded answers the document that an upload made.
func (a *API) uploaded(c *gin.Context, tenant uuid.UUID, prefer *string, result command.Result[command.Uploaded]) {
	settled := a.settle(c, prefer, result.Receipt, events.DatabaseName(tenant))
	made := result.Value.Document
	c.Writer.Header().Set("Location", documentPath(tenant, made.ID))
	document := documentOf(made)
	document.Deduplicated = &result.Value.Deduplicated
	answerTagged(a, c, settledAs(settled, http.StatusCreated), documentTag(made.Version, made.Status, made.Failure), document, "Document uploaded")
}

// documentPath is where a document is found.
func documentPath(tenant, document uuid.UUID) string {
	return "/api/tenants/" + tenant.String() + "/documents/" + document.String()
}

// receive reads the request's form, or the file that its body is, and stages the
// file under key unless it is small. What it returns beside an error is what was read
// before it.
func (a *API) receive(c *gin.Context, key string, params UploadDocumentParams) (uploadForm, error) {
	want, err := expectedDigest(c.Request.Header.Values)
	if err != nil {
		return uploadForm{}, err
	}
	body, err := newPacedBody(c.Writer, c.Request, a.cfg.UploadIdle)
	if err != nil {
		return uploadForm{}, fmt.Errorf("set an upload's deadline: %w", err)
	}
	var form uploadForm
	if isRaw(c) {
		form, err = a.receiveRaw(c, body, key, params, want)
	} else {
		form, err = a.receiveForm(c, body, key, params, want)
	}
	// What follows is as quick as any request, unless lost bytes have to be mended.
	_ = body.control.SetWriteDeadline(time.Now().Add(a.finishTime(body.total) + writeSlack))
	return form, err
}

// receiveForm reads a form. What is wanted is the digest of the whole body; a part's
// own header has that of the file.
func (a *API) receiveForm(
	c *gin.Context, body io.Reader, key string, params UploadDocumentParams, want digestWanted,
) (uploadForm, error) {
	if c.Request.ContentLength > maxUpload+maxOverhead {
		return uploadForm{}, errTooLarge(maxUpload)
	}
	for name, given := range map[string]bool{"filename": params.Filename != nil, "mime_type": params.MimeType != nil} {
		if given {
			return uploadForm{}, invalidField(name, "belongs into the form, when there is one")
		}
	}
	_, media, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
	if err != nil || media["boundary"] == "" {
		return uploadForm{}, badRequest(errors.New("multipart/form-data without a boundary"))
	}
	whole := want.hashing(bufio.NewReaderSize(body, formBuffer))
	head := &formHead{r: whole}
	form, err := readUpload(c.Request.Context(), multipart.NewReader(head, media["boundary"]),
		func(ctx context.Context, n int, contentType string, file io.Reader) (received, error) {
			likely := head.likelySize(media["boundary"], n, c.Request.ContentLength)
			return a.stage(ctx, key, contentType, &likelyFile{file: file, left: likely}, likely, false)
		})
	if err == nil {
		err = whole.verify()
	}
	return form, err
}

// unknownSize is the size of a file that ends where it ends.
const unknownSize = -1

// smallFile is the size, in bytes, up to which a file is held in memory until it is stored.
const smallFile = 256 << 10

// received is a file that has come in.
type received struct {
	digest command.Digest
	whole  []byte // all of it, if it is small; nil if it was staged
}

// stage takes in a file of at most maxUpload bytes: a small one into memory, and another
// one into staging, under key. Its size is certain, or only likely.
func (a *API) stage(ctx context.Context, key, contentType string, file io.Reader, size int64, certain bool) (received, error) {
	capped := &cappedFile{part: file, limit: maxUpload}
	got, err := a.take(ctx, key, contentType, capped, size, certain)
	switch {
	case capped.exceeded:
		return received{}, errTooLarge(maxUpload)
	case capped.err != nil:
		return received{}, readProblem(capped.err, maxUpload)
	case err != nil:
		return received{}, fmt.Errorf("stage an upload: %w", err)
	default:
		return got, nil
	}
}

func (a *API) take(
	ctx context.Context, key, contentType string, file io.Reader, size int64, certain bool,
) (got received, err error) {
	if size <= smallFile {
		head, err := io.ReadAll(io.LimitReader(file, smallFile+1))
		if err != nil {
			return got, err
		}
		if len(head) <= smallFile {
			return received{digest: command.DigestOf(head), whole: head}, nil
		}
		file = io.MultiReader(bytes.NewReader(head), file)
	}
	if certain {
		got.digest, err = a.cfg.Objects.PutSized(ctx, key, contentType, file, size)
	} else {
		got.digest, err = a.cfg.Objects.PutLikely(ctx, key, contentType, file, size, maxUpload)
	}
	return got, err
}

// recordUpload makes a document of a file that is whole in memory, or that was staged;
// then it removes the staged bytes if no document came to stand on them.
func (a *API) recordUpload(
	c *gin.Context, key *string, upload command.UploadDocument, file *received,
) (command.Result[command.Uploaded], error) {
	ctx := c.Request.Context()
	m, err := meta(c, upload.TenantID, key, []byte(upload.Filename), []byte(upload.MimeType),
		[]byte(upload.Digest.MD5), []byte(upload.Digest.SHA256), fmt.Append(nil, upload.Digest.Size))
	if err != nil {
		a.drop(ctx, upload.S3Path, file)
		return command.Result[command.Uploaded]{}, err
	}
	if file.whole != nil {
		return a.recordAtOnce(ctx, m, upload, file.whole)
	}
	return a.recordAs(ctx, m, upload)
}

func (a *API) recordAtOnce(
	ctx context.Context, m command.Meta, upload command.UploadDocument, whole []byte,
) (command.Result[command.Uploaded], error) {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.RequestTimeout)
	defer cancel()
	store := func(ctx context.Context, key string) error {
		if err := a.cfg.Objects.PutVerified(ctx, key, upload.MimeType, whole, upload.Digest); err != nil {
			return fmt.Errorf("store an upload: %w", err)
		}
		return nil
	}
	return a.cfg.App.UploadAtOnce(ctx, m, upload, store, a.mending(upload.Digest, store))
}

func (a *API) recordAs(ctx context.Context, m command.Meta, upload command.UploadDocument) (command.Result[command.Uploaded], error) {
	if err := upload.Validate(); err != nil {
		a.unstage(ctx, upload.S3Path)
		return command.Result[command.Uploaded]{}, err
	}
	limited, cancel := context.WithTimeout(ctx, a.finishTime(upload.Digest.Size))
	defer cancel()
	result, err := a.cfg.App.UploadDocument(limited, m, upload, a.mending(upload.Digest, a.copying(upload)))
	if refused(err) || err == nil && (result.Replayed || result.Value.Deduplicated) {
		a.unstage(ctx, upload.S3Path)
	}
	return result, err
}

// refused reports whether err says for certain that nothing was recorded. After
// any other error the upload may be in the ledger all the same.
func refused(err error) bool {
	_, invalid := errors.AsType[*command.InvalidError](err)
	return invalid || errors.Is(err, command.ErrForbidden) || errors.Is(err, command.ErrNotFound) ||
		errors.Is(err, command.ErrConflict) || errors.Is(err, command.ErrCommandReused)
}

// drop removes a file that has come in, if it was staged under key.
func (a *API) drop(ctx context.Context, key string, file *received) {
	if file != nil && file.whole == nil {
		a.unstage(ctx, key)
	}
}

// unstage removes bytes that no document stands on. Should it fail, the worker's
// sweep removes them.
func (a *API) unstage(ctx context.Context, key string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	if err := a.cfg.Objects.Delete(ctx, key); err != nil {
		a.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "staged bytes were not removed", slog.Any("error", err))
	}
}
