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
	Failure    *string   `db:"failure"     json:"failure"` // why; nil unless it failed
	CreatedAt  time.Time `db:"created_at"  json:"created_at"`
	UpdatedAt  time.Time `db:"updated_at"  json:"updated_at"`
	CreatedBy  uuid.UUID `db:"created_by"  json:"created_by"`
	Version    int64     `db:"version"     json:"version"`
	References int64     `db:"refs"        json:"references"` // documents that stand on it
}

func (f *File) toUTC() {
	f.CreatedAt = f.CreatedAt.UTC()
	f.UpdatedAt = f.UpdatedAt.UTC()
}

const fileColumns = `f.id, f.md5_hash, f.sha256_hash, f.s3_path, f.file_size, f.status, f.failure,
	f.created_at, f.updated_at, f.created_by, f.version,
	(select count(*) from documents d where d.file_id = f.id) as refs`

// FileByID returns a file; [ErrNotFound] if there is none.
func FileByID(ctx context.Context, db DB, id uuid.UUID) (File, error) {
	return one[File](ctx, db, "file by id", `select `+fileColumns+` from files f where f.id = $1`, id)
}

// FileFilter says which files are asked for. What is empty asks for all.
type FileFilter struct {
	Status string
	MD5    string // lower-case hex
}

// Files returns a page of a tenant's files, newest first.
func Files(ctx context.Context, db DB, f FileFilter, p Page) (Listed[File], error) {
	l := list[File]{
		name: "files", columns: fileColumns, from: "files f",
		order: newest("f.created_at", "f.id", func(f *File) (any, uuid.UUID) { return f.CreatedAt, f.ID }),
	}
	if f.Status != "" {
		l.where.add("f.status = ?", f.Status)
	}
	if f.MD5 != "" {
		l.where.add("f.md5_hash = ?", f.MD5)
	}
	return pageOf[File](ctx, db, p, l)
}

// Unreferenced returns up to limit files that may be removed and on which no
// document has stood since before a time, in the order of their ids, those after
// the given one.
func Unreferenced(ctx context.Context, db DB, before time.Time, after uuid.UUID, limit int) ([]File, error) {
	return many[File](ctx, db, "unreferenced files", `
		select `+fileColumns+`
		from files f
		where f.dereferenced_at < $1 and f.id > $2 and f.status in ('`+StatusReady+`', '`+StatusFailed+`')
			and not exists (select from documents d where d.file_id = f.id)
		order by f.id
		limit $3`, before, after, limit)
}
