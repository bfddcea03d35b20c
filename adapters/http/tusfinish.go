package httpapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// meta says what makes the document: the same for every attempt, so that one does.
func (u *tusUpload) meta() (command.Meta, error) {
	m, err := meta(u.c, u.ticket.Tenant, nil)
	m.Keyed, m.ID = true, derivedID("cartulary resumable upload", u.ticket.Tenant[:], u.ticket.Upload[:])
	m.Fingerprint = fingerprint(u.ticket.Upload[:])
	return m, err
}

// recorded looks whether the upload has become a document, and takes that as the result.
func (u *tusUpload) recorded(ctx context.Context) (bool, error) {
	m, err := u.meta()
	if err != nil {
		return false, err
	}
	_, done, err := u.api.cfg.App.Recorded(ctx, u.ticket.Tenant, m)
	if err != nil || !done {
		return false, err
	}
	result, err := u.api.cfg.App.UploadDocument(ctx, m, command.UploadDocument{ // only repeats the answer
		TenantID: u.ticket.Tenant, By: accessOf(u.c),
	}, nil)
	if err != nil {
		return false, err
	}
	u.settle(result) //nolint:contextcheck // waits as long as the request does
	return true, nil
}

func (u *tusUpload) settle(result command.Result[command.Uploaded]) {
	u.result = &result
	u.api.settle(u.c, nil, result.Receipt, events.DatabaseName(u.ticket.Tenant))
	u.c.Writer.Header().Del("Idempotent-Replayed") // there was no key
}

// finish makes the document of the chunks, unless there is one, also when the client
// leaves meanwhile. Every attempt makes a copy of its own, which nobody else writes to;
// the command is the same. One is made at a time.
func (u *tusUpload) finish(ctx context.Context) error {
	if u.result != nil {
		return nil
	}
	a := u.api
	if done, err := u.recorded(context.WithoutCancel(ctx)); err != nil || done {
		return err
	}
	ctx, end, err := a.finishing(ctx, u.c, u.ticket.Tenant, u.ticket.Upload, u.ticket.Size)
	if err != nil {
		return err
	}
	defer end()
	if done, err := u.recorded(ctx); err != nil || done { // by whom this one waited for
		return err
	}
	upload, err := u.assemble(ctx)
	if err != nil {
		if done, _ := u.recorded(ctx); done { // by another request, which then removed the chunks
			return nil
		}
		return err
	}
	m, err := u.meta()
	if err == nil {
		err = a.readmit(ctx, u.c, u.ticket.Tenant)
	}
	if err != nil {
		a.unstage(ctx, upload.S3Path)
		return err
	}
	upload.By = accessOf(u.c)
	result, err := a.recordAs(ctx, m, upload)
	if err != nil {
		return err
	}
	u.settle(result) //nolint:contextcheck // waits as long as the request does
	u.clean(ctx, chunksDone)
	return nil
}

// assemble copies the chunks into staging, hashing them on the way.
func (u *tusUpload) assemble(ctx context.Context) (command.UploadDocument, error) {
	a, t := u.api, u.ticket
	said, err := parseTusMetadata(t.Metadata)
	if err != nil {
		return command.UploadDocument{}, err
	}
	bounds, ended, err := a.cfg.Objects.Chunks(ctx, t.prefix())
	switch {
	case err != nil:
		return command.UploadDocument{}, err
	case ended != "":
		return command.UploadDocument{}, errGone("was given up")
	case bounds[len(bounds)-1] != t.Size:
		return command.UploadDocument{}, fmt.Errorf("%d of an upload's %d bytes are there", bounds[len(bounds)-1], t.Size)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return command.UploadDocument{}, fmt.Errorf("draw a document id: %w", err)
	}
	chunks := a.cfg.Objects.OpenChunks(ctx, t.prefix(), bounds)
	defer func() { _ = chunks.Close() }()
	file := bufio.NewReaderSize(chunks, 32<<10)
	if said.mimeType == "" {
		head, err := file.Peek(sniffed)
		if err != nil && !errors.Is(err, io.EOF) {
			return command.UploadDocument{}, err
		}
		said.mimeType = guessType(head, said.filename)
	}
	upload := command.UploadDocument{
		TenantID: t.Tenant, DocumentID: id, Filename: said.filename, MimeType: said.mimeType,
		S3Path: command.StagingPath(t.Tenant, id),
	}
	if upload.Digest, err = a.cfg.Objects.PutSized(ctx, upload.S3Path, said.mimeType, file, t.Size); err != nil {
		return command.UploadDocument{}, fmt.Errorf("assemble an upload: %w", err)
	}
	if said.sha256 != "" && said.sha256 != upload.Digest.SHA256 {
		a.unstage(ctx, upload.S3Path)
		u.clean(ctx, chunksGone)
		return command.UploadDocument{}, errDigest("sha256")
	}
	return upload, nil
}

// Why the chunks of an upload count no more.
const (
	chunksDone = "done" // they are a document
	chunksGone = "gone" // they were given up
)

// clean removes chunks that are not needed any more. Should it fail, the worker's sweep
// removes them.
func (u *tusUpload) clean(ctx context.Context, why string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	if err := u.api.cfg.Objects.EndChunks(ctx, u.ticket.prefix(), why); err != nil {
		u.api.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "an upload's chunks were not removed", slog.Any("error", err))
	}
}
