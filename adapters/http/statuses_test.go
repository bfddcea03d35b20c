package httpapi_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	httpapi "github.com/cartulary/cartulary/adapters/http"
	"github.com/cartulary/cartulary/events"
)

// witnessed are the statuses that operations were seen to answer with, by the
// contract's names, over all tests of this package.
var witnessed struct {
	sync.Mutex

	statuses map[string]map[int]bool
}

func witness(operation string, status int) {
	witnessed.Lock()
	defer witnessed.Unlock()
	if witnessed.statuses == nil {
		witnessed.statuses = make(map[string]map[int]bool)
	}
	if witnessed.statuses[operation] == nil {
		witnessed.statuses[operation] = make(map[int]bool)
	}
	witnessed.statuses[operation][status] = true
}

// unseen lists what the contract documents and no test saw. It is empty unless all
// tests of this package ran.
func unseen() (list []string) {
	for _, o := range operations() {
		for _, status := range slices.Sorted(maps.Keys(o.Responses.Map())) {
			var n int
			if _, err := fmt.Sscan(status, &n); err != nil || !witnessed.statuses[o.OperationID][n] {
				list = append(list, o.name()+": "+status)
			}
		}
	}
	return list
}

// everythingRan reports whether no test was left out.
func everythingRan() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return false
		}
	}
	return true
}

// checkStatuses fails the run of all tests if a documented status was not seen.
func checkStatuses(out io.Writer, code int) int {
	if code != 0 || !everythingRan() {
		return code
	}
	list := unseen()
	if len(list) == 0 {
		return code
	}
	_, _ = fmt.Fprintf(out, "documented, but answered in no test:\n  %s\n", strings.Join(list, "\n  "))
	return 1
}

// mood makes every operation answer alike.
type mood struct {
	refuse atomic.Bool
	panics atomic.Bool
}

// Take implements httpapi.Limiter.
func (m *mood) Take(context.Context, string) httpapi.Allowance {
	if m.panics.Load() {
		panic("planted")
	}
	return httpapi.Allowance{Allowed: !m.refuse.Load(), Limit: 1, Window: time.Hour, RetryAfter: time.Second, Reset: time.Second}
}

// What every operation answers in the same situation, for all that document it.
func TestSituationsThatOperationsShare(t *testing.T) {
	m := &mood{}
	w := setup(t, func(c *httpapi.Config) { c.Limiter, c.Docs = m, true })
	s := newScene(w)
	for _, o := range operations() {
		t.Run(o.name(), func(t *testing.T) {
			s.within(t)
			p := s.admin
			if !o.ofTenant() && !o.open() {
				p = s.newPerson("spent-" + uuid.NewString())
			}
			s.malformed(t, o, p)
			s.unlucky(o, p, m)
			s.polite(o, p)
			s.busy(o, p)
		})
	}
	s.ghosts()
	s.failedFile()
	w.must(pgRefuse(w))
	defer func() { w.must(pgAdmit(w)) }()
	w.until(func() bool { return s.admin.get("/api/users/me").status == http.StatusServiceUnavailable })
	for _, o := range operations() {
		if o.documents("503") && o.OperationID != "readyz" {
			p := s.admin
			r := sample{method: o.method, path: strings.NewReplacer(
				"{tenant_id}", s.tenant.String(), "{document_id}", uuid.NewString(), "{user_id}", uuid.NewString(),
				"{session_id}", uuid.NewString(), "{file_id}", uuid.NewString(), "{upload_id}", "away").Replace(o.path)}
			if o.json() != nil {
				r.media, r.body = "application/json", s.refusedBody(o, p)
			}
			w.until(func() bool { return p.send(r).status == http.StatusServiceUnavailable }) // sessions are remembered for a second
		}
	}
}

// refusedBody is a body for a request that finds the main database away.
func (s *scene) refusedBody(o operation, p *person) []byte {
	if o.OperationID == "addMember" {
		return []byte(`{"user_id":"` + uuid.NewString() + `","role":"user"}`)
	}
	return s.json(o, p)
}

// malformed sends what is no request of the operation.
func (s *scene) malformed(t *testing.T, o operation, p *person) {
	t.Helper()
	r := s.sample(o, p)
	if o.documents("401") && !o.open() {
		s.nobody.send(r).want(http.StatusUnauthorized)
	}
	if o.documents("400") {
		p.send(s.broken(t, o, r)).want(http.StatusBadRequest)
	}
	if o.json() == nil {
		return
	}
	wrong := r
	wrong.media = "text/plain"
	p.send(wrong).want(http.StatusUnsupportedMediaType)
	large := r
	large.body = bytes.Repeat([]byte(" "), httpapi.MaxBody+1)
	p.send(large).want(http.StatusRequestEntityTooLarge)
}

// broken makes a sample that the contract forbids.
func (s *scene) broken(t *testing.T, o operation, r sample) sample {
	t.Helper()
	switch {
	case o.json() != nil:
		r.body = []byte(`{"no_such_field": 1}`)
	case o.ofTenant():
		r = r.in(s.tenant, "malformed")
	case strings.Contains(o.path, "{name}"):
		r.path = strings.Replace(o.path, "{name}", strings.Repeat("x", 65), 1)
	case strings.Contains(o.path, "{session_id}"):
		r.path = strings.Replace(o.path, "{session_id}", "malformed", 1)
	case o.parameters.GetByInAndName("query", "limit") != nil:
		r.path += "?limit=0"
	case o.takes("Consistency-Token"):
		return sample{method: r.method, path: r.path, headers: []header{{"Consistency-Token", "malformed"}}}
	case o.takes("Idempotency-Key"):
		r.headers = []header{{"Idempotency-Key", " "}}
	default:
		t.Fatalf("no way to break %s", o.name())
	}
	return r
}

// missing makes a sample for what is not there.
func (s *scene) missing(o operation, r sample) sample {
	r.path = strings.NewReplacer("{session_id}", uuid.NewString(), "{name}", "nothing.js").Replace(o.path)
	return r
}

// unlucky sends requests that are not to blame.
func (s *scene) unlucky(o operation, p *person, m *mood) {
	r := s.sample(o, p)
	if o.documents("404") && !o.ofTenant() && strings.Contains(o.path, "{") {
		p.send(s.missing(o, r)).want(http.StatusNotFound)
	}
	if o.documents("429") && o.OperationID != "login" {
		m.refuse.Store(true)
		p.send(r).want(http.StatusTooManyRequests)
		m.refuse.Store(false)
	}
	if o.documents("500") {
		m.panics.Store(true)
		p.send(r).want(http.StatusInternalServerError)
		m.panics.Store(false)
	}
}

// polite sends requests with the headers that the operation takes.
func (s *scene) polite(o operation, p *person) {
	if o.documents("304") {
		p.send(s.sample(o, p), header{"If-None-Match", "*"}).want(http.StatusNotModified)
	}
	if o.documents("412") && o.takes("If-Match") {
		p.send(s.sample(o, p), header{"If-Match", `"9999"`}).want(http.StatusPreconditionFailed)
	}
	if o.documents("202") && !o.ends() {
		p.send(s.sample(o, p), header{"Prefer", "respond-async, wait=0"}).want(http.StatusAccepted)
		s.follow(s.tenant)
		if o.OperationID == "deleteTenant" {
			s.open()
		}
	}
	if o.documents("204") && o.documents("200") {
		p.send(s.sample(o, p), header{"Prefer", "return=minimal"}).want(http.StatusNoContent)
	}
	if o.documents("422") && o.takes("Idempotency-Key") && !o.ends() {
		s.reuse(o, p)
	}
}

// reuse sends an idempotency key with one payload, and then with another.
func (s *scene) reuse(o operation, p *person) {
	key := header{"Idempotency-Key", uuid.NewString()}
	first := s.sample(o, p)
	other := first
	switch {
	case o.OperationID == "changePassword": // passwords are not remembered, not even hashed
		first = sample{method: "PUT", path: "/api/users/me", media: "application/json", body: []byte(`{"first_name":"Augusta"}`)}
	case o.OperationID == "register":
		other.body = bytes.Replace(first.body, []byte("Lovelace"), []byte("King"), 1)
	case o.json() != nil:
		other.body = append(bytes.Clone(first.body), ' ')
	case o.RequestBody != nil:
		other = s.sample(o, p)
	default: // a request of another operation
		first = sample{
			method: "PUT", path: "/api/tenants/" + s.tenant.String(), media: "application/json",
			body: []byte(`{"name":"` + uuid.NewString() + `"}`),
		}
	}
	p.send(first, key)
	p.send(other, key).want(http.StatusUnprocessableEntity)
}

// busy sends a key again while its first request is under way: that waits for read
// models, which do not follow.
func (s *scene) busy(o operation, p *person) {
	if !o.documents("409") || !o.takes("Idempotency-Key") || o.open() {
		return
	}
	key := header{"Idempotency-Key", uuid.NewString()}
	r := s.sample(o, p)
	if !o.takes("Prefer") { // waits for nothing: a crowd has to meet
		s.until(func() bool {
			var crowd sync.WaitGroup
			var met atomic.Bool
			for range 8 {
				crowd.Go(func() {
					if p.send(r, key).status == http.StatusConflict {
						met.Store(true)
					}
				})
			}
			crowd.Wait()
			return met.Load()
		})
		return
	}
	s.hold.Store(true)
	defer s.hold.Store(false)
	var first sync.WaitGroup
	first.Go(func() { // which may find one of the others under way
		for range 100 {
			if p.send(r, key, header{"Prefer", "wait=1"}).status != http.StatusConflict {
				return
			}
		}
	})
	s.until(func() bool {
		<-time.After(5 * time.Millisecond) // in which the first gets its turn
		return p.send(r, key, header{"Prefer", "wait=0"}).status == http.StatusConflict
	})
	first.Wait()
	s.hold.Store(false)
	s.follow(s.tenant)
	s.follow(events.PlatformLedger)
	if o.OperationID == "deleteTenant" {
		s.open()
	}
}

// ghosts has somebody ask who is signed in, but not registered.
func (s *scene) ghosts() {
	for _, o := range operations() {
		if o.ofTenant() || o.open() || !o.documents("404") || strings.HasPrefix(o.path, "/api/demo/") || strings.Contains(o.path, "{") {
			continue
		}
		ghost := s.newPerson("ghost-" + uuid.NewString())
		r := s.sample(o, ghost)
		ghost.id = uuid.New()
		session := uuid.New()
		tokens, err := s.signer.Issue(ghost.id, session)
		s.must(err)
		ghost.access = tokens.Access
		_, err = s.pool.Exec(s.t.Context(), `
			insert into identity.sessions (id, user_id, refresh_hash, expires_at) values ($1, $2, '', now() + interval '1 hour')`,
			session, ghost.id)
		s.must(err)
		ghost.send(r).want(http.StatusNotFound)
	}
}

// failedFile asks for a document whose bytes are not what was received.
func (s *scene) failedFile() {
	tenant := "/api/tenants/" + s.tenant.String()
	document, _ := s.failing(s.tenant, "planted")
	s.admin.get(tenant+"/documents/"+document+"/download").wantError(http.StatusConflict, "FILE_FAILED")
	s.admin.get(tenant + "/archive?ids=" + document).want(http.StatusConflict)
}

// ends reports whether the caller is gone afterwards.
func (o operation) ends() bool {
	return slices.Contains([]string{"eraseMe", "logout", "logoutEverywhere"}, o.OperationID)
}
