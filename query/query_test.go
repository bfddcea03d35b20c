package query_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/internal/pgtest"
	"github.com/cartulary/cartulary/query"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func exec(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// noon is a time with microseconds, written down in another zone than UTC.
var noon = time.Date(2024, 5, 1, 12, 0, 0, 123_456_000, time.UTC).In(time.FixedZone("elsewhere", 3600))

func TestUsers(t *testing.T) {
	db := connect(t, pgtest.Platform(t))
	want := query.User{
		ID: uuid.New(), FirstName: "Ada", LastName: "Lovelace", Email: "ada@example.org", IsActive: true,
		CreatedAt: noon.UTC(), UpdatedAt: noon.Add(time.Hour).UTC(), Version: 3,
	}
	exec(t, db, `insert into users values ($1, 'Ada', 'Lovelace', 'ada@example.org', true, $2, $3, null, 3)`,
		want.ID, noon, noon.Add(time.Hour))
	byID, err := query.UserByID(t.Context(), db, want.ID)
	if diff := cmp.Diff(want, byID); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	byEmail, err := query.UserByEmail(t.Context(), db, want.Email)
	if diff := cmp.Diff(want, byEmail); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := query.UserByID(t.Context(), db, uuid.New()); !errors.Is(err, query.ErrNotFound) {
		t.Errorf("error %v, want ErrNotFound", err)
	}
	if _, err := query.UserByEmail(t.Context(), db, "nobody@example.org"); !errors.Is(err, query.ErrNotFound) {
		t.Errorf("error %v, want ErrNotFound", err)
	}
}

// platform fills a main database: one user, and other members and tenants about.
func platform(t *testing.T, n int) (db *pgx.Conn, user uuid.UUID, tenants []uuid.UUID) {
	t.Helper()
	db = connect(t, pgtest.Platform(t))
	user = uuid.New()
	for i := range n {
		tenant, other := uuid.New(), uuid.New()
		tenants = append(tenants, tenant)
		exec(t, db, `insert into users values ($1, 'Other', 'Person', $2, true, $3, $3, null, 1)`,
			other, fmt.Sprintf("%d@example.org", i), noon)
		exec(t, db, `insert into tenants values ($1, $2, $3, true, $4, $5, $5, $6, 1)`,
			tenant, fmt.Sprint("tenant ", i), tenant.String(), i%2 == 0, noon, other)
		exec(t, db, `insert into user_tenant_associations values ($1, $2, 'viewer', $3)`, other, tenant, noon)
	}
	exec(t, db, `insert into users values ($1, 'Ada', 'Lovelace', 'ada@example.org', true, $2, $2, null, 1)`, user, noon)
	for i, tenant := range tenants {
		// Three join at the same time, so that ids have to decide.
		exec(t, db, `insert into user_tenant_associations values ($1, $2, 'admin', $3)`,
			user, tenant, noon.Add(time.Duration(i/3)*time.Second))
	}
	return db, user, tenants
}

func TestTenantsOfUser(t *testing.T) {
	db, user, tenants := platform(t, 8)
	exec(t, db, `update tenants set is_active = false where id = $1`, tenants[5])
	got := everyPage(t, 3, func(p query.Page) (query.Listed[query.TenantOfUser], error) {
		return query.TenantsOfUser(t.Context(), db, user, p)
	})
	if len(got) != 7 {
		t.Fatalf("%d tenants, want 7", len(got))
	}
	if !slices.IsSortedFunc(got, func(a, b query.TenantOfUser) int {
		return newestFirst(a.JoinedAt, b.JoinedAt, a.ID, b.ID)
	}) {
		t.Error("not in order")
	}
	for _, tenant := range got {
		if tenant.Role != "admin" || tenant.ID == tenants[5] || tenant.CreatedAt.Location() != time.UTC {
			t.Errorf("tenant %+v", tenant)
		}
	}
	one, err := query.TenantOfUserByID(t.Context(), db, user, got[0].ID)
	if diff := cmp.Diff(got[0], one); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := query.TenantOfUserByID(t.Context(), db, uuid.New(), tenants[0]); !errors.Is(err, query.ErrNotFound) {
		t.Errorf("error %v, want ErrNotFound", err)
	}
}

func TestMembership(t *testing.T) {
	db, user, tenants := platform(t, 2)
	got, err := query.Membership(t.Context(), db, user, tenants[1])
	want := query.Access{Role: "admin", TenantActive: true, TenantReady: false}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := query.Membership(t.Context(), db, uuid.New(), tenants[1]); !errors.Is(err, query.ErrNotFound) {
		t.Errorf("error %v, want ErrNotFound", err)
	}
	tenant, err := query.TenantByID(t.Context(), db, tenants[1])
	if err != nil || tenant.Name != "tenant 1" || tenant.IsReady {
		t.Errorf("tenant %+v, %v", tenant, err)
	}
	members := everyPage(t, 1, func(p query.Page) (query.Listed[query.Member], error) {
		return query.MembersOfTenant(t.Context(), db, tenants[1], p)
	})
	if len(members) != 2 || !slices.ContainsFunc(members, func(m query.Member) bool {
		return m.UserID == user && m.Role == "admin" && m.Email == "ada@example.org"
	}) {
		t.Errorf("members %+v", members)
	}
}

func TestDocumentsAndFiles(t *testing.T) {
	db := connect(t, pgtest.Tenant(t))
	for i := range 10 {
		file, user := uuid.New(), uuid.New()
		at := noon.Add(time.Duration(i/4) * time.Second)
		exec(t, db, `insert into files values ($1, 'md5', 'sha', 'path', 7, 'ready', $2, $2, $3, 1)`, file, at, user)
		exec(t, db, `insert into documents values ($1, $2::text, 'text/plain', $3, $4, $5, $5, $4, 1, lower($2::text))`,
			uuid.New(), fmt.Sprint("name ", i), file, user, at)
	}
	documents := everyPage(t, 3, func(p query.Page) (query.Listed[query.Document], error) {
		return query.Documents(t.Context(), db, query.DocumentFilter{}, "", p)
	})
	files := everyPage(t, 4, func(p query.Page) (query.Listed[query.File], error) {
		return query.Files(t.Context(), db, query.FileFilter{}, p)
	})
	if len(documents) != 10 || len(files) != 10 {
		t.Fatalf("%d documents, %d files, want 10 each", len(documents), len(files))
	}
	if !slices.IsSortedFunc(documents, func(a, b query.Document) int {
		return newestFirst(a.CreatedAt, b.CreatedAt, a.ID, b.ID)
	}) {
		t.Error("documents not in order")
	}
	document, err := query.DocumentByID(t.Context(), db, documents[4].ID)
	if diff := cmp.Diff(documents[4], document); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if document.SHA256Hash != "sha" || document.S3Path != "path" || document.FileSize != 7 || document.Status != query.StatusReady {
		t.Errorf("document %+v", document)
	}
	file, err := query.FileByID(t.Context(), db, document.FileID)
	if err != nil || file.MD5Hash != "md5" || file.References != 1 || file.CreatedAt.Location() != time.UTC {
		t.Errorf("file %+v, %v", file, err)
	}
	if _, err := query.DocumentByID(t.Context(), db, uuid.New()); !errors.Is(err, query.ErrNotFound) {
		t.Errorf("error %v, want ErrNotFound", err)
	}
}

func TestPageLimits(t *testing.T) {
	db := connect(t, pgtest.Tenant(t))
	exec(t, db, `insert into files select gen_random_uuid(), '', '', '', 0, '', now(), now(), gen_random_uuid(), 1 from generate_series(1, 300)`)
	for asked, want := range map[int]int{-1: 50, 0: 50, 1: 1, 200: 200, 201: 200} {
		got, err := query.Files(t.Context(), db, query.FileFilter{}, query.Page{Limit: asked})
		if err != nil || len(got.Items) != want || got.Next == "" || got.Total != nil {
			t.Errorf("limit %d: %d files, cursor %q, total %v, %v; want %d", asked, len(got.Items), got.Next, got.Total, err, want)
		}
	}
	counted, err := query.Files(t.Context(), db, query.FileFilter{}, query.Page{Limit: 1, Total: true})
	if err != nil || counted.Total == nil || *counted.Total != 300 {
		t.Errorf("total %v, %v; want 300", counted.Total, err)
	}
}

func TestQueriesFailWithTheirQuestion(t *testing.T) {
	db := connect(t, pgtest.Platform(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := query.UserByID(ctx, db, uuid.New()); !errors.Is(err, context.Canceled) || errors.Is(err, query.ErrNotFound) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

// everyPage reads a list to its end and checks that no page is longer than asked for.
func everyPage[T any](t *testing.T, limit int, read func(query.Page) (query.Listed[T], error)) (all []T) {
	t.Helper()
	p := query.Page{Limit: limit}
	for {
		page, err := read(p)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Items) > limit || len(page.Items) == 0 && page.Next != "" {
			t.Fatalf("a page of %d, cursor %q", len(page.Items), page.Next)
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all
		}
		p.Cursor = page.Next
	}
}

func newestFirst(a, b time.Time, idA, idB uuid.UUID) int {
	if c := b.Compare(a); c != 0 {
		return c
	}
	return slices.Compare(idB[:], idA[:])
}
