package fsck

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/query"
)

// files compares the tenant's files on the ledger with rows and objects.
func (t *tenant) files(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(reads)
	for both, err := range merged(t.ledgerFiles(ctx), t.fileRows(ctx)) {
		if err != nil {
			group.Go(func() error { return err })
			break
		}
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error { return t.file(ctx, both.id, both.left, both.right) })
	}
	return group.Wait()
}

func (t *tenant) ledgerFiles(ctx context.Context) iter.Seq2[entry[command.File], error] {
	return paged(func(after uuid.UUID) ([]entry[command.File], error) {
		ids, err := t.cfg.Ledgers.Streams(ctx, t.id, events.TypeFileReceived, after, page)
		if err != nil {
			return nil, err
		}
		files, err := t.cfg.App.Files(ctx, t.id, ids)
		return entries(ids, files), err
	})
}

func (t *tenant) fileRows(ctx context.Context) iter.Seq2[entry[query.File], error] {
	return paged(func(after uuid.UUID) ([]entry[query.File], error) {
		if !t.rows.Load() {
			return nil, nil
		}
		rows, err := t.cfg.Models.Files(ctx, t.id, after, page)
		list := make([]entry[query.File], len(rows))
		for i, r := range rows {
			list[i] = entry[query.File]{r.ID, r}
		}
		return list, err
	})
}

func entries[T any](ids []uuid.UUID, values []T) []entry[T] {
	list := make([]entry[T], len(values))
	for i, v := range values {
		list[i] = entry[T]{ids[i], v}
	}
	return list
}

// file looks at a file and, if anything is wrong, again and more closely.
func (t *tenant) file(ctx context.Context, id uuid.UUID, onLedger *command.File, row *query.File) error {
	var f command.File
	if onLedger != nil {
		f = *onLedger
		t.count.files.Add(1)
	}
	wrong, err := t.fileFindings(ctx, id, f, row)
	for range attempts {
		if err != nil || len(wrong) == 0 {
			return err
		}
		f, wrong, err = t.fileAgain(ctx, id)
		if err != nil {
			return err
		}
		settled, err := t.cfg.App.FileByID(ctx, t.id, id)
		if err != nil {
			return err
		}
		if settled.Version != f.Version {
			continue
		}
		for _, w := range wrong {
			w.File = id
			r, err := t.repairFile(ctx, id, f, w.Kind)
			if err != nil {
				return err
			}
			t.found(ctx, w, r)
		}
		return nil
	}
	return fmt.Errorf("file %s changes faster than it can be looked at", id)
}

// fileAgain looks at a file on the ledger, at its row as of then or later, and at its
// object.
func (t *tenant) fileAgain(ctx context.Context, id uuid.UUID) (command.File, []Finding, error) {
	f, err := t.cfg.App.FileByID(ctx, t.id, id)
	if err != nil {
		return f, nil, err
	}
	var row *query.File
	if t.rows.Load() {
		if err := t.settle(ctx); err != nil {
			return f, nil, err
		}
		r, err := t.cfg.Models.File(ctx, t.id, id)
		switch {
		case err == nil:
			row = &r
		case !errors.Is(err, query.ErrNotFound):
			return f, nil, err
		}
	}
	found, err := t.fileFindings(ctx, id, f, row)
	return f, found, err
}

// fileFindings returns what is wrong with a file as it was seen.
func (t *tenant) fileFindings(ctx context.Context, id uuid.UUID, f command.File, row *query.File) (found []Finding, err error) {
	if t.rows.Load() {
		if wrong := fileRowDiffers(f, row); wrong != nil {
			found = append(found, *wrong)
		}
	}
	switch f.Status {
	case command.FileFailed:
		if f.References == 0 {
			break
		}
		whole, err := t.whole(ctx, f.S3Path, f.Digest)
		if err != nil {
			return nil, fmt.Errorf("file %s: %w", id, err)
		}
		wrong := Finding{
			Kind: Failed, Key: f.S3Path, Detail: fmt.Sprintf("documents that stand on it: %d; %s", f.References, f.Failure),
		}
		if whole {
			wrong.Detail, wrong.Remedy = wrong.Detail+", but are now", remedyQueue
		}
		found = append(found, wrong)
	case command.FileProcessing, command.FileReady:
		wrong, err := t.object(ctx, f)
		if err != nil {
			return nil, fmt.Errorf("file %s: %w", id, err)
		}
		if wrong != nil {
			if f.Status == command.FileProcessing && wrong.Kind != Stuck {
				wrong.Remedy = "a worker will find the file failed; then " + remedyAgain
			}
			found = append(found, *wrong)
		}
	case command.FileDeleted, "":
	}
	return found, nil
}

func fileRowDiffers(f command.File, row *query.File) *Finding {
	lives := f.Status != "" && f.Status != command.FileDeleted
	switch {
	case !lives && row == nil:
		return nil
	case !lives:
		return &Finding{Kind: RowExtra, Detail: "files has a row of a file that the ledger does not have"}
	case row == nil:
		return &Finding{Kind: RowMissing, Detail: "files has no row of the file"}
	}
	var wrong columns
	wrong.compare("md5_hash", row.MD5Hash == f.Digest.MD5)
	wrong.compare("sha256_hash", row.SHA256Hash == f.Digest.SHA256)
	wrong.compare("file_size", row.FileSize == f.Digest.Size)
	wrong.compare("s3_path", row.S3Path == f.S3Path)
	wrong.compare("status", row.Status == string(f.Status))
	wrong.compare("failure", valueOf(row.Failure) == f.Failure)
	wrong.compare("version", row.Version == f.Version)
	wrong.compare("the number of documents", row.References == int64(f.References))
	return wrong.finding("files")
}

func valueOf(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// whole reports whether an object is there and holds what is wanted.
func (c *Checker) whole(ctx context.Context, key string, want command.Digest) (bool, error) {
	got, err := c.holds(ctx, key, want)
	if errors.Is(err, c.cfg.NotFound) {
		return false, nil
	}
	return got == want, err
}

// object compares the object of a living file with what was received.
func (t *tenant) object(ctx context.Context, f command.File) (*Finding, error) {
	got, err := t.holds(ctx, f.S3Path, f.Digest)
	switch {
	case errors.Is(err, t.cfg.NotFound):
		return &Finding{Kind: Missing, Key: f.S3Path, Detail: fmt.Sprintf("there is no such object, of %d bytes", f.Digest.Size)}, nil
	case err != nil:
		return nil, err
	case got.Size != f.Digest.Size:
		return &Finding{Kind: Altered, Key: f.S3Path, Detail: fmt.Sprintf("holds %d bytes, not %d", got.Size, f.Digest.Size)}, nil
	case got != f.Digest:
		return &Finding{Kind: Altered, Key: f.S3Path, Detail: fmt.Sprintf("holds bytes of SHA-256 %s, not %s", got.SHA256, f.Digest.SHA256)}, nil
	case f.Status == command.FileProcessing && f.QueuedAt.Before(t.stuck):
		return &Finding{Kind: Stuck, Key: f.S3Path, Detail: "waits since " + stamp(f.QueuedAt) + " for its bytes to be verified"}, nil
	}
	return nil, nil
}

// holds returns what an object holds. In a quick check that is taken to be what is
// wanted, unless the store says otherwise.
func (c *Checker) holds(ctx context.Context, key string, want command.Digest) (command.Digest, error) {
	if c.cfg.Quick {
		o, err := c.cfg.Objects.Head(ctx, key)
		switch {
		case err != nil:
			return command.Digest{}, err
		case o.Size != want.Size:
			return command.Digest{Size: o.Size}, nil
		case o.MD5 == "" || o.MD5 == want.MD5:
			return want, nil
		}
	}
	if err := c.reads.Acquire(ctx, 1); err != nil {
		return command.Digest{}, err
	}
	defer c.reads.Release(1)
	got, err := c.cfg.Objects.Verify(ctx, key)
	c.count.bytes.Add(got.Size)
	return got, err
}
