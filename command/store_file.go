package command

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// StoredPath returns the final key of a file (requirements §7.1), in the month in
// which its bytes were received. born is the version of the file's stream at which
// they were: bytes that come again, after they were lost or deleted, have another key,
// so that whoever still removes or copies the earlier ones does not touch them.
func StoredPath(tenant, file uuid.UUID, md5 string, received time.Time, born int64) string {
	received = received.UTC()
	path := fmt.Sprintf("%s%04d/%02d/%s_%s", FilesPrefix(tenant), received.Year(), received.Month(), file, md5)
	if born > 1 {
		path += fmt.Sprintf(".%d", born)
	}
	return path
}

// StagingPath returns the key under which an upload's bytes arrive.
func StagingPath(tenant, document uuid.UUID) string {
	return StagingPrefix(tenant) + document.String()
}

// TenantsPrefix is what the keys of all tenants' objects begin with.
const TenantsPrefix = "tenants/"

// TenantPrefix returns what all keys of a tenant's objects begin with.
func TenantPrefix(tenant uuid.UUID) string { return TenantsPrefix + tenant.String() + "/" }

// FilesPrefix returns what the final keys of a tenant's files begin with.
func FilesPrefix(tenant uuid.UUID) string { return TenantPrefix(tenant) + "files/" }

// StagingPrefix returns what the keys of a tenant's staging objects start with.
func StagingPrefix(tenant uuid.UUID) string {
	return fmt.Sprintf("tenants/%s/incoming/", tenant)
}

// DirectPrefix returns what the keys begin with under which a tenant's members store
// files themselves, before the platform takes them over into staging.
func DirectPrefix(tenant uuid.UUID) string {
	return fmt.Sprintf("tenants/%s/uploads/", tenant)
}

// ResumablePrefix returns what the keys begin with under which the chunks of uploads
// lie that can be resumed; the upload's id, a UUID of version 7, and a slash follow.
func ResumablePrefix(tenant uuid.UUID) string {
	return fmt.Sprintf("tenants/%s/resumable/", tenant)
}

// LongestUpload is how long a request takes at most that brings a file's bytes. The
// worker's sweeps leave alone what is younger and may be of one.
const LongestUpload = 2 * time.Hour

// ResumableLifetime is how long after its beginning such an upload may be resumed. The
// worker's sweep removes what is left a little later.
const ResumableLifetime = 24 * time.Hour

// StoreFile records that a file's bytes were verified and copied to their final key.
type StoreFile struct {
	TenantID uuid.UUID
	FileID   uuid.UUID
	Staged   string // the staging key whose bytes were copied
	S3Path   string
}

// Decide picks the events that finish f. A file that went on meanwhile is left as
// it is.
func (c StoreFile) Decide(f File) ([]events.FileEvent, error) {
	if f.Status != FileProcessing || f.S3Path != c.Staged {
		return nil, nil
	}
	return []events.FileEvent{events.FileStored{S3Path: c.S3Path, Previous: f.S3Path}}, nil
}

// StoreFile records a file's final key. Doing so again changes nothing.
func (a *App) StoreFile(ctx context.Context, meta Meta, c StoreFile) (Receipt, error) {
	return a.onFile(ctx, meta, c.TenantID, c.FileID, c.Decide)
}

// FailFile records that the staged bytes are not those that were received.
type FailFile struct {
	TenantID uuid.UUID
	FileID   uuid.UUID
	Staged   string
	Reason   string
}

// Decide picks the events that fail f.
func (c FailFile) Decide(f File) ([]events.FileEvent, error) {
	if f.Status != FileProcessing || f.S3Path != c.Staged {
		return nil, nil
	}
	return []events.FileEvent{events.FileFailed{Reason: c.Reason}}, nil
}

// FailFile records that a file can't be finished.
func (a *App) FailFile(ctx context.Context, meta Meta, c FailFile) (Receipt, error) {
	return a.onFile(ctx, meta, c.TenantID, c.FileID, c.Decide)
}

func (a *App) onFile(
	ctx context.Context, meta Meta, tenant, file uuid.UUID, decide func(File) ([]events.FileEvent, error),
) (Receipt, error) {
	stream := fileStream(file)
	result, err := perform(ctx, a, tenant, meta, []events.Stream{stream}, func(h *history) (decision[nothing], error) {
		decided, err := decide(fold(h, stream, evolveFile))
		return quiet(change(stream, decided)), err
	})
	return result.Receipt, err
}

// FileByID returns the state of a file on the ledger.
func (a *App) FileByID(ctx context.Context, tenant, file uuid.UUID) (File, error) {
	stream := fileStream(file)
	past, err := a.ledger.Load(ctx, tenant, stream.ID)
	if err != nil {
		return File{}, err
	}
	return fold(loaded(past), stream, evolveFile), nil
}

// DocumentByID returns the state of a document on the ledger.
func (a *App) DocumentByID(ctx context.Context, tenant, document uuid.UUID) (Document, error) {
	stream := documentStream(document)
	past, err := a.ledger.Load(ctx, tenant, stream.ID)
	if err != nil {
		return Document{}, err
	}
	return fold(loaded(past), stream, evolveDocument), nil
}
