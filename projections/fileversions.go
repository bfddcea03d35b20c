package projections

import (
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// fileVersion is what a file was; of one that is based, what changed.
type fileVersion struct {
	status  string
	failure *string              // of the status; nil if it is no failure
	s3Path  *string              // nil: as it was
	content *events.FileReceived // of one that is not based
}

func foldFileVersions(list []events.Recorded) (files fold[versions[fileVersion]]) {
	for i := range list {
		r := &list[i]
		event, ok := r.Event.(events.FileEvent)
		if !ok {
			continue
		}
		switch e := event.(type) {
		case events.FileReceived:
			files.of(r.Stream.ID).begin(r, fileVersion{status: fileProcessing, s3Path: &e.S3Path, content: &e})
		case events.FileStored:
			files.of(r.Stream.ID).change(r, func(f *fileVersion) { f.status, f.failure, f.s3Path = fileReady, nil, &e.S3Path })
		case events.FileFailed:
			files.of(r.Stream.ID).change(r, func(f *fileVersion) { f.status, f.failure = fileFailed, &e.Reason })
		case events.FileRetried:
			files.of(r.Stream.ID).change(r, func(f *fileVersion) { f.status, f.failure, f.s3Path = fileProcessing, nil, &e.S3Path })
		case events.FileDeleted:
			files.of(r.Stream.ID).end(r)
		case events.FileReferenced, events.FileDereferenced: // versions of documents tell
		}
	}
	return files
}

func writeFileVersions(w *Writes, files fold[versions[fileVersion]]) {
	var (
		closed        closing
		fresh, based  fileVersionColumns
		md5s, sha256s []string
		sizes         []int64
	)
	for _, id := range files.sorted() {
		v := files.of(id)
		closed.append(id, v.closes)
		for _, one := range v.list {
			if one.based {
				based.append(id, one)
				continue
			}
			fresh.append(id, one)
			content := one.value.content
			md5s, sha256s, sizes = append(md5s, content.MD5), append(sha256s, content.SHA256), append(sizes, content.Size)
		}
	}
	if len(closed.ids) > 0 {
		w.queue(`
			with closed as (
				update file_versions f set to_seq = v.seq
				from unnest($1::uuid[], $2::bigint[]) as v (id, seq)
				where f.id = v.id and f.to_seq > v.seq
					and f.from_seq = (select max(from_seq) from file_versions where id = v.id)
				returning f.*
			)
			insert into file_versions (id, from_seq, to_seq, status, failure, s3_path, md5_hash, sha256_hash, file_size)
			select v.id, v.from_seq, v.to_seq, v.status, v.failure, coalesce(v.s3_path, f.s3_path), f.md5_hash, f.sha256_hash, f.file_size
			from unnest($3::uuid[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::text[])
				as v (id, from_seq, to_seq, status, failure, s3_path)
			join closed f on f.id = v.id`,
			append([]any{uuids(closed.ids), closed.seqs}, based.args()...)...)
	}
	if len(fresh.ids) > 0 {
		w.queue(`
			insert into file_versions (id, from_seq, to_seq, status, failure, s3_path, md5_hash, sha256_hash, file_size)
			select * from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[],
				$7::text[], $8::text[], $9::bigint[])`,
			append(fresh.args(), md5s, sha256s, sizes)...)
	}
}

// fileVersionColumns holds versions of files, column by column.
type fileVersionColumns struct {
	ids      []uuid.UUID
	from, to []int64
	statuses []string
	failures []*string
	s3Paths  []*string
}

func (c *fileVersionColumns) append(id uuid.UUID, v version[fileVersion]) {
	c.ids = append(c.ids, id)
	c.from, c.to = append(c.from, v.from), append(c.to, v.to)
	c.statuses, c.failures = append(c.statuses, v.value.status), append(c.failures, v.value.failure)
	c.s3Paths = append(c.s3Paths, v.value.s3Path)
}

func (c *fileVersionColumns) args() []any {
	return []any{uuids(c.ids), c.from, c.to, c.statuses, c.failures, c.s3Paths}
}
