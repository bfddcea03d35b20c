package s3_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cartulary/cartulary/adapters/s3"
)

// asked is a store that takes everything, and remembers how it was asked to encrypt.
type asked struct {
	mu       sync.Mutex
	fail     int  // so many requests are answered 503 first
	still    bool // it stands still
	requests int
	keys     []string // of requests that make objects
}

func (a *asked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	if a.counted() {
		stand(w, r)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fail > 0 {
		a.fail--
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if r.Method == http.MethodPut {
		a.keys = append(a.keys, r.Header.Get("X-Amz-Server-Side-Encryption")+" "+r.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"))
	}
}

// standStill has the store stand still from now on, and count anew.
func (a *asked) standStill() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.still, a.requests = true, 0
}

// count returns how many requests there were.
func (a *asked) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.requests
}

// counted counts a request, and tells whether the store stands still.
func (a *asked) counted() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests++
	return a.still
}

// stand answers nothing, or not all, until nobody waits any more.
func stand(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		w.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
	}
	<-r.Context().Done()
}

func openAsked(t *testing.T, a *asked, change func(*s3.Config)) *s3.Store {
	t.Helper()
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	cfg := s3.Config{Endpoint: server.URL, AccessKey: "a", SecretKey: "s", Bucket: "documents", Region: "eu-west-1", PathStyle: true}
	change(&cfg)
	store, err := s3.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestNewObjectsAreEncryptedAsIsSaid(t *testing.T) {
	a := &asked{}
	store := openAsked(t, a, func(c *s3.Config) { c.SSE, c.KMSKey = s3.SSEKMS, "alias/documents" })
	if _, err := store.Put(t.Context(), key, "text/plain", strings.NewReader("x"), 10); err != nil {
		t.Fatal(err)
	}
	if _, err := store.PutSized(t.Context(), key, "text/plain", noise(part), part); err != nil {
		t.Fatal(err)
	}
	_, headers, err := store.PresignPut(t.Context(), key, "text/plain", 1, "", time.Minute)
	if err != nil || headers.Get("X-Amz-Server-Side-Encryption") != s3.SSEKMS {
		t.Errorf("a link asks for %v, %v", headers, err)
	}
	if len(a.keys) != 3 { // the probe, and two objects
		t.Errorf("%d objects", len(a.keys))
	}
	for _, got := range a.keys {
		if got != "aws:kms alias/documents" {
			t.Errorf("asked for %q", got)
		}
	}
}

func TestAStoreThatFailsIsAskedAgain(t *testing.T) {
	a := &asked{}
	store := openAsked(t, a, func(*s3.Config) {})
	a.fail, a.requests = 2, 0
	if _, err := store.Put(t.Context(), key, "text/plain", strings.NewReader("x"), 10); err != nil || a.requests != 3 {
		t.Errorf("%v after %d requests", err, a.requests)
	}
	// What streams through can't be sent twice.
	a.fail, a.requests = 1, 0
	if _, err := store.PutSized(t.Context(), key, "text/plain", noise(part), part); err == nil || a.requests != 2 {
		t.Errorf("%v after %d requests, of which one removes what may have arrived", err, a.requests)
	}
}
