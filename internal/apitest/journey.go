package apitest

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// MaxUpload is the largest file that is taken, in bytes.
const MaxUpload = 100 * 1024 * 1024

// File is a file to upload.
type File struct {
	Name     string
	MimeType string
	Size     int64
	Seed     uint64
}

// Files are what must go in and come back byte for byte.
func Files() []File {
	return []File{
		{Name: "report.pdf", MimeType: "application/pdf", Size: 4321, Seed: 1},
		{Name: "picture.png", MimeType: "image/png", Size: 70_001, Seed: 2},
		{Name: "empty.txt", MimeType: "text/plain"},
		{Name: `Été – رسالة "final".pdf`, MimeType: "application/pdf", Size: 9 << 20, Seed: 3},
		{Name: "limit.bin", MimeType: "application/octet-stream", Size: MaxUpload, Seed: 4},
	}
}

// Body returns the file's bytes, which follow from its seed.
func (f File) Body() io.Reader {
	var seed [32]byte
	seed[0] = byte(f.Seed)
	return io.LimitReader(mathrand.NewChaCha8(seed), f.Size)
}

// SHA256 returns the hash of the file's bytes, lower-case hex.
func (f File) SHA256(t testing.TB) string {
	t.Helper()
	hash := sha256.New()
	if _, err := io.Copy(hash, f.Body()); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// Journey takes documents through their whole life: up, seen, down, renamed, gone.
func Journey(t testing.TB, c *Client, tenant uuid.UUID) {
	t.Helper()
	for _, f := range Files() {
		d := c.MustUpload(t, tenant, f.Name, f.MimeType, f.Body())
		if d.Filename != f.Name || d.Size != f.Size || d.MimeType != f.MimeType {
			t.Errorf("uploaded %+v, want %+v", d, f)
		}
		if listed := c.List(t, tenant); len(listed) == 0 || listed[0].ID != d.ID {
			t.Errorf("%q was uploaded and is not listed first: %+v", f.Name, listed)
		}
		size, sha, header := c.Download(t, tenant, d.ID)
		if size != f.Size || sha != f.SHA256(t) {
			t.Errorf("%q came back with %d bytes and SHA-256 %s, want %d and %s", f.Name, size, sha, f.Size, f.SHA256(t))
		}
		if got := header.Get("Content-Type"); got != f.MimeType {
			t.Errorf("%q came back as %s, want %s", f.Name, got, f.MimeType)
		}
		if got := header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment") {
			t.Errorf("%q came back with the disposition %q", f.Name, got)
		}
		path := Documents(tenant) + "/" + d.ID.String()
		renamed := "renamed " + f.Name
		c.Must(t, http.StatusOK, http.MethodPut, path, map[string]string{"filename": renamed})
		var after Document
		c.Must(t, http.StatusOK, http.MethodGet, path, nil).Into(t, &after)
		if after.Filename != renamed || after.MD5 != d.MD5 {
			t.Errorf("after a rename: %+v", after)
		}
		c.Must(t, http.StatusNoContent, http.MethodDelete, path, nil)
		c.Must(t, http.StatusNotFound, http.MethodGet, path, nil)
	}
	if left := c.List(t, tenant); len(left) != 0 {
		t.Errorf("deleted documents are listed: %+v", left)
	}
}

// TooLarge sends one byte more than is taken, which must leave nothing behind.
func TooLarge(t testing.TB, c *Client, tenant uuid.UUID) {
	t.Helper()
	before := len(c.List(t, tenant))
	file := File{Name: "too large.bin", MimeType: "application/octet-stream", Size: MaxUpload + 1, Seed: 5}
	answer, err := c.Upload(t.Context(), tenant, file.Name, file.MimeType, file.Body())
	if err != nil || answer.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("got %d %s, %v; want 413", answer.Status, answer.Text, err)
	}
	if after := len(c.List(t, tenant)); after != before {
		t.Errorf("%d documents before, %d after", before, after)
	}
}

// ReadYourWrites uploads and lists in a tight loop and counts stale lists, of
// which there must be none.
func ReadYourWrites(t testing.TB, c *Client, tenant uuid.UUID, loops int) {
	t.Helper()
	stale := 0
	for i := range loops {
		content := make([]byte, 64)
		_, _ = rand.Read(content) // never fails
		d := c.MustUpload(t, tenant, fmt.Sprintf("loop %d.txt", i), "text/plain", bytes.NewReader(content))
		if listed := c.List(t, tenant); len(listed) == 0 || listed[0].ID != d.ID {
			stale++
		}
	}
	if stale > 0 {
		t.Errorf("%d of %d lists were stale", stale, loops)
	}
}
