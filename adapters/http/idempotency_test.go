package httpapi_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
)

func key(name string) header { return header{"Idempotency-Key", name} }

// same checks that an answer repeats another.
func (a answer) same(b answer) {
	a.t.Helper()
	if a.status != b.status || string(a.raw) != string(b.raw) {
		a.t.Errorf("the repetition differs:\n%d %s\n%d %s", a.status, a.raw, b.status, b.raw)
	}
	if b.header.Get("Idempotent-Replayed") != "true" {
		a.t.Error("the repetition does not say that it is one")
	}
}

func TestRepetitionsGetTheFirstAnswer(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	document := tenant + "/documents/" + ada.upload(tenant, []part{file("a.pdf", "x")}).want(201).text("id")
	for name, test := range map[string]struct{ first, other func() answer }{
		"tenant": {
			func() answer { return ada.post("/api/tenants", object{"name": "A"}, key("tenant")) },
			func() answer { return ada.post("/api/tenants", object{"name": "B"}, key("tenant")) },
		},
		"profile": {
			func() answer { return ada.put("/api/users/me", object{"last_name": "A"}, key("profile")) },
			func() answer { return ada.put("/api/users/me", object{"last_name": "B"}, key("profile")) },
		},
		"rename": {
			func() answer { return ada.put(document, object{"filename": "b.pdf"}, key("rename")) },
			func() answer { return ada.put(document, object{"filename": "c.pdf"}, key("rename")) },
		},
		"upload": {
			func() answer { return ada.upload(tenant, []part{file("u.pdf", "bytes")}, key("upload")) },
			func() answer { return ada.upload(tenant, []part{file("u.pdf", "other bytes")}, key("upload")) },
		},
		"upload, other name": {
			func() answer { return ada.upload(tenant, []part{file("v.pdf", "bytes")}, key("upload2")) },
			func() answer { return ada.upload(tenant, []part{file("w.pdf", "bytes")}, key("upload2")) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := head(w, id)
			first := test.first()
			if first.status >= 300 {
				t.Fatalf("%d %s", first.status, first.raw)
			}
			after := head(w, id)
			first.same(test.first())
			test.other().wantError(http.StatusUnprocessableEntity, "IDEMPOTENCY_KEY_REUSED")
			first.same(test.first())
			if now := head(w, id); now != after || name == "rename" && after == before {
				t.Errorf("the ledger went from %d to %d to %d", before, after, now)
			}
		})
	}
	gone := ada.delete(document, key("delete")).want(http.StatusNoContent)
	gone.same(ada.delete(document, key("delete")))
	ada.delete(document, key("delete2")).wantError(http.StatusNotFound, "NOT_FOUND")
	// A key is its owner's.
	eve := w.newPerson("eve")
	if got := eve.post("/api/tenants", object{"name": "B"}, key("tenant")).want(201); got.header.Get("Idempotent-Replayed") != "" {
		t.Error("eve got ada's answer")
	}
}

func head(w *world, ledger uuid.UUID) int64 {
	w.t.Helper()
	seq, err := w.ledger.Head(w.t.Context(), ledger)
	w.must(err)
	return seq
}

func TestARepeatedRegistration(t *testing.T) {
	w := setup(t)
	body := func(pw string) object {
		return object{"email": "ada@example.org", "first_name": "A", "last_name": "B", "password": pw}
	}
	p := w.anonymous()
	first := p.post("/api/auth/register", body("8 chars!"), key("k")).want(http.StatusCreated)
	first.same(p.post("/api/auth/register", body("8 chars!"), key("k")))
	p.post("/api/auth/register", body("another password"), key("k")).wantError(http.StatusUnprocessableEntity, "IDEMPOTENCY_KEY_REUSED")
	p.post("/api/auth/register", body("8 chars!"), key("l")).wantError(http.StatusConflict, "EMAIL_TAKEN")
	p.post("/api/auth/login", object{"email": "ada@example.org", "password": "8 chars!"}).want(http.StatusOK)
	var credentials int
	w.must(w.pool.QueryRow(t.Context(), "select count(*) from identity.credentials").Scan(&credentials))
	if credentials != 1 {
		t.Errorf("%d password hashes were kept for one account", credentials)
	}
}

// insist sends a request again as long as one with its key is under way.
func insist(t *testing.T, send func() answer) answer {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		a := send()
		if a.status != http.StatusConflict {
			return a
		}
		a.wantError(http.StatusConflict, "IDEMPOTENCY_IN_FLIGHT")
		if a.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		if time.Now().After(deadline) {
			t.Fatal("it stays under way")
		}
	}
}

func TestAKeySentManyTimesAtOnce(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	answers := make([]answer, 12)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			answers[i] = insist(t, func() answer { return ada.upload(tenant, []part{file("a.pdf", "bytes")}, key("k")) })
		})
	}
	wg.Wait()
	for _, a := range answers {
		if a.want(http.StatusCreated); string(a.raw) != string(answers[0].raw) {
			t.Errorf("answers differ:\n%s\n%s", a.raw, answers[0].raw)
		}
	}
	if items := ada.get(tenant + "/documents").items(); len(items) != 1 {
		t.Errorf("%d documents", len(items))
	}
	if objects := w.objects(command.TenantPrefix(id)); len(objects) != 1 {
		t.Errorf("objects: %v", objects)
	}
	download := ada.get(tenant + "/documents/" + answers[0].text("id") + "/download").want(http.StatusFound)
	if _, body := w.fetch(download.header.Get("Location")); string(body) != "bytes" {
		t.Errorf("downloaded %q", body)
	}
}

// The derivation that the contract tells clients.
func TestCommandIDsAreMadeAsTheContractSays(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	ada.upload(tenant, []part{file("a.pdf", "bytes")}, key("k")).want(http.StatusCreated)
	h := sha256.New()
	h.Write([]byte("cartulary command\x00"))
	h.Write(id[:])
	h.Write(ada.id[:])
	h.Write([]byte("k"))
	want := uuid.UUID(h.Sum(nil)[:16])
	want[6], want[8] = want[6]&0x0f|0x80, want[8]&0x3f|0x80
	var found bool
	w.must(w.pool.QueryRow(t.Context(),
		"select exists (select from ledger.commands where ledger_id = $1 and command_id = $2)", id, want).Scan(&found))
	if !found {
		t.Errorf("no command %s", want)
	}
}

// slowUpload is an upload of which only the beginning was sent.
type slowUpload struct {
	into   *io.PipeWriter
	rest   []byte
	status chan int // 0 if there was no answer
}

func (p *person) beginUpload(tenant, key string, parts ...part) slowUpload {
	p.w.t.Helper()
	body, media := form(p.w.t, parts...)
	whole, err := io.ReadAll(body)
	p.w.must(err)
	from, into := io.Pipe()
	p.w.t.Cleanup(func() { _ = into.CloseWithError(io.ErrClosedPipe) })
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, p.w.server.URL+tenant+"/documents", from)
	p.w.must(err)
	request.Header.Set("Authorization", "Bearer "+p.access)
	request.Header.Set(media.name, media.value)
	request.Header.Set("Idempotency-Key", key)
	u := slowUpload{into: into, rest: whole[20:], status: make(chan int, 1)}
	go func() {
		response, err := p.w.server.Client().Transport.RoundTrip(request)
		if err != nil {
			u.status <- 0
			return
		}
		_ = response.Body.Close()
		u.status <- response.StatusCode
	}()
	_, err = into.Write(whole[:20])
	p.w.must(err)
	p.w.until(func() bool { return p.w.underWay() > 0 })
	return u
}

// While an upload is under way, a second with its key is told so, by this process
// and by another; others are not held up; and when it was cut off, it may be sent
// again.
func TestAKeyWhoseFirstRequestIsUnderWay(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	there := ada.at(w.another())
	parts, others := []part{file("a.pdf", "bytes")}, []part{file("a.pdf", "other bytes")}
	for name, finished := range map[string]bool{"finished": true, "cut off": false} {
		w.until(func() bool { return w.underWay() == 0 })
		first := ada.beginUpload(tenant, name, parts...)
		ada.upload(tenant, parts, key(name)).wantError(http.StatusConflict, "IDEMPOTENCY_IN_FLIGHT")
		there.upload(tenant, parts, key(name)).wantError(http.StatusConflict, "IDEMPOTENCY_IN_FLIGHT")
		ada.upload(tenant, parts, key(name+", another")).want(http.StatusCreated)
		if finished {
			_, err := first.into.Write(first.rest)
			w.must(errors.Join(err, first.into.Close()))
		} else {
			w.must(first.into.CloseWithError(io.ErrClosedPipe)) // the client cuts the connection
		}
		if status := <-first.status; finished && status != http.StatusCreated {
			t.Errorf("the first was answered %d", status)
		}
		again := insist(t, func() answer { return there.upload(tenant, parts, key(name)) }).want(http.StatusCreated)
		if replayed := again.header.Get("Idempotent-Replayed") == "true"; replayed != finished {
			t.Errorf("%s: replayed: %v", name, replayed)
		}
		insist(t, func() answer { return ada.upload(tenant, others, key(name)) }).
			wantError(http.StatusUnprocessableEntity, "IDEMPOTENCY_KEY_REUSED")
	}
}

// underWay counts the requests that processes on the world's database hold.
func (w *world) underWay() int {
	w.t.Helper()
	var n int
	w.must(w.pool.QueryRow(context.Background(), `
select count(*) from pg_locks l join pg_database d on d.oid = l.database
where l.locktype = 'advisory' and d.datname = current_database()`).Scan(&n))
	return n
}
