package query

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/internal/namekey"
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
	Status     string    `db:"status"      json:"status"`  // of the file
	Failure    *string   `db:"failure"     json:"failure"` // of the file: why; nil unless it failed
	CreatedAt  time.Time `db:"created_at"  json:"created_at"`
	UpdatedAt  time.Time `db:"updated_at"  json:"updated_at"`
	CreatedBy  uuid.UUID `db:"created_by"  json:"created_by"`
	Version    int64     `db:"version"     json:"version"`

	FilenameKey string `db:"filename_key" json:"-"` // see namekey.Of
}

func (d *Document) toUTC() {
	d.CreatedAt = d.CreatedAt.UTC()
	d.UpdatedAt = d.UpdatedAt.UTC()
}

const documentColumns = `d.id, d.filename, d.mime_type, d.file_id, d.user_id,
	f.file_size, f.md5_hash, f.sha256_hash, f.s3_path, f.status, f.failure,
	d.created_at, d.updated_at, d.created_by, d.version, d.filename_key`

// DocumentByID returns a document; [ErrNotFound] if there is none.
func DocumentByID(ctx context.Context, db DB, id uuid.UUID) (Document, error) {
	return one[Document](ctx, db, "document by id", `
		select `+documentColumns+`
		from documents d
		join files f on f.id = d.file_id
		where d.id = $1`, id)
}

// DocumentFilter says which documents are asked for. What is nil or empty asks for
// all.
type DocumentFilter struct {
	Name string // part of the file name, in upper or lower case
	// MimeType is a media type, which its parameters do not change, or all of a
	// kind: image/*.
	MimeType string
	UserID   *uuid.UUID // whose documents
	From     *time.Time // made then or later
	To       *time.Time // made before
}

// DocumentSort is what documents are ordered by.
type DocumentSort string

// Orders of documents; each descends with a minus in front.
const (
	SortCreatedAt DocumentSort = "created_at"
	SortFilename  DocumentSort = "filename" // upper and lower case alike, by code point
	SortSize      DocumentSort = "size"
)

// Documents returns a page of a tenant's documents; newest first if sort is empty.
func Documents(ctx context.Context, db DB, f DocumentFilter, sort DocumentSort, p Page) (Listed[Document], error) {
	return pageOf[Document](ctx, db, p, list[Document]{
		name: "documents", columns: documentColumns, from: "documents d join files f on f.id = d.file_id",
		where: f.conditions(), order: sort.order(),
	})
}

// likeLiteral escapes what LIKE takes for more than itself.
func likeLiteral(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}

func (f DocumentFilter) conditions() (c conditions) {
	if f.Name != "" {
		c.add("d.filename_key like ?", "%"+likeLiteral(namekey.Of(f.Name))+"%")
	}
	if kind, all := strings.CutSuffix(strings.ToLower(f.MimeType), "/*"); all {
		c.add("lower(d.mime_type) like ?", likeLiteral(kind)+"/%")
	} else if f.MimeType != "" {
		c.add("lower(split_part(d.mime_type, ';', 1)) = ?", kind)
	}
	if f.UserID != nil {
		c.add("d.user_id = ?", *f.UserID)
	}
	if f.From != nil {
		c.add("d.created_at >= ?", f.From.UTC())
	}
	if f.To != nil {
		c.add("d.created_at < ?", f.To.UTC())
	}
	return c
}

func (s DocumentSort) order() order[Document] {
	column, desc := strings.CutPrefix(string(s), "-")
	by := order[Document]{id: "d.id", desc: desc}
	switch DocumentSort(column) {
	case SortFilename:
		by.key, by.kind = "d.filename_key", byText
		by.of = func(d *Document) (any, uuid.UUID) { return d.FilenameKey, d.ID }
	case SortSize:
		by.key, by.kind = "f.file_size", byNumber
		by.of = func(d *Document) (any, uuid.UUID) { return d.FileSize, d.ID }
	default:
		by.key, by.kind, by.desc = "d.created_at", byTime, desc || s == ""
		by.of = func(d *Document) (any, uuid.UUID) { return d.CreatedAt, d.ID }
	}
	return by
}
