package s3_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/internal/s3test"
)

// before answers requests with what is behind it, which sees them as they came, unless
// refuses answers them.
func before(t *testing.T, endpoint string, refuses func(http.ResponseWriter, *http.Request) bool) http.Handler {
	t.Helper()
	behind, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(behind)
		r.Out.Host = r.In.Host // is signed
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !refuses(w, r) {
			proxy.ServeHTTP(w, r)
		}
	})
}

func denied(w http.ResponseWriter) bool {
	w.WriteHeader(http.StatusForbidden)
	_, _ = io.WriteString(w, `<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>`)
	return true
}

// Who may only read, or only add, is told so at once, and not at the first upload.
func TestABucketThatCannotBeUsedIsRefused(t *testing.T) {
	server := s3test.Start(t)
	for method, says := range map[string]string{
		http.MethodHead:   "the credentials may not use it",
		http.MethodPut:    "no object can be stored and removed",
		http.MethodDelete: "no object can be stored and removed",
	} {
		refusing := httptest.NewServer(before(t, server.Endpoint, func(w http.ResponseWriter, r *http.Request) bool {
			return r.Method == method && denied(w)
		}))
		cfg := config(server)
		cfg.Endpoint = refusing.URL
		_, err := s3.New(t.Context(), cfg)
		refusing.Close()
		if err == nil || !strings.Contains(err.Error(), "bucket "+s3test.Bucket+": "+says) || !strings.Contains(err.Error(), "403") {
			t.Errorf("%s refused: got %v", method, err)
		}
	}
}

// The variables that a process of [TestAStoreBehindTLSWithBucketsAsHosts] is told by.
const (
	asProcess  = "CARTULARY_S3_SETTINGS_TEST"
	privateURL = "https://" + s3test.Domain
)

// A store that is reached over TLS, with a certificate of a private authority, and has
// its buckets in the names of hosts. What decides is read once by a process, from its
// environment, so that one of its own opens the store.
func TestAStoreBehindTLSWithBucketsAsHosts(t *testing.T) {
	if os.Getenv(asProcess) != "" {
		openPrivate(t)
		return
	}
	server := s3test.Start(t)
	hosts := make(chan string, 100)
	front := httptest.NewUnstartedServer(before(t, server.Endpoint, func(_ http.ResponseWriter, r *http.Request) bool {
		hosts <- r.Host
		return false
	}))
	authority, certificate := privateAuthority(t, s3test.Domain, "*."+s3test.Domain)
	front.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	front.StartTLS()
	defer front.Close()
	way := httptest.NewServer(tunnelTo(front.Listener.Addr().String()))
	defer way.Close()

	open := func(more ...string) string {
		c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		c.Env = append(append(os.Environ(), asProcess+"=1", "HTTPS_PROXY="+way.URL, "NO_PROXY="), more...)
		out, _ := c.CombinedOutput()
		return string(out)
	}
	if out := open("SSL_CERT_FILE=" + authority); !strings.Contains(out, "--- PASS") {
		t.Errorf("trusted: %s", out)
	}
	close(hosts)
	asked := 0
	for host := range hosts {
		if asked++; host != s3test.Bucket+"."+s3test.Domain {
			t.Errorf("asked for %s", host)
		}
	}
	if asked == 0 {
		t.Error("nobody asked")
	}
	if out := open(); !strings.Contains(out, "certificate signed by unknown authority") {
		t.Errorf("not trusted: %s", out)
	}
}

// openPrivate opens the store, and stores and reads an object.
func openPrivate(t *testing.T) {
	t.Helper()
	store, err := s3.New(t.Context(), s3.Config{
		Endpoint: privateURL, AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey, Bucket: s3test.Bucket, Region: s3test.Region,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.PutSized(t.Context(), "a/b", "text/plain", strings.NewReader("bytes"), 5); err != nil {
		t.Fatal(err)
	}
	if o, err := store.Head(t.Context(), "a/b"); err != nil || o.Size != 5 {
		t.Errorf("got %+v, %v", o, err)
	}
}

// tunnelTo is a proxy from which every tunnel leads to one address.
func tunnelTo(address string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		var dialer net.Dialer
		there, err := dialer.DialContext(r.Context(), "tcp", address)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer func() { _ = there.Close() }()
		here, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = here.Close() }()
		_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(there, here) }()
		_, _ = io.Copy(here, there)
	})
}

// privateAuthority makes an authority, whose certificate lies in a file, and a
// certificate of hers for names.
func privateAuthority(t *testing.T, names ...string) (file string, certificate tls.Certificate) {
	t.Helper()
	tomorrow := time.Now().Add(24 * time.Hour)
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: tomorrow,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: names[0]}, NotBefore: root.NotBefore, NotAfter: tomorrow, DNSNames: names,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	rootKey, leafKey := newKey(t), newKey(t)
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, rootKey.Public(), rootKey)
	if err != nil {
		t.Fatal(err)
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, root, leafKey.Public(), rootKey)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: rootDER}); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "authority.pem")
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, tls.Certificate{Certificate: [][]byte{leafDER}, PrivateKey: leafKey}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
