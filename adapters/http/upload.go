package httpapi

import (
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
	form, err := a.receive(c, key)
	if err != nil {
		if form.digest != nil {
			a.unstage(c.Request.Context(), key)
		}
		a.fail(c, err)
		return
	}
	result, err := a.recordUpload(c, tenantID, params.IdempotencyKey, command.UploadDocument{
		TenantID: tenantID, DocumentID: documentID, Filename: form.name(), MimeType: form.media(),
		Digest: *form.digest, S3Path: key, By: accessOf(c),
	})
	if refused(err) || err == nil && (result.Replayed || result.Value.Deduplicated) {
		a.unstage(c.Request.Context(), key)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	settled := a.settle(c, params.Prefer, result.Receipt, events.DatabaseName(tenantID))
	made := result.Value.Document
	c.Writer.Header().Set("Location", "/api/tenants/"+tenantID.String()+"/documents/"+made.ID.String())
	answerTagged(a, c, settledAs(settled, http.StatusCreated), documentTag(made.Version, made.Status), documentOf(made), "Document uploaded")
}

// receive reads the request's form and stages its file under key.
func (a *API) receive(c *gin.Context, key string) (uploadForm, error) {
	if c.Request.ContentLength > maxUpload+maxOverhead {
		return uploadForm{}, errTooLarge(maxUpload)
	}
	_, media, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
	if err != nil || media["boundary"] == "" {
		return uploadForm{}, badRequest(errors.New("multipart/form-data without a boundary"))
	}
	body, err := newPacedBody(c.Writer, c.Request, a.cfg.UploadIdle)
	if err != nil {
		return uploadForm{}, fmt.Errorf("set an upload's deadline: %w", err)
	}
	form, err := readUpload(c.Request.Context(), multipart.NewReader(body, media["boundary"]),
		func(ctx context.Context, contentType string, file io.Reader) (command.Digest, error) {
			capped := &cappedFile{part: file, limit: maxUpload}
			digest, err := a.cfg.Objects.Put(ctx, key, contentType, capped, maxUpload)
			switch {
			case capped.exceeded:
				return command.Digest{}, errTooLarge(maxUpload)
			case capped.err != nil:
				return command.Digest{}, readProblem(capped.err, maxUpload)
			case err != nil:
				return command.Digest{}, fmt.Errorf("stage an upload: %w", err)
			default:
				return digest, nil
			}
		})
	// What follows is as quick as any request.
	_ = body.control.SetWriteDeadline(time.Now().Add(a.cfg.RequestTimeout + writeSlack))
	return form, err
}

func (a *API) recordUpload(
	c *gin.Context, tenant uuid.UUID, key *string, upload command.UploadDocument,
) (command.Result[command.Uploaded], error) {
	var none command.Result[command.Uploaded]
	if err := upload.Validate(); err != nil {
		return none, err
	}
	m, err := meta(c, tenant, key, []byte(upload.Filename), []byte(upload.MimeType),
		[]byte(upload.Digest.MD5), []byte(upload.Digest.SHA256), fmt.Append(nil, upload.Digest.Size))
	if err != nil {
		return none, err
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), a.cfg.RequestTimeout)
	defer cancel()
	return a.cfg.App.UploadDocument(ctx, m, upload)
}

// refused reports whether err says for certain that nothing was recorded. After
// any other error the upload may be in the ledger all the same.
func refused(err error) bool {
	_, invalid := errors.AsType[*command.InvalidError](err)
	return invalid || errors.Is(err, command.ErrForbidden) || errors.Is(err, command.ErrNotFound) ||
		errors.Is(err, command.ErrConflict) || errors.Is(err, command.ErrCommandReused)
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
