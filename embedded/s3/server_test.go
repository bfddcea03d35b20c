package s3_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	store "github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/embedded/s3"
	"github.com/cartulary/cartulary/internal/dirlock"
)

const patience = time.Minute

func start(t *testing.T, dir string) (*s3.Server, *store.Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cfg := s3.Config{Dir: dir, AccessKey: "access", SecretKey: "secret-of-one-test", Bucket: "documents", Region: "eu-west-1"}
	server, err := s3.Start(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	client, err := store.New(ctx, store.Config{
		Endpoint: server.Endpoint(), AccessKey: cfg.AccessKey, SecretKey: cfg.SecretKey,
		Bucket: cfg.Bucket, Region: cfg.Region, PathStyle: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return server, client
}

// The server changes the working directory, which the test gives back.
func restoreDir(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
}

func TestObjectsSurviveARestart(t *testing.T) {
	for name, prepare := range map[string]func(*testing.T, string){
		"as the file system has it": func(*testing.T, string) {},
		"attributes in files beside": func(t *testing.T, dir string) {
			t.Helper()
			if err := os.MkdirAll(filepath.Join(dir, "metadata"), 0o700); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			restoreDir(t)
			dir := t.TempDir()
			prepare(t, dir)
			content := bytes.Repeat([]byte("document"), 2<<20) // two parts
			server, client := start(t, dir)
			want, err := client.Put(t.Context(), "tenants/a/b", "application/pdf", bytes.NewReader(content), 1<<30)
			if err != nil {
				t.Fatal(err)
			}
			if err := client.Copy(t.Context(), "tenants/a/b", "tenants/a/c"); err != nil {
				t.Fatal(err)
			}
			if err := server.Close(); err != nil {
				t.Fatal(err)
			}
			server, client = start(t, dir)
			for _, key := range []string{"tenants/a/b", "tenants/a/c"} {
				if got, err := client.Verify(t.Context(), key); err != nil || got != want {
					t.Errorf("%s: %+v, %v, want %+v", key, got, err, want)
				}
			}
			if err := server.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestOneOwnerAtATime(t *testing.T) {
	restoreDir(t)
	dir := t.TempDir()
	server, _ := start(t, dir)
	if _, err := s3.Start(t.Context(), s3.Config{Dir: dir}); !errors.Is(err, dirlock.ErrHeld) {
		t.Errorf("second owner: %v, want ErrHeld", err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-server.Done():
	default:
		t.Error("Done is open after Close")
	}
}

func TestStrangersAreKeptOut(t *testing.T) {
	restoreDir(t)
	server, _ := start(t, t.TempDir())
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.Endpoint()+"/documents?list-type=2", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("%s, want 403", response.Status)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
}

// What breaks off is refused, and is never an object, not even later.
func TestBodiesThatBreakOffAreNotStored(t *testing.T) {
	restoreDir(t)
	server, client := start(t, t.TempDir())
	const key, length = "tenants/a/b", 1 << 20
	put, headers, err := client.PresignPut(t.Context(), key, "text/plain", length, "", patience)
	if err != nil {
		t.Fatal(err)
	}
	upload, err := client.BeginParts(t.Context(), key, "text/plain")
	if err != nil {
		t.Fatal(err)
	}
	part, _, err := client.PresignPart(t.Context(), key, upload, 1, length, patience)
	if err != nil {
		t.Fatal(err)
	}
	for _, sent := range []int{length / 2, length - 1} {
		if status := breakOff(t, put, headers, length, sent); status != http.StatusBadRequest {
			t.Errorf("an object, after %d bytes: %d", sent, status)
		}
		if status := breakOff(t, part, nil, length, sent); status != http.StatusBadRequest {
			t.Errorf("a part, after %d bytes: %d", sent, status)
		}
	}
	if _, err := client.Head(t.Context(), key); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%v, want ErrNotFound", err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
}

// breakOff sends the first bytes of a body, and nothing behind them, and returns the
// answer's status.
func breakOff(t *testing.T, link string, headers http.Header, length, sent int) int {
	t.Helper()
	target, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", target.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, err = fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", target.RequestURI(), target.Host, length)
	err = errors.Join(err, headers.Write(conn))
	_, sendErr := conn.Write(append([]byte("\r\n"), make([]byte, sent)...))
	half, ok := conn.(*net.TCPConn)
	if err = errors.Join(err, sendErr, conn.SetReadDeadline(time.Now().Add(patience))); err != nil || !ok {
		t.Fatal(err)
	}
	if err = half.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

func TestStartWithoutCredentials(t *testing.T) {
	restoreDir(t)
	if _, err := s3.Start(t.Context(), s3.Config{Dir: t.TempDir(), Bucket: "documents"}); err == nil {
		t.Error("started")
	}
}
