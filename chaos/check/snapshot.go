package check

import (
	"strings"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/chaos/journal"
)

// PlatformLedger is the id of the ledger that belongs to no tenant.
var PlatformLedger = uuid.MustParse("00000000-0000-8000-8000-000000000001")

// Snapshot is what there is to see of the platform from outside.
type Snapshot struct {
	Journal   []journal.Operation
	Heads     map[uuid.UUID]Head
	Events    []Event // by ledger and sequence number
	Outbox    int     // rows that are not published yet
	Keys      map[uuid.UUID][]byte
	Topics    map[string][]Message // in the order of partitions and offsets
	Platform  Tables
	Databases map[string]Tables // of tenants, by name
	Objects   map[string]Object // by key, but signed checkpoints

	Checkpoints map[string]string // signed checkpoints in the store, by key
}

// Head is where a ledger says it ends.
type Head struct {
	Seq   int64
	Range []byte // hashes of the Merkle tree's compact range
}

// Event is a row of ledger.events.
type Event struct {
	Ledger        uuid.UUID
	Seq           int64
	Stream        uuid.UUID
	StreamVersion int64
	ID            uuid.UUID
	Type          string
	Body          []byte
}

// Message is a record of a topic.
type Message struct {
	Partition int32
	Offset    int64
	Key       string
	Value     []byte
}

// Object is an object in the store.
type Object struct {
	Size   int64
	MD5    string // lower-case hex
	SHA256 string // lower-case hex
}

// Row is a row's columns as text. Times are RFC 3339 in UTC with six fractional
// digits, and NULL is [Null].
type Row map[string]string

// Null stands for NULL in a [Row].
const Null = "NULL"

// Tables are the rows of a database: by table, by key (the key columns, joined by
// a slash).
type Tables map[string]map[string]Row

// Table says what is compared of a table.
type Table struct {
	Name    string
	Key     []string
	Columns []string // besides the key
}

// KeyOf returns the key of a row.
func (t Table) KeyOf(r Row) string {
	parts := make([]string, len(t.Key))
	for i, column := range t.Key {
		parts[i] = r[column]
	}
	return strings.Join(parts, "/")
}

// PlatformTables are the read models of the main database.
func PlatformTables() []Table {
	return []Table{
		{"users", []string{"id"}, []string{"first_name", "last_name", "email", "is_active", "created_at", "updated_at", "created_by", "version"}},
		{"tenants", []string{"id"}, []string{"name", "database_name", "is_active", "is_ready", "created_at", "updated_at", "created_by", "version"}},
		{"user_tenant_associations", []string{"user_id", "tenant_id"}, []string{"role", "joined_at"}},
	}
}

// TenantTables are the read models of a tenant's database.
func TenantTables() []Table {
	return []Table{
		{"tenant", []string{"id"}, []string{"name", "database_name", "is_active", "created_at", "updated_at", "created_by", "version"}},
		{"members", []string{"user_id"}, []string{"role", "joined_at"}},
		{"files", []string{"id"}, []string{
			"md5_hash", "sha256_hash", "s3_path", "file_size", "status", "created_at", "updated_at", "created_by", "version",
			"dereferenced_at", "failure",
		}},
		{"documents", []string{"id"}, []string{
			"filename", "mime_type", "file_id", "user_id", "created_at", "updated_at", "created_by", "version",
		}},
		{"document_versions", []string{"id", "from_seq"}, []string{
			"to_seq", "filename", "mime_type", "file_id", "user_id", "created_at", "updated_at", "created_by", "version",
		}},
		{"file_versions", []string{"id", "from_seq"}, []string{"to_seq", "md5_hash", "sha256_hash", "s3_path", "file_size", "status", "failure"}},
		{"trail", []string{"seq"}, []string{
			"event_id", "event_type", "stream_kind", "stream_id", "stream_version", "user_id", "command_id", "request_id",
			"traceparent", "origin", "at", "data",
		}},
	}
}
