package projections_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/internal/pgtest"
	"github.com/cartulary/cartulary/projections"
)

var (
	theTenant = uuid.MustParse("00000000-0000-7000-8000-00000000000a")
	ada       = uuid.MustParse("00000000-0000-7000-8000-0000000000ad")
	bob       = uuid.MustParse("00000000-0000-7000-8000-0000000000b0")
	aFile     = uuid.MustParse("00000000-0000-7000-8000-0000000000f1")
	aDocument = uuid.MustParse("00000000-0000-7000-8000-0000000000d1")
)

// given is an event of a stream.
type given struct {
	stream uuid.UUID
	event  events.Event
}

var received = given{aFile, events.FileReceived{MD5: "m", SHA256: "s", Size: 7, S3Path: "incoming"}}

func TestTenantDatabase(t *testing.T) {
	conn := connect(t, pgtest.Tenant(t))
	for name, c := range map[string]struct {
		given []given
		table string
		want  []string
	}{
		"a tenant's record": {
			given: []given{
				{theTenant, events.TenantCreated{Name: "Engines", DatabaseName: "db"}},
				{theTenant, events.TenantProvisioned{}},
				{theTenant, events.TenantChanged{Name: "Analytical Engines"}},
				{theTenant, events.MemberAdded{UserID: ada, Role: events.RoleAdmin}},
			},
			table: `(select name, database_name, is_active, version, extract(second from created_at)::int as made,
				extract(second from updated_at)::int as changed from tenant)`,
			want: []string{`{"made": 1, "name": "Analytical Engines", "changed": 3, "version": 4, "is_active": true, "database_name": "db"}`},
		},
		"a closed tenant's record": {
			given: []given{
				{theTenant, events.TenantCreated{Name: "Engines", DatabaseName: "db"}}, {theTenant, events.TenantDeleted{}},
			},
			table: `(select is_active, version from tenant)`,
			want:  []string{`{"version": 2, "is_active": false}`},
		},
		"members": {
			given: []given{
				{theTenant, events.MemberAdded{UserID: ada, Role: events.RoleAdmin}},
				{theTenant, events.MemberAdded{UserID: bob, Role: events.RoleUser}},
				{theTenant, events.MemberRoleChanged{UserID: ada, Role: events.RoleViewer}},
				{theTenant, events.MemberRemoved{UserID: bob}},
			},
			table: `(select user_id, role, extract(second from joined_at)::int as joined from members)`,
			want:  []string{`{"role": "viewer", "joined": 1, "user_id": "` + ada.String() + `"}`},
		},
		"a file on its way": {
			given: []given{received, {aFile, events.FileReferenced{DocumentID: aDocument}}},
			table: `(select status, s3_path, file_size, md5_hash, sha256_hash, version from files)`,
			want:  []string{`{"status": "processing", "s3_path": "incoming", "version": 2, "md5_hash": "m", "file_size": 7, "sha256_hash": "s"}`},
		},
		"a stored file": {
			given: []given{received, {aFile, events.FileStored{S3Path: "final"}}, {aFile, events.FileDereferenced{DocumentID: aDocument}}},
			table: `(select status, s3_path, version, extract(second from updated_at)::int as changed from files)`,
			want:  []string{`{"status": "ready", "changed": 2, "s3_path": "final", "version": 3}`},
		},
		"a file that was lost": {
			given: []given{received, {aFile, events.FileFailed{Reason: "gone"}}},
			table: `(select status, failure, s3_path from files)`,
			want:  []string{`{"status": "failed", "failure": "gone", "s3_path": "incoming"}`},
		},
		"a file that failed and is still referred to": {
			given: []given{received, {aFile, events.FileFailed{Reason: "gone"}}, {aFile, events.FileReferenced{DocumentID: aDocument}}},
			table: `(select status, failure, version from files)`,
			want:  []string{`{"status": "failed", "failure": "gone", "version": 3}`},
		},
		"a file that is tried again": {
			given: []given{received, {aFile, events.FileFailed{Reason: "gone"}}, {aFile, events.FileRetried{S3Path: "incoming"}}},
			table: `(select status, failure, s3_path, extract(second from updated_at)::int as changed from files)`,
			want:  []string{`{"status": "processing", "changed": 3, "failure": null, "s3_path": "incoming"}`},
		},
		"a file that came again": {
			given: []given{
				received,
				{aFile, events.FileFailed{Reason: "gone"}},
				{aFile, events.FileReceived{MD5: "m", SHA256: "s", Size: 7, S3Path: "incoming again"}},
			},
			table: `(select status, s3_path, extract(second from created_at)::int as made, extract(second from updated_at)::int as changed from files)`,
			want:  []string{`{"made": 1, "status": "processing", "changed": 3, "s3_path": "incoming again"}`},
		},
		"a renamed document": {
			given: []given{
				received,
				{aDocument, events.DocumentUploaded{FileID: aFile, Filename: "draft", MimeType: "text/plain"}},
				{aDocument, events.DocumentRenamed{Filename: "final"}},
			},
			table: `(select filename, mime_type, file_id, user_id = created_by as own, version,
				extract(second from created_at)::int as made, extract(second from updated_at)::int as changed from documents)`,
			want: []string{`{"own": true, "made": 2, "changed": 3, "file_id": "` + aFile.String() +
				`", "version": 2, "filename": "final", "mime_type": "text/plain"}`},
		},
		"a deleted document": {
			given: []given{
				received,
				{aDocument, events.DocumentUploaded{FileID: aFile, Filename: "draft", MimeType: "text/plain"}},
				{aDocument, events.DocumentDeleted{FileID: aFile, Filename: "draft"}},
			},
			table: `documents`,
			want:  nil,
		},
		"the trail": {
			given: []given{{theTenant, events.TenantChanged{Name: "a", Previous: "b"}}},
			table: `(select seq, event_type, stream_kind, stream_id, stream_version, data from trail)`,
			want: []string{`{"seq": 1, "data": {"name": "a", "previous": "b"}, "stream_id": "` + theTenant.String() +
				`", "event_type": "tenant.changed", "stream_kind": "tenant", "stream_version": 1}`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHistory(t, 1, theTenant)
			for _, g := range c.given {
				h.add(g.stream, g.event)
			}
			for cut := range uint64(2) {
				got := rows(t, conn, func(tx pgx.Tx) { project(t, tx, h, projections.Tenant(), cut) }, c.table)
				want := c.table + "\n" + strings.Join(c.want, "\n") + "\n"
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("cut %d (-want +got):\n%s", cut, diff)
				}
			}
		})
	}
}

func TestPlatformDatabase(t *testing.T) {
	conn := connect(t, pgtest.Platform(t))
	users := newHistory(t, 1, events.PlatformLedger)
	users.keys[ada] = events.Key(append(ada[:], ada[:]...))
	users.add(ada, events.UserRegistered{Person: users.person(ada, "ada@example.org")})
	users.add(ada, events.UserProfileChanged{Person: users.person(ada, "countess@example.org")})
	users.add(ada, events.UserLoggedOut{})
	tenant := newHistory(t, 2, theTenant)
	tenant.add(theTenant, events.TenantCreated{Name: "Engines", DatabaseName: "db"})
	tenant.add(theTenant, events.MemberAdded{UserID: ada, Role: events.RoleUser})
	tenant.add(theTenant, events.TenantProvisioned{})
	tenant.add(theTenant, events.MemberRoleChanged{UserID: ada, Role: events.RoleAdmin})
	const (
		usersTable = `(select email, first_name, is_active, version, created_by, extract(second from created_at)::int as made,
			extract(second from updated_at)::int as changed from users)`
		tenantsTable = `(select name, is_active, is_ready, version, extract(second from updated_at)::int as changed from tenants)`
		membersTable = `(select role, extract(second from joined_at)::int as joined from user_tenant_associations)`
	)
	want := usersTable + `
{"made": 1, "email": "countess@example.org", "changed": 2, "version": 3, "is_active": true, "created_by": null, "first_name": "First countess@example.org"}
` + tenantsTable + `
{"name": "Engines", "changed": 3, "version": 4, "is_ready": true, "is_active": true}
` + membersTable + `
{"role": "admin", "joined": 2}
`
	for cut := range uint64(2) {
		got := rows(t, conn, func(tx pgx.Tx) {
			project(t, tx, users, projections.Platform(), cut)
			project(t, tx, tenant, projections.Platform(), cut)
		}, usersTable, tenantsTable, membersTable)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("cut %d (-want +got):\n%s", cut, diff)
		}
	}
}
