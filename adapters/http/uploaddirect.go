package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
)

const (
	// directLifetime is how long an upload to the store may take. The worker's sweep
	// leaves alone what is younger than a little more.
	directLifetime = 14 * time.Minute

	// directPart is the size, in bytes, of every part of such an upload but the last.
	directPart = 16 << 20
)

// BeginUpload answers links with which a file is sent to the store itself. Nothing is
// recorded.
func (a *API) BeginUpload(c *gin.Context, tenantID TenantID, _ BeginUploadParams) {
	request, err := decode[BeginUploadRequest](c)
	if err != nil {
		a.fail(c, err)
		return
	}
	id, err := uuid.NewV7()
	if err != nil {
		a.fail(c, fmt.Errorf("draw an upload's id: %w", err))
		return
	}
	t := ticket{
		Upload: id, Tenant: tenantID, User: callOf(c).claims.UserID, Filename: request.Filename, MimeType: request.MimeType,
		Size: request.Size, Expires: time.Now().Add(directLifetime).Unix(),
	}
	if request.Sha256 != nil {
		t.SHA256 = *request.Sha256
	}
	if request.Md5 != nil {
		t.MD5 = *request.Md5
	}
	if err := (command.UploadDocument{Filename: t.Filename, MimeType: t.MimeType}).Validate(); err != nil {
		a.fail(c, err)
		return
	}
	parts, err := a.links(c.Request.Context(), &t)
	if err != nil {
		a.fail(c, err)
		return
	}
	sealed, err := a.seal(t)
	if err != nil {
		a.fail(c, err)
		return
	}
	answer(a, c, http.StatusCreated, PendingUpload{
		UploadID: sealed, ExpiresAt: time.Unix(t.Expires, 0).UTC(), Parts: parts,
	}, "Upload begun")
}

// links returns where the parts of a file are sent. For several it begins an upload in
// parts at the store.
func (a *API) links(ctx context.Context, t *ticket) ([]UploadPart, error) {
	if !t.inParts() {
		link, headers, err := a.cfg.Objects.PresignPut(ctx, t.key(), t.MimeType, t.Size, t.MD5, directLifetime)
		return []UploadPart{uploadPart(link, t.Size, headers)}, err
	}
	var err error
	if t.Parts, err = a.cfg.Objects.BeginParts(ctx, t.key(), t.MimeType); err != nil {
		return nil, err
	}
	var parts []UploadPart
	for left := t.Size; left > 0; left -= directPart {
		size := min(left, directPart)
		link, headers, err := a.cfg.Objects.PresignPart(ctx, t.key(), t.Parts, len(parts)+1, size, directLifetime)
		if err != nil {
			return nil, err
		}
		parts = append(parts, uploadPart(link, size, headers))
	}
	return parts, nil
}

func uploadPart(link string, size int64, headers http.Header) UploadPart {
	p := UploadPart{URL: link, Size: size, Headers: make(map[string]string, len(headers))}
	for name := range headers {
		p.Headers[name] = headers.Get(name)
	}
	return p
}

// AbortUpload removes what was sent. Parts that were made an object already it leaves to
// the worker's sweep, which knows whether a document came to stand on them.
func (a *API) AbortUpload(c *gin.Context, tenantID TenantID, uploadID UploadID, _ AbortUploadParams) {
	t, err := a.open(uploadID, accessOf(c), tenantID)
	switch {
	case err != nil:
	case t.inParts():
		err = a.cfg.Objects.AbortParts(c.Request.Context(), t.key(), t.Parts)
	default:
		err = a.cfg.Objects.Delete(c.Request.Context(), t.key())
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Writer.WriteHeader(http.StatusNoContent)
}

// CompleteUpload makes a document of what was sent. The link to a whole file may still
// be good, so the object is copied to where only the platform writes, and read there.
// Links to parts are dead once the parts are an object, which is read where it is.
//
// Every attempt makes a copy of its own, or stands on the one object that the parts
// became; the command is the same, so that the first attempt wins and the others get its
// answer. Once begun, an attempt goes on when its client leaves.
func (a *API) CompleteUpload(c *gin.Context, tenantID TenantID, uploadID UploadID, params CompleteUploadParams) {
	request, err := decode[CompleteUploadRequest](c)
	if err != nil {
		a.fail(c, err)
		return
	}
	t, err := a.open(uploadID, accessOf(c), tenantID)
	if err != nil {
		a.fail(c, err)
		return
	}
	ctx, end, err := a.finishing(c.Request.Context(), c, tenantID, t.Upload, t.Size)
	if err != nil {
		a.fail(c, err)
		return
	}
	defer end()
	result, err := a.completeUpload(ctx, c, t, request.Etags)
	if err != nil {
		a.fail(c, err)
		return
	}
	a.uploaded(c, tenantID, params.Prefer, result)
}

func (a *API) completeUpload(
	ctx context.Context, c *gin.Context, t ticket, etags *[]string,
) (command.Result[command.Uploaded], error) {
	var none command.Result[command.Uploaded]
	m, err := meta(c, t.Tenant, nil)
	if err != nil {
		return none, err
	}
	m.Keyed = true
	m.ID = derivedID("cartulary upload to the store", t.Tenant[:], t.Upload[:])
	m.Fingerprint = fingerprint(t.Upload[:])
	documentID, err := t.document()
	if err != nil {
		return none, err
	}
	upload := command.UploadDocument{
		TenantID: t.Tenant, DocumentID: documentID, Filename: t.Filename, MimeType: t.MimeType,
		S3Path: command.StagingPath(t.Tenant, documentID), By: accessOf(c),
	}
	if _, done, err := a.cfg.App.Recorded(ctx, t.Tenant, m); err != nil || done {
		if err != nil {
			return none, err
		}
		return a.cfg.App.UploadDocument(ctx, m, upload, nil) // only repeats the answer
	}
	if upload.Digest, err = a.takeOver(ctx, t, etags, upload.S3Path); err != nil {
		return none, err
	}
	if err := a.readmit(ctx, c, t.Tenant); err != nil {
		if !t.inParts() {
			a.unstage(ctx, upload.S3Path)
		}
		return none, err
	}
	upload.By = accessOf(c)
	if t.inParts() {
		return a.recordShared(ctx, m, upload)
	}
	result, err := a.recordAs(ctx, m, upload)
	if err == nil || refused(err) && !errors.Is(err, command.ErrConflict) { // after which the same may succeed
		a.unstage(ctx, t.key())
	}
	return result, err
}

// recordShared is [API.recordAs] for bytes on which another attempt's document may
// stand: they are removed only if what was recorded, by whichever attempt, does without
// them. Else the worker's sweep sees to them.
func (a *API) recordShared(ctx context.Context, m command.Meta, upload command.UploadDocument) (command.Result[command.Uploaded], error) {
	result, err := a.cfg.App.UploadDocument(ctx, m, upload, a.mending(upload.Digest, a.copying(upload)))
	if err == nil && result.Value.Deduplicated {
		a.unstage(ctx, upload.S3Path)
	}
	return result, err
}

// takeOver brings what was sent under the key to, if it is what was announced. Else it
// is removed, unless another attempt, which read it better, may have a document stand on
// it: that the worker's sweep sees to.
func (a *API) takeOver(ctx context.Context, t ticket, etags *[]string, to string) (command.Digest, error) {
	digest, err := a.collect(ctx, t, etags, to)
	switch {
	case answered(err, http.StatusNotFound):
		return digest, errIncomplete()
	case err != nil:
		return digest, err
	case digest.Size != t.Size:
		err = errDigest("the size that was announced")
	default:
		err = digestWanted{md5: t.MD5, sha256: t.SHA256}.check(digest)
	}
	if err != nil && !t.inParts() {
		a.unstage(ctx, to)
		a.unstage(ctx, t.key())
	}
	return digest, err
}

// collect brings what was sent under the key to, and returns what it is. What has not
// the announced size may stay where it is.
func (a *API) collect(ctx context.Context, t ticket, etags *[]string, to string) (command.Digest, error) {
	if t.inParts() {
		if err := a.completeParts(ctx, t, etags); err != nil {
			return command.Digest{}, err
		}
		return a.cfg.Objects.Verify(ctx, to)
	}
	digest, err := a.cfg.Objects.Adopt(ctx, t.key(), to, t.Size)
	if err != nil && !answered(err, http.StatusNotFound) {
		a.unstage(ctx, to)
	}
	return digest, err
}

func (a *API) completeParts(ctx context.Context, t ticket, etags *[]string) error {
	count := int((t.Size + directPart - 1) / directPart)
	if etags == nil || len(*etags) != count {
		return invalidField("etags", "must list the ETags of all %d parts", count)
	}
	err := a.cfg.Objects.CompleteParts(ctx, t.key(), t.Parts, *etags)
	switch {
	case answered(err, http.StatusNotFound): // done before, perhaps; the object will tell
		a.cfg.Logger.LogAttrs(ctx, slog.LevelDebug, "no such upload in parts", slog.Any("error", err))
		return nil
	case answered(err, http.StatusBadRequest):
		return errIncomplete()
	default:
		return err
	}
}

// answered reports whether err is that a service behind this one answered a status.
func answered(err error, status int) bool {
	e, ok := errors.AsType[httpAnswer](err)
	return ok && e.HTTPStatusCode() == status
}
