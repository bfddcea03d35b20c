package query

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Document is a row of documents, in a tenant's own database, with what its file
// says of it.
type Document struct {
	ID         uuid.UUID `db:"id"          json:"id"`
	Filename   string    `db:"filename"    json:"filename"`
	MimeType   string    `db:"mime_type"   json:"mime_type"`
	FileID     uuid.UUID `db:"file_id"     json:"file_id"`
	UserID     uuid.UUID `db:"user_id"     json:"user_id"`     // whose document it is
	FileSize   int64     `db:"file_size"   json:"file_size"`   // bytes
	MD5Hash    string    `db:"md5_hash"    json:"md5_hash"`    // lower-case hex
	SHA256Hash string    `db:"sha256_hash" json:"sha256_hash"` // lower-case hex
	S3Path     string    `db:"s3_path"     json:"s3_path"`
	Status     string    `db:"status"      json:"status"` // of the file
	CreatedAt  time.Time `db:"created_at"  json:"created_at"`
	UpdatedAt  time.Time `db:"updated_at"  json:"updated_at"`
	CreatedBy  uuid.UUID `db:"created_by"  json:"created_by"`
	Version    int64     `db:"version"     json:"version"`
}

func (d *Document) toUTC() {
	d.CreatedAt = d.CreatedAt.UTC()
	d.UpdatedAt = d.UpdatedAt.UTC()
}

const documentColumns = `d.id, d.filename, d.mime_type, d.file_id, d.user_id,
	f.file_size, f.md5_hash, f.sha256_hash, f.s3_path, f.status,
	d.created_at, d.updated_at, d.created_by, d.version`

// DocumentByID returns a document; [ErrNotFound] if there is none.
func DocumentByID(ctx context.Context, db DB, id uuid.UUID) (Document, error) {
	return one[Document](ctx, db, "document by id", `
		select `+documentColumns+`
		from documents d
		join files f on f.id = d.file_id
		where d.id = $1`, id)
}

// Documents returns a page of a tenant's documents, newest first.
func Documents(ctx context.Context, db DB, p Page) ([]Document, *Cursor, error) {
	key := func(d Document) Cursor { return Cursor{At: d.CreatedAt, ID: d.ID} }
	return pageOf[Document](ctx, db, p, key, "documents", `
		select `+documentColumns+`
		from documents d
		join files f on f.id = d.file_id
		where (d.created_at, d.id) < ($1, $2)
		order by d.created_at desc, d.id desc
		limit $3`)
}
