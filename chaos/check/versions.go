package check

import (
	"maps"
	"math"
	"strconv"
)

// versions folds what documents and files were when: each event about one ends what
// it was, and begins what its row is now, if there is one.
func (m models) versions(e envelope) {
	table, of := "document_versions", "documents"
	switch {
	case e.StreamKind == "document":
	case e.StreamKind == "file" && e.EventType != "file.referenced" && e.EventType != "file.dereferenced":
		table, of = "file_versions", "files"
	default:
		return
	}
	tables := m.databases[DatabaseName(e.TenantID)]
	id, seq := e.StreamID.String(), strconv.FormatInt(e.Seq, 10)
	key := table + "/" + e.TenantID.String() + "/" + id
	set(m.lasting[key], "to_seq", seq)
	delete(m.lasting, key)
	row, ok := tables[of][id]
	if !ok {
		return
	}
	row = maps.Clone(row)
	row["from_seq"], row["to_seq"] = seq, strconv.Itoa(math.MaxInt64)
	tables[table][id+"/"+seq] = row
	m.lasting[key] = row
}
