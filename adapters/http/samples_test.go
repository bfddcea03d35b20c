package httpapi_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"

	cartulary "github.com/cartulary/cartulary"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// operation is one of the contract's, of which tests are made.
type operation struct {
	*openapi3.Operation

	method, path string
	parameters   openapi3.Parameters // those of the path included
}

func (o operation) name() string { return o.method + " " + o.path }

func (o operation) ofTenant() bool { return strings.Contains(o.path, "{tenant_id}") }

// open reports whether nobody needs to sign in for it.
func (o operation) open() bool { return o.Security != nil && len(*o.Security) == 0 }

// command reports whether it takes an Idempotency-Key.
func (o operation) takes(name string) bool { return o.parameters.GetByInAndName("header", name) != nil }

func (o operation) json() *openapi3.Schema {
	if o.RequestBody == nil || o.RequestBody.Value.Content["application/json"] == nil {
		return nil
	}
	return o.RequestBody.Value.Content["application/json"].Schema.Value
}

// tus reports whether it is spoken as tus has it.
func (o operation) tus() bool {
	tus, _ := o.Extensions["x-tus"].(bool)
	return tus
}

// documents reports whether the contract has an answer with the status.
func (o operation) documents(status string) bool { return o.Responses.Value(status) != nil }

// operations returns all of the contract, by path and method.
func operations() (list []operation) {
	doc, err := openapi3.NewLoader().LoadFromData([]byte(cartulary.Contract()))
	if err != nil {
		return nil // which tests of the contract tell
	}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		item := doc.Paths.Value(path)
		for _, method := range slices.Sorted(maps.Keys(item.Operations())) {
			op := item.Operations()[method]
			list = append(list, operation{op, method, path, append(slices.Clone(item.Parameters), op.Parameters...)})
		}
	}
	return list
}

// scene is a tenant with one person of every kind.
type scene struct {
	*world

	admin, user, viewer, auditor, removed, stranger, nobody *person

	tenant  uuid.UUID
	foreign uuid.UUID // of the stranger
}

func newScene(w *world) *scene {
	s := &scene{
		world: w,
		admin: w.newPerson("admin"), user: w.newPerson("user"), viewer: w.newPerson("viewer"), auditor: w.newPerson("auditor"),
		removed: w.newPerson("removed"), stranger: w.newPerson("stranger"), nobody: w.anonymous(),
	}
	_, s.foreign = s.stranger.newTenant("Foreign")
	s.open()
	return s
}

// open moves the scene to a tenant that nothing happened in yet.
func (s *scene) open() {
	s.t.Helper()
	_, s.tenant = s.admin.newTenant("Own")
	for p, role := range map[*person]events.Role{
		s.user: events.RoleUser, s.viewer: events.RoleViewer, s.auditor: events.RoleAuditor, s.removed: events.RoleAdmin,
	} {
		s.join(s.admin, s.tenant, p, role)
	}
	s.removed.get("/api/tenants/" + s.tenant.String()).want(http.StatusOK) // the process has now seen the membership
	s.expel(s.admin, s.tenant, s.removed)
	s.api.MembershipChanged(s.removed.id, s.tenant)
}

// within has failures reported by a subtest, as long as it runs.
func (s *scene) within(t *testing.T) {
	t.Helper()
	outer := s.t
	s.t = t
	t.Cleanup(func() { s.t = outer })
}

// callers names everybody.
func (s *scene) callers() map[string]*person {
	return map[string]*person{
		"admin": s.admin, "user": s.user, "viewer": s.viewer, "auditor": s.auditor,
		"removed": s.removed, "stranger": s.stranger, "nobody": s.nobody,
	}
}

// roleOf returns the role that a person has in the scene's tenant; "" if none.
func (s *scene) roleOf(p *person) events.Role {
	switch p {
	case s.admin:
		return events.RoleAdmin
	case s.user:
		return events.RoleUser
	case s.viewer:
		return events.RoleViewer
	case s.auditor:
		return events.RoleAuditor
	default:
		return ""
	}
}

// sample is a request that the contract allows, and that succeeds if its caller is
// let through. Sending it again needs another: things are spent.
type sample struct {
	method, path, media string
	body                []byte
	headers             []header
}

// sample makes a request of an operation by a person, over things that were made
// for it alone.
func (s *scene) sample(o operation, by *person) sample {
	s.t.Helper()
	r := sample{method: o.method, path: o.path}
	owner := by
	if role := s.roleOf(by); role != events.RoleAdmin && role != events.RoleUser {
		owner = s.admin
	}
	s.fill(&r, "{tenant_id}", func() string { return s.tenant.String() })
	s.fill(&r, "{document_id}", func() string { return s.document(o, owner) })
	s.fill(&r, "{user_id}", func() string { return s.member(o).String() })
	s.fill(&r, "{file_id}", func() string {
		if o.OperationID == "retryFile" {
			_, file := s.failing(s.tenant, "planted")
			return file.String()
		}
		document, file := s.filed(s.tenant)
		if o.OperationID == "deleteFile" {
			s.admin.delete("/api/tenants/" + s.tenant.String() + "/documents/" + document).want(http.StatusNoContent)
		}
		return file.String()
	})
	s.fill(&r, "{upload_id}", func() string {
		if o.tus() {
			return path.Base(owner.beginTus("/api/tenants/"+s.tenant.String(), "a.pdf", 5))
		}
		b := owner.announce("/api/tenants/"+s.tenant.String(), requestFor("bytes", nil))
		s.send(b.parts[0], []byte("bytes"))
		return path.Base(b.path)
	})
	s.fill(&r, "{session_id}", func() string {
		items := by.get("/api/users/me/sessions").want(http.StatusOK).items()
		id, _ := items[0]["id"].(string)
		return id
	})
	s.fill(&r, "{name}", func() string { return "start.js" })
	if o.OperationID == "releaseTenant" {
		s.admin.put("/api/tenants/"+s.tenant.String()+"/hold", object{"reason": "A case"}).want(http.StatusOK)
	}
	query := url.Values{}
	for _, p := range o.parameters {
		if p.Value.In == "query" && p.Value.Required {
			query.Set(p.Value.Name, "1")
			if p.Value.Name == "ids" {
				query.Set("ids", s.document(o, owner))
			}
		}
	}
	if len(query) > 0 {
		r.path += "?" + query.Encode()
	}
	if o.tus() {
		r.headers = tusHeaders(o)
	}
	switch {
	case o.json() != nil:
		r.media, r.body = "application/json", s.json(o, by)
	case o.RequestBody != nil && o.RequestBody.Value.Content[mediaTus] != nil:
		r.media, r.body = mediaTus, []byte("bytes")
	case o.RequestBody != nil && o.RequestBody.Value.Content["multipart/form-data"] != nil:
		body, media := form(s.t, file("a.pdf", uuid.NewString()))
		r.media = media.value
		r.body, _ = io.ReadAll(body)
	}
	return r
}

func (s *scene) fill(r *sample, name string, value func() string) {
	if strings.Contains(r.path, name) {
		r.path = strings.ReplaceAll(r.path, name, value())
	}
}

// document makes a document, ready for an operation.
func (s *scene) document(o operation, owner *person) string {
	tenant := "/api/tenants/" + s.tenant.String()
	id := owner.upload(tenant, []part{file("a.pdf", uuid.NewString())}).want(http.StatusCreated).text("id")
	if o.OperationID == "releaseDocument" {
		s.admin.put(tenant+"/documents/"+id+"/hold", object{"reason": "A case"}).want(http.StatusOK)
	}
	return id
}

// filed makes a document whose file has reached its final key, as the worker does.
func (s *scene) filed(tenant uuid.UUID) (document string, file uuid.UUID) {
	s.t.Helper()
	document = s.document(operation{Operation: &openapi3.Operation{}}, s.admin)
	d, err := s.app.DocumentByID(s.t.Context(), tenant, uuid.MustParse(document))
	s.must(err)
	return document, d.FileID
}

// large returns the bytes of a file that has to be staged, and verified by the worker.
func large() string { return strings.Repeat(uuid.NewString(), 10_000) }

// failing makes a document whose file failed, as the worker finds it.
func (s *scene) failing(tenant uuid.UUID, reason string) (document string, file uuid.UUID) {
	s.t.Helper()
	document = s.admin.upload("/api/tenants/"+tenant.String(), []part{{`form-data; name="file"; filename="a.pdf"`, "application/pdf", large()}}).want(http.StatusCreated).text("id")
	d, err := s.app.DocumentByID(s.t.Context(), tenant, uuid.MustParse(document))
	s.must(err)
	s.failAgain(tenant, d.FileID, reason)
	return document, d.FileID
}

// failAgain has the worker find a file on its way wanting.
func (s *scene) failAgain(tenant, file uuid.UUID, reason string) {
	s.t.Helper()
	f, err := s.app.FileByID(s.t.Context(), tenant, file)
	s.must(err)
	_, err = s.app.FailFile(s.t.Context(), command.Meta{ID: uuid.New()}, command.FailFile{
		TenantID: tenant, FileID: file, Staged: f.S3Path, Reason: reason,
	})
	s.must(err)
	s.follow(tenant)
}

// member makes a member, whom the tenant can do without.
func (s *scene) member(operation) uuid.UUID {
	p := s.newPerson("member-" + uuid.NewString())
	s.join(s.admin, s.tenant, p, events.RoleViewer)
	return p.id
}

// json makes a body of the contract's example, and of what no example can know.
func (s *scene) json(o operation, by *person) []byte {
	s.t.Helper()
	var v any
	switch o.OperationID {
	case "register":
		v = object{"email": uuid.NewString() + "@example.org", "first_name": "Ada", "last_name": "Lovelace", "password": "correct horse battery"}
	case "login":
		v = object{"email": by.email, "password": by.password}
	case "refresh":
		v = object{"refresh_token": by.refresh}
	case "changePassword":
		v = object{"current_password": by.password, "new_password": "another stable of proper horses"}
	case "holdTenant", "holdDocument":
		v = object{"reason": "A case"}
	case "eraseMe":
		v = object{"password": by.password}
	case "updateMe":
		v = object{"first_name": "Augusta"}
	case "addMember":
		v = object{"user_id": s.newPerson("joins-" + uuid.NewString()).id, "role": "viewer"}
	default:
		v = o.json().Example
	}
	b, err := json.Marshal(v)
	s.must(err)
	return b
}

// send sends a sample.
func (p *person) send(r sample, headers ...header) answer {
	p.w.t.Helper()
	headers = append(headers, r.headers...)
	if r.media != "" {
		headers = append(headers, header{"Content-Type", r.media})
	}
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	return p.do(r.method, r.path, body, headers...)
}

// in returns the sample for another tenant: an id, or what is none.
func (r sample) in(own uuid.UUID, tenant string) sample {
	r.path = strings.Replace(r.path, own.String(), tenant, 1)
	return r
}

// succeeded reports whether a status is one that the contract calls a success.
func (o operation) succeeded(status int) bool { return status >= 200 && status < 400 }
