package check

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/cartulary/cartulary/chaos/journal"
)

// objects checks I6: behind each file row lies an object with the row's bytes,
// and each object outside the staging area belongs to a row. An acknowledged
// document has the bytes that the client sent.
func (f *findings) objects(s Snapshot, m models) {
	owned := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(m.databases)) {
		files := s.Databases[name]["files"]
		for _, id := range slices.Sorted(maps.Keys(files)) {
			row := files[id]
			owned[row["s3_path"]] = true
			f.object(s, name, row)
		}
		for id, document := range s.Databases[name]["documents"] {
			if _, ok := files[document["file_id"]]; !ok {
				f.add("I6", Lost, "%s: document %s stands on file %s, which is not there", name, id, document["file_id"])
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.Objects)) {
		if !owned[key] && !Staged(key) {
			f.add("I6", Duplicated, "object %s belongs to no file", key)
		}
	}
	f.uploads(s)
}

// Staged reports whether an object lies in a tenant's staging area, where it may
// outlive its purpose for a while.
func Staged(key string) bool {
	parts := strings.Split(key, "/")
	return len(parts) > 2 && parts[0] == "tenants" && parts[2] == "incoming"
}

func (f *findings) object(s Snapshot, database string, row Row) {
	if row["status"] != "ready" {
		f.add("I6", Skipped, "%s: file %s is still %s", database, row["id"], row["status"])
	} else if Staged(row["s3_path"]) {
		f.add("I6", Wrong, "%s: file %s is ready and still in the staging area", database, row["id"])
	}
	object, ok := s.Objects[row["s3_path"]]
	switch {
	case !ok:
		f.add("I6", Lost, "%s: file %s: there is no object %s", database, row["id"], row["s3_path"])
	case strconv.FormatInt(object.Size, 10) != row["file_size"], object.MD5 != row["md5_hash"], object.SHA256 != row["sha256_hash"]:
		f.add("I6", Wrong, "%s: file %s: object %s holds other bytes", database, row["id"], row["s3_path"])
	}
}

// uploads compares the bytes behind each acknowledged document with the journal.
func (f *findings) uploads(s Snapshot) {
	for _, op := range s.Journal {
		if op.Ack == nil || op.Kind != journal.Upload {
			continue
		}
		tables := s.Databases[DatabaseName(op.Tenant)]
		document, ok := tables["documents"][op.Ack.Document.String()]
		if !ok {
			f.add("I1", Lost, "upload %d: document %s is not in the read model", op.Op, op.Ack.Document)
			continue
		}
		file := tables["files"][document["file_id"]]
		object := s.Objects[file["s3_path"]]
		if object != (Object{Size: op.Size, MD5: op.MD5, SHA256: op.SHA256}) {
			f.add("I6", Wrong, "upload %d: document %s does not hold the bytes that were sent", op.Op, op.Ack.Document)
		}
	}
}

// databases checks I7.
func (f *findings) databases(s Snapshot, m models) {
	for _, name := range slices.Sorted(maps.Keys(m.databases)) {
		if _, ok := s.Databases[name]; !ok {
			f.add("I7", Skipped, "there is no database %s", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Databases)) {
		if _, ok := m.databases[name]; !ok {
			f.add("I7", Duplicated, "database %s belongs to no tenant", name)
		}
	}
}
