package projections

import (
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// documentVersion is what a document was; of one that is based, what changed.
type documentVersion struct {
	filename  *string // nil: as it was
	mimeType  *string
	file      uuid.UUID
	createdAt time.Time
	createdBy uuid.UUID
	updatedAt time.Time
	version   int64
}

func foldDocumentVersions(list []events.Recorded) (documents fold[versions[documentVersion]]) {
	for i := range list {
		r := &list[i]
		event, ok := r.Event.(events.DocumentEvent)
		if !ok {
			continue
		}
		v := documents.of(r.Stream.ID)
		changed := func(set func(*documentVersion)) {
			v.change(r, func(d *documentVersion) {
				d.updatedAt, d.version = r.At, r.StreamVersion
				set(d)
			})
		}
		switch e := event.(type) {
		case events.DocumentUploaded:
			v.begin(r, documentVersion{
				filename: &e.Filename, mimeType: &e.MimeType, file: e.FileID,
				createdAt: r.At, createdBy: r.Actor, updatedAt: r.At, version: r.StreamVersion,
			})
		case events.DocumentRenamed:
			changed(func(d *documentVersion) { d.filename = &e.Filename })
		case events.DocumentTypeChanged:
			changed(func(d *documentVersion) { d.mimeType = &e.MimeType })
		case events.DocumentDeleted:
			v.end(r)
		}
	}
	return documents
}

func writeDocumentVersions(w *Writes, documents fold[versions[documentVersion]]) {
	var (
		closed       closing
		fresh, based documentVersionColumns
	)
	for _, id := range documents.sorted() {
		v := documents.of(id)
		closed.append(id, v.closes)
		for _, one := range v.list {
			if one.based {
				based.append(id, one)
			} else {
				fresh.append(id, one)
			}
		}
	}
	if len(closed.ids) > 0 {
		w.queue(`
			with closed as (
				update document_versions d set to_seq = v.seq
				from unnest($1::uuid[], $2::bigint[]) as v (id, seq)
				where d.id = v.id and d.to_seq > v.seq
					and d.from_seq = (select max(from_seq) from document_versions where id = v.id)
				returning d.*
			)
			insert into document_versions (id, from_seq, to_seq, filename, filename_key, mime_type, updated_at, version,
				file_id, user_id, created_at, created_by)
			select v.id, v.from_seq, v.to_seq, coalesce(v.filename, d.filename), coalesce(v.filename_key, d.filename_key),
				coalesce(v.mime_type, d.mime_type), v.updated_at, v.version, d.file_id, d.user_id, d.created_at, d.created_by
			from unnest($3::uuid[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::timestamptz[], $10::bigint[])
				as v (id, from_seq, to_seq, filename, filename_key, mime_type, updated_at, version)
			join closed d on d.id = v.id`,
			append([]any{uuids(closed.ids), closed.seqs}, based.args()...)...)
	}
	if len(fresh.ids) > 0 {
		w.queue(`
			insert into document_versions (id, from_seq, to_seq, filename, filename_key, mime_type, updated_at, version,
				file_id, created_at, created_by, user_id)
			select *, created_by
			from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::bigint[],
				$9::uuid[], $10::timestamptz[], $11::uuid[])
				as v (id, from_seq, to_seq, filename, filename_key, mime_type, updated_at, version, file_id, created_at, created_by)`,
			append(fresh.args(), uuids(fresh.files), fresh.created, uuids(fresh.bys))...)
	}
}

// documentVersionColumns holds versions of documents, column by column.
type documentVersionColumns struct {
	documentColumns

	from, to []int64

	files, bys []uuid.UUID // of those that are not based
	created    []time.Time
}

func (c *documentVersionColumns) append(id uuid.UUID, v version[documentVersion]) {
	c.documentColumns.append(id, &documentChange{
		filename: v.value.filename, mimeType: v.value.mimeType, updatedAt: v.value.updatedAt, version: v.value.version,
	})
	c.from, c.to = append(c.from, v.from), append(c.to, v.to)
	c.files, c.bys = append(c.files, v.value.file), append(c.bys, v.value.createdBy)
	c.created = append(c.created, v.value.createdAt)
}

func (c *documentVersionColumns) args() []any {
	return []any{uuids(c.ids), c.from, c.to, c.filenames, c.keys, c.mimes, c.updated, c.versions}
}
