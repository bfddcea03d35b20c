package check

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"

	"github.com/google/uuid"
)

// models are the read models as they should be.
type models struct {
	platform  Tables
	databases map[string]Tables
	lasting   map[string]Row // versions that nothing has ended yet, by table and id
}

// DatabaseName returns the name of a tenant's database.
func DatabaseName(tenant uuid.UUID) string { return "tenant_" + hex.EncodeToString(tenant[:]) }

// fold makes the read models anew from the events alone.
func fold(f *findings, s Snapshot, decoded []envelope) models {
	m := models{platform: empty(PlatformTables()), databases: map[string]Tables{}, lasting: map[string]Row{}}
	for _, e := range decoded {
		if e.TenantID == PlatformLedger {
			if err := m.user(e, s.Keys); err != nil {
				f.add("I5", Wrong, "event %d of the platform: %v", e.Seq, err)
			}
			continue
		}
		name := DatabaseName(e.TenantID)
		if m.databases[name] == nil {
			m.databases[name] = empty(TenantTables())
		}
		var d data
		if err := json.Unmarshal(e.Data, &d); err != nil {
			f.add("I5", Wrong, "event %d of ledger %s: data: %v", e.Seq, e.TenantID, err)
			continue
		}
		m.tenant(e, d)
		m.member(e, d)
		m.file(e, d)
		m.document(e, d)
		m.versions(e)
		m.trail(e)
	}
	return m
}

func empty(tables []Table) Tables {
	made := Tables{}
	for _, t := range tables {
		made[t.Name] = map[string]Row{}
	}
	return made
}

// data is the union of the fields of tenants', documents' and files' events.
type data struct {
	DatabaseName string    `json:"database_name"`
	FileID       uuid.UUID `json:"file_id"`
	Filename     string    `json:"filename"`
	MD5          string    `json:"md5"`
	MimeType     string    `json:"mime_type"`
	Name         string    `json:"name"`
	Reason       string    `json:"reason"`
	Role         string    `json:"role"`
	S3Path       string    `json:"s3_path"`
	SHA256       string    `json:"sha256"`
	Size         int64     `json:"size"`
	UserID       uuid.UUID `json:"user_id"`
}

type sealed struct {
	Ciphertext []byte    `json:"ciphertext"`
	Subject    uuid.UUID `json:"subject"`
}

// user folds users.
func (m models) user(e envelope, keys map[uuid.UUID][]byte) error {
	if e.StreamKind != "user" {
		return nil
	}
	id := e.StreamID.String()
	row := m.platform["users"][id]
	if e.EventType == "user.erased" {
		erase(row, id)
		touch(row, e)
		return nil
	}
	if e.EventType != "user.registered" && e.EventType != "user.profile_changed" {
		touch(row, e)
		return nil
	}
	var profile struct {
		Person sealed `json:"person"`
	}
	if err := json.Unmarshal(e.Data, &profile); err != nil {
		return err
	}
	var person struct {
		Email     string `json:"email"`
		FirstName string `json:"first_name"`
		LastName  string `json:"last_name"`
	}
	key, known := keys[profile.Person.Subject]
	if known {
		if err := open(profile.Person, key, &person); err != nil {
			return fmt.Errorf("user %s: %w", e.StreamID, err)
		}
	}
	if row == nil {
		row = Row{"id": id, "is_active": "true", "created_at": e.Timestamp, "created_by": Null}
		m.platform["users"][id] = row
	}
	row["email"], row["first_name"], row["last_name"] = person.Email, person.FirstName, person.LastName
	if !known {
		erase(row, id)
	}
	touch(row, e)
	return nil
}

// erase puts what stands for an erased person into a user's row.
func erase(row Row, id string) {
	for column, value := range map[string]string{
		"email": "erased-" + id + "@invalid", "first_name": "erased", "last_name": "erased", "is_active": "false",
	} {
		set(row, column, value)
	}
}

// open decrypts personal data: AES-256-GCM, the nonce in front, the subject's id
// as additional data.
func open(s sealed, key []byte, into any) error {
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	if len(s.Ciphertext) < gcm.NonceSize() {
		return fmt.Errorf("%d bytes are no sealed data", len(s.Ciphertext))
	}
	nonce, ciphertext := s.Ciphertext[:gcm.NonceSize()], s.Ciphertext[gcm.NonceSize():]
	plain, err := gcm.Open(nil, nonce, ciphertext, s.Subject[:])
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, into)
}

// touch moves a row, if there is one, on to an event of its stream. The version
// always follows; the time of change only where the event is about the row itself,
// not about what refers to it.
func touch(row Row, e envelope) {
	switch e.EventType {
	case "user.logged_in", "user.login_failed", "user.logged_out", "user.logged_out_everywhere", "user.password_changed", "user.token_reused",
		"tenant.member_added", "tenant.member_role_changed", "tenant.member_removed",
		"file.referenced", "file.dereferenced":
	default:
		set(row, "updated_at", e.Timestamp)
	}
	set(row, "version", strconv.FormatInt(e.StreamVersion, 10))
}

// set changes a column of a row, if there is one: an event of something that was
// never made breaks another invariant already.
func set(row Row, column, value string) {
	if row != nil {
		row[column] = value
	}
}

// tenant folds tenants and each tenant's own record.
func (m models) tenant(e envelope, d data) {
	if e.StreamKind != "tenant" {
		return
	}
	id := e.TenantID.String()
	own := m.databases[DatabaseName(e.TenantID)]["tenant"]
	if e.EventType == "tenant.created" {
		row := Row{
			"id": id, "name": d.Name, "database_name": d.DatabaseName, "is_active": "true",
			"created_at": e.Timestamp, "created_by": e.actor(),
		}
		own[id] = row
		m.platform["tenants"][id] = maps.Clone(row)
		m.platform["tenants"][id]["is_ready"] = "false"
	}
	for _, row := range []Row{own[id], m.platform["tenants"][id]} {
		if row == nil {
			continue
		}
		switch e.EventType {
		case "tenant.changed":
			row["name"] = d.Name
		case "tenant.deleted":
			row["is_active"] = "false"
		case "tenant.provisioned":
			if _, ok := row["is_ready"]; ok {
				row["is_ready"] = "true"
			}
		}
		touch(row, e)
	}
}

// member folds memberships.
func (m models) member(e envelope, d data) {
	user, tenant := d.UserID.String(), e.TenantID.String()
	members := m.databases[DatabaseName(e.TenantID)]["members"]
	associations, pair := m.platform["user_tenant_associations"], user+"/"+tenant
	switch e.EventType {
	case "tenant.member_added":
		members[user] = Row{"user_id": user, "role": d.Role, "joined_at": e.Timestamp}
		associations[pair] = Row{"user_id": user, "tenant_id": tenant, "role": d.Role, "joined_at": e.Timestamp}
	case "tenant.member_role_changed":
		set(members[user], "role", d.Role)
		set(associations[pair], "role", d.Role)
	case "tenant.member_removed":
		delete(members, user)
		delete(associations, pair)
	}
}

// file folds files.
func (m models) file(e envelope, d data) {
	if e.StreamKind != "file" {
		return
	}
	id := e.StreamID.String()
	files := m.databases[DatabaseName(e.TenantID)]["files"]
	row := files[id]
	switch e.EventType {
	case "file.received":
		if row == nil {
			row = Row{"id": id, "created_at": e.Timestamp, "created_by": e.actor(), "dereferenced_at": Null}
			files[id] = row
		}
		row["status"], row["s3_path"], row["failure"] = "processing", d.S3Path, Null
		row["md5_hash"], row["sha256_hash"], row["file_size"] = d.MD5, d.SHA256, strconv.FormatInt(d.Size, 10)
	case "file.stored":
		set(row, "status", "ready")
		set(row, "s3_path", d.S3Path)
	case "file.failed":
		set(row, "status", "failed")
		set(row, "failure", d.Reason)
	case "file.retried":
		set(row, "status", "processing")
		set(row, "failure", Null)
		set(row, "s3_path", d.S3Path)
	case "file.dereferenced":
		set(row, "dereferenced_at", e.Timestamp)
	case "file.deleted":
		delete(files, id)
		return
	}
	touch(row, e)
}

// document folds documents.
func (m models) document(e envelope, d data) {
	id := e.StreamID.String()
	documents := m.databases[DatabaseName(e.TenantID)]["documents"]
	switch e.EventType {
	case "document.uploaded":
		documents[id] = Row{
			"id": id, "filename": d.Filename, "mime_type": d.MimeType, "file_id": d.FileID.String(),
			"user_id": e.actor(), "created_at": e.Timestamp, "created_by": e.actor(),
		}
		touch(documents[id], e)
	case "document.renamed":
		set(documents[id], "filename", d.Filename)
		touch(documents[id], e)
	case "document.type_changed":
		set(documents[id], "mime_type", d.MimeType)
		touch(documents[id], e)
	case "document.deleted":
		delete(documents, id)
	}
}

// trail folds the trail: every event is a row.
func (m models) trail(e envelope) {
	seq := strconv.FormatInt(e.Seq, 10)
	m.databases[DatabaseName(e.TenantID)]["trail"][seq] = Row{
		"seq": seq, "event_id": e.EventID.String(), "event_type": e.EventType, "stream_kind": e.StreamKind,
		"stream_id": e.StreamID.String(), "stream_version": strconv.FormatInt(e.StreamVersion, 10),
		"user_id": e.actor(), "command_id": e.CommandID.String(), "request_id": e.RequestID,
		"traceparent": e.TraceParent, "origin": e.origin(), "at": e.Timestamp, "data": CanonicalJSON(e.Data),
	}
}

// CanonicalJSON returns one spelling of equal JSON values, or the text itself if
// it is no JSON.
func CanonicalJSON(text []byte) string {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return string(text)
	}
	spelled, err := json.Marshal(v)
	if err != nil {
		return string(text)
	}
	return string(spelled)
}
