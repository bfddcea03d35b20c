package query

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// The states of a file.
const (
	StatusProcessing = "processing" // received, not yet verified
	StatusReady      = "ready"      // verified, under its final key
	StatusFailed     = "failed"     // what was staged is not what was received
)

// File is a row of files, in a tenant's own database.
type File struct {
	ID         uuid.UUID `db:"id"          json:"id"`
	MD5Hash    string    `db:"md5_hash"    json:"md5_hash"`    // lower-case hex
	SHA256Hash string    `db:"sha256_hash" json:"sha256_hash"` // lower-case hex
	S3Path     string    `db:"s3_path"     json:"s3_path"`
	FileSize   int64     `db:"file_size"   json:"file_size"` // bytes
	Status     string    `db:"status"      json:"status"`
	CreatedAt  time.Time `db:"created_at"  json:"created_at"`
	UpdatedAt  time.Time `db:"updated_at"  json:"updated_at"`
	CreatedBy  uuid.UUID `db:"created_by"  json:"created_by"`
	Version    int64     `db:"version"     json:"version"`
}

func (f *File) toUTC() {
	f.CreatedAt = f.CreatedAt.UTC()
	f.UpdatedAt = f.UpdatedAt.UTC()
}

const fileColumns = `id, md5_hash, sha256_hash, s3_path, file_size, status,
	created_at, updated_at, created_by, version`

// FileByID returns a file; [ErrNotFound] if there is none.
func FileByID(ctx context.Context, db DB, id uuid.UUID) (File, error) {
	return one[File](ctx, db, "file by id", `select `+fileColumns+` from files where id = $1`, id)
}

// Files returns a page of a tenant's files, newest first.
func Files(ctx context.Context, db DB, p Page) ([]File, *Cursor, error) {
	key := func(f File) Cursor { return Cursor{At: f.CreatedAt, ID: f.ID} }
	return pageOf[File](ctx, db, p, key, "files", `
		select `+fileColumns+`
		from files
		where (created_at, id) < ($1, $2)
		order by created_at desc, id desc
		limit $3`)
}
