package query

import (
	"context"

	"github.com/google/uuid"
)

// FileRows returns up to limit files of a tenant, those after the given id, by id.
// None are left when it returns fewer.
func FileRows(ctx context.Context, db DB, after uuid.UUID, limit int) ([]File, error) {
	return many[File](ctx, db, "rows of files", `
		select `+fileColumns+` from files f where f.id > $1 order by f.id limit $2`, after, limit)
}

// DocumentRow is a row of documents, whatever its file is.
type DocumentRow struct {
	ID       uuid.UUID `db:"id"`
	Filename string    `db:"filename"`
	MimeType string    `db:"mime_type"`
	FileID   uuid.UUID `db:"file_id"`
	UserID   uuid.UUID `db:"user_id"`
	Version  int64     `db:"version"`
}

func (*DocumentRow) toUTC() {}

const documentRowColumns = `d.id, d.filename, d.mime_type, d.file_id, d.user_id, d.version`

// DocumentRows returns up to limit documents of a tenant, those after the given id, by
// id. None are left when it returns fewer.
func DocumentRows(ctx context.Context, db DB, after uuid.UUID, limit int) ([]DocumentRow, error) {
	return many[DocumentRow](ctx, db, "rows of documents", `
		select `+documentRowColumns+` from documents d where d.id > $1 order by d.id limit $2`, after, limit)
}

// DocumentRowByID returns a row of documents; [ErrNotFound] if there is none.
func DocumentRowByID(ctx context.Context, db DB, id uuid.UUID) (DocumentRow, error) {
	return one[DocumentRow](ctx, db, "row of a document", `
		select `+documentRowColumns+` from documents d where d.id = $1`, id)
}

// TenantRows returns up to limit tenants, closed or not, those after the given id, by
// id. None are left when it returns fewer.
func TenantRows(ctx context.Context, db DB, after uuid.UUID, limit int) ([]Tenant, error) {
	return many[Tenant](ctx, db, "rows of tenants", `
		select `+tenantColumns+` from tenants t where t.id > $1 order by t.id limit $2`, after, limit)
}
