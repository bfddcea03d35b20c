package projections

import (
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// The states of a file.
const (
	fileProcessing = "processing"
	fileReady      = "ready"
	fileFailed     = "failed"
)

// Files writes the files of a tenant that are not deleted. A file whose bytes come a
// second time, after the first were lost, stays the same row; after it was deleted,
// it is a new one.
func Files() Projection {
	return Projection{Name: "files", Kinds: []events.Kind{events.KindFile}, Apply: applyFiles}
}

// fileChange is what a batch does to a file.
type fileChange struct {
	deleted   bool                 // the row that was there goes; another may take its place
	received  *events.FileReceived // the last; nil if the row is there already
	createdAt time.Time            // of the first received
	createdBy uuid.UUID

	s3Path    *string // nil: as it was
	status    *string
	failure   *string // of the status: nil if that is set and no failure
	updatedAt *time.Time
	version   int64

	dereferencedAt *time.Time // the last time
}

func applyFiles(w *Writes, b Batch) error {
	var files fold[fileChange]
	for i := range b.Events {
		r := &b.Events[i]
		event, ok := r.Event.(events.FileEvent)
		if !ok {
			continue
		}
		c := files.of(r.Stream.ID)
		c.version = r.StreamVersion
		switch e := event.(type) {
		case events.FileReceived:
			if c.received == nil {
				c.createdAt, c.createdBy = r.At, r.Actor
			}
			c.received = &e
			c.set(r.At, fileProcessing, &e.S3Path)
		case events.FileStored:
			c.set(r.At, fileReady, &e.S3Path)
		case events.FileFailed:
			c.set(r.At, fileFailed, nil)
			c.failure = &e.Reason
		case events.FileRetried:
			c.set(r.At, fileProcessing, &e.S3Path)
		case events.FileDeleted:
			*c = fileChange{deleted: true}
		case events.FileDereferenced:
			c.dereferencedAt = &r.At
		case events.FileReferenced: // documents tell
		}
	}
	writeFiles(w, &files)
	return nil
}

// set notes a new state that is no failure, and where the bytes lie now unless that is
// nil.
func (c *fileChange) set(at time.Time, status string, s3Path *string) {
	c.status, c.updatedAt, c.failure = &status, &at, nil
	if s3Path != nil {
		c.s3Path = s3Path
	}
}

func writeFiles(w *Writes, files *fold[fileChange]) {
	var (
		received, changed fileColumns
		md5s, sha256s     []string
		sizes             []int64
		createdAt         []time.Time
		createdBy         []uuid.UUID
		deleted           []uuid.UUID
	)
	for _, id := range files.sorted() {
		c := files.of(id)
		if c.deleted {
			deleted = append(deleted, id)
		}
		if c.received == nil && c.deleted {
			continue
		}
		if c.received == nil {
			changed.append(id, c)
			continue
		}
		received.append(id, c)
		md5s, sha256s = append(md5s, c.received.MD5), append(sha256s, c.received.SHA256)
		sizes = append(sizes, c.received.Size)
		createdAt, createdBy = append(createdAt, c.createdAt), append(createdBy, c.createdBy)
	}
	if len(deleted) > 0 {
		w.queue(`delete from files where id = any($1)`, uuids(deleted))
	}
	if len(received.ids) > 0 {
		w.queue(`
			insert into files (id, s3_path, status, failure, updated_at, version, dereferenced_at,
				md5_hash, sha256_hash, file_size, created_at, created_by)
			select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bigint[], $7::timestamptz[],
				$8::text[], $9::text[], $10::bigint[], $11::timestamptz[], $12::uuid[])
			on conflict (id) do update set
				s3_path = excluded.s3_path, status = excluded.status, failure = excluded.failure, updated_at = excluded.updated_at,
				version = excluded.version, md5_hash = excluded.md5_hash,
				dereferenced_at = coalesce(excluded.dereferenced_at, files.dereferenced_at),
				sha256_hash = excluded.sha256_hash, file_size = excluded.file_size`,
			uuids(received.ids), received.s3Paths, received.statuses, received.failures, received.updated, received.versions,
			received.dereferenced, md5s, sha256s, sizes, createdAt, uuids(createdBy))
	}
	if len(changed.ids) > 0 {
		w.queue(`
			update files f
			set s3_path = coalesce(v.s3_path, f.s3_path), status = coalesce(v.status, f.status),
				failure = case when v.status is null then f.failure else v.failure end,
				updated_at = coalesce(v.updated_at, f.updated_at), version = v.version,
				dereferenced_at = coalesce(v.dereferenced_at, f.dereferenced_at)
			from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bigint[], $7::timestamptz[])
				as v (id, s3_path, status, failure, updated_at, version, dereferenced_at)
			where f.id = v.id`,
			uuids(changed.ids), changed.s3Paths, changed.statuses, changed.failures, changed.updated, changed.versions,
			changed.dereferenced)
	}
}

// fileColumns holds, column by column, what may change in files; nil: as it was.
type fileColumns struct {
	ids      []uuid.UUID
	s3Paths  []*string
	statuses []*string
	failures []*string // of statuses
	updated  []*time.Time
	versions []int64

	dereferenced []*time.Time
}

func (f *fileColumns) append(id uuid.UUID, c *fileChange) {
	f.ids = append(f.ids, id)
	f.s3Paths = append(f.s3Paths, c.s3Path)
	f.statuses = append(f.statuses, c.status)
	f.failures = append(f.failures, c.failure)
	f.updated = append(f.updated, c.updatedAt)
	f.versions = append(f.versions, c.version)
	f.dereferenced = append(f.dereferenced, c.dereferencedAt)
}
