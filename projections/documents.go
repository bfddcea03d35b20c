package projections

import (
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/internal/namekey"
)

// Documents writes the documents of a tenant that are not deleted.
func Documents() Projection {
	return Projection{Name: "documents", Kinds: []events.Kind{events.KindDocument}, Apply: applyDocuments}
}

// documentChange is what a batch does to a document.
type documentChange struct {
	uploaded bool // it is new, and all fields count; else only those that may change
	deleted  bool

	filename  *string // nil: as it was
	mimeType  *string
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
				uploaded: true, filename: &e.Filename, mimeType: &e.MimeType, file: e.FileID,
				createdAt: r.At, createdBy: r.Actor, updatedAt: r.At, version: r.StreamVersion,
			}
		case events.DocumentRenamed:
			c.filename, c.updatedAt, c.version = &e.Filename, r.At, r.StreamVersion
		case events.DocumentTypeChanged:
			c.mimeType, c.updatedAt, c.version = &e.MimeType, r.At, r.StreamVersion
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
		added, changed  documentColumns
		addedFiles, bys []uuid.UUID
		addedAt         []time.Time
	)
	for _, id := range documents.sorted() {
		c := documents.of(id)
		switch {
		case c.deleted:
			gone = append(gone, id)
		case c.uploaded:
			added.append(id, c)
			addedFiles = append(addedFiles, c.file)
			addedAt, bys = append(addedAt, c.createdAt), append(bys, c.createdBy)
		default:
			changed.append(id, c)
		}
	}
	if len(gone) > 0 {
		w.queue(`delete from documents where id = any($1)`, uuids(gone))
	}
	if len(added.ids) > 0 {
		w.queue(`
			insert into documents (id, filename, filename_key, mime_type, updated_at, version, file_id, created_at, created_by, user_id)
			select *, created_by
			from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bigint[],
				$7::uuid[], $8::timestamptz[], $9::uuid[])
				as v (id, filename, filename_key, mime_type, updated_at, version, file_id, created_at, created_by)`,
			uuids(added.ids), added.filenames, added.keys, added.mimes, added.updated, added.versions,
			uuids(addedFiles), addedAt, uuids(bys))
	}
	if len(changed.ids) > 0 {
		w.queue(`
			update documents d
			set filename = coalesce(v.filename, d.filename), filename_key = coalesce(v.filename_key, d.filename_key),
				mime_type = coalesce(v.mime_type, d.mime_type), updated_at = v.updated_at, version = v.version
			from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bigint[])
				as v (id, filename, filename_key, mime_type, updated_at, version)
			where d.id = v.id`,
			uuids(changed.ids), changed.filenames, changed.keys, changed.mimes, changed.updated, changed.versions)
	}
}

// documentColumns holds, column by column, what may change in documents; nil: as it
// was.
type documentColumns struct {
	ids       []uuid.UUID
	filenames []*string
	keys      []*string // of filenames
	mimes     []*string
	updated   []time.Time
	versions  []int64
}

func (d *documentColumns) append(id uuid.UUID, c *documentChange) {
	var key *string
	if c.filename != nil {
		folded := namekey.Of(*c.filename)
		key = &folded
	}
	d.ids = append(d.ids, id)
	d.filenames = append(d.filenames, c.filename)
	d.keys = append(d.keys, key)
	d.mimes = append(d.mimes, c.mimeType)
	d.updated = append(d.updated, c.updatedAt)
	d.versions = append(d.versions, c.version)
}
