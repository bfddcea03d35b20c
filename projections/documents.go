package projections

import (
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// Documents writes the documents of a tenant that are not deleted.
func Documents() Projection {
	return Projection{Name: "documents", Kinds: []events.Kind{events.KindDocument}, Apply: applyDocuments}
}

// documentChange is what a batch does to a document.
type documentChange struct {
	uploaded bool // it is new, and all fields count; else only those that may change
	deleted  bool

	filename  string
	mimeType  string
	file      uuid.UUID
	createdAt time.Time
	createdBy uuid.UUID
	updatedAt time.Time
	version   int64
}

func applyDocuments(w *Writes, b Batch) error {
	var documents fold[documentChange]
	for i := range b.Events {
		r := &b.Events[i]
		event, ok := r.Event.(events.DocumentEvent)
		if !ok {
			continue
		}
		id := r.Stream.ID
		c := documents.of(id)
		switch e := event.(type) {
		case events.DocumentUploaded:
			*c = documentChange{
				uploaded: true, filename: e.Filename, mimeType: e.MimeType, file: e.FileID,
				createdAt: r.At, createdBy: r.Actor, updatedAt: r.At, version: r.StreamVersion,
			}
		case events.DocumentRenamed:
			c.filename, c.updatedAt, c.version = e.Filename, r.At, r.StreamVersion
		case events.DocumentDeleted:
			if c.uploaded {
				documents.drop(id)
			} else {
				c.deleted = true
			}
		}
	}
	writeDocuments(w, &documents)
	return nil
}

func writeDocuments(w *Writes, documents *fold[documentChange]) {
	var (
		gone            []uuid.UUID
		added, renamed  documentColumns
		addedFiles, bys []uuid.UUID
		mimes           []string
		addedAt         []time.Time
	)
	for _, id := range documents.sorted() {
		c := documents.of(id)
		switch {
		case c.deleted:
			gone = append(gone, id)
		case c.uploaded:
			added.append(id, c)
			mimes, addedFiles = append(mimes, c.mimeType), append(addedFiles, c.file)
			addedAt, bys = append(addedAt, c.createdAt), append(bys, c.createdBy)
		default:
			renamed.append(id, c)
		}
	}
	if len(gone) > 0 {
		w.queue(`delete from documents where id = any($1)`, uuids(gone))
	}
	if len(added.ids) > 0 {
		w.queue(`
			insert into documents (id, filename, updated_at, version, mime_type, file_id, created_at, created_by, user_id)
			select *, created_by
			from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::bigint[],
				$5::text[], $6::uuid[], $7::timestamptz[], $8::uuid[])
				as v (id, filename, updated_at, version, mime_type, file_id, created_at, created_by)`,
			uuids(added.ids), added.filenames, added.updated, added.versions,
			mimes, uuids(addedFiles), addedAt, uuids(bys))
	}
	if len(renamed.ids) > 0 {
		w.queue(`
			update documents d
			set filename = v.filename, updated_at = v.updated_at, version = v.version
			from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::bigint[])
				as v (id, filename, updated_at, version)
			where d.id = v.id`,
			uuids(renamed.ids), renamed.filenames, renamed.updated, renamed.versions)
	}
}

// documentColumns holds, column by column, what may change in documents.
type documentColumns struct {
	ids       []uuid.UUID
	filenames []string
	updated   []time.Time
	versions  []int64
}

func (d *documentColumns) append(id uuid.UUID, c *documentChange) {
	d.ids = append(d.ids, id)
	d.filenames = append(d.filenames, c.filename)
	d.updated = append(d.updated, c.updatedAt)
	d.versions = append(d.versions, c.version)
}
