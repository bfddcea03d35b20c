package s3_test

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/internal/s3test"
)

func put(t *testing.T, store *s3.Store, key, text string) {
	t.Helper()
	if _, err := store.Put(t.Context(), key, "text/html", strings.NewReader(text), limit); err != nil {
		t.Fatal(err)
	}
}

func TestObjects(t *testing.T) {
	store, _ := setup(t)
	const copied = "tenants/t/files/2026/01/f + é_md5"
	put(t, store, key, "text")
	for range 2 { // a copy done again changes nothing
		if err := store.Copy(t.Context(), key, copied); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := store.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	digest, err := store.Verify(t.Context(), copied)
	if want := digestOf(t, strings.NewReader("text")); err != nil || digest != want {
		t.Errorf("copy: %+v, %v, want %+v", digest, err, want)
	}
	object, err := store.Head(t.Context(), copied)
	if err != nil || object.Size != 4 || time.Since(object.LastModified).Abs() > time.Minute {
		t.Errorf("head: %+v, %v", object, err)
	}
	for name, f := range map[string]func() error{
		"head":   func() error { _, err := store.Head(t.Context(), key); return err },
		"verify": func() error { _, err := store.Verify(t.Context(), key); return err },
		"copy":   func() error { return store.Copy(t.Context(), key, copied) },
	} {
		if err := f(); !errors.Is(err, s3.ErrNotFound) {
			t.Errorf("%s of none: %v, want ErrNotFound", name, err)
		}
	}
}

func TestListGoesOverPages(t *testing.T) {
	store, _ := setup(t)
	const n = 1010 // one page has 1,000
	for i := range n {
		put(t, store, fmt.Sprintf("a/%04d", i), "")
	}
	put(t, store, "b/0", "")
	var keys []string
	err := store.List(t.Context(), "a/", func(o s3.Object) error {
		keys = append(keys, o.Key)
		return nil
	})
	if err != nil || len(keys) != n || keys[0] != "a/0000" || keys[n-1] != "a/1009" {
		t.Errorf("%d keys, %v", len(keys), err)
	}
	enough := errors.New("enough")
	if err := store.List(t.Context(), "a/", func(s3.Object) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("%v, want the callback's error", err)
	}
}

func TestPresignedLink(t *testing.T) {
	store, server := setup(t)
	const name = `Été – رسالة "final".pdf`
	put(t, store, key, "<script>")
	link, err := store.PresignGet(t.Context(), key, name, "application/pdf", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	response, body := s3test.Get(t, link) //nolint:bodyclose // closed by Get
	if response.StatusCode != 200 || string(body) != "<script>" {
		t.Fatalf("%s: %s", response.Status, body)
	}
	if got := response.Header.Get("Content-Type"); got != "application/pdf" {
		t.Errorf("content type %q", got)
	}
	kind, parameters, err := mime.ParseMediaType(response.Header.Get("Content-Disposition"))
	if err != nil || kind != "attachment" || parameters["filename"] != name {
		t.Errorf("disposition %q: %v, %v, %v", response.Header.Get("Content-Disposition"), kind, parameters, err)
	}

	other := strings.Replace(link, key, key+"2", 1)
	put(t, store, key+"2", "another's")
	if response, body := s3test.Get(t, other); response.StatusCode != 403 || bytes.Contains(body, []byte("another's")) { //nolint:bodyclose // closed by Get
		t.Errorf("link bent to another key: %s", response.Status)
	}
	if response, _ := s3test.Get(t, server.Endpoint+"/"+s3test.Bucket+"/"+key); response.StatusCode != 403 { //nolint:bodyclose // closed by Get
		t.Errorf("no link at all: %s", response.Status)
	}
}

func TestPresignedLinkLeadsToThePublicEndpoint(t *testing.T) {
	server := s3test.Start(t)
	cfg := config(server)
	cfg.PublicEndpoint = "https://files.example.org"
	store, err := s3.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	link, err := store.PresignGet(t.Context(), key, "a", "text/plain", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(link)
	if err != nil || u.Host != "files.example.org" || u.Scheme != "https" || u.Query().Get("X-Amz-Expires") != "60" {
		t.Errorf("link %s, %v", link, err)
	}
}

func TestNew(t *testing.T) {
	server := s3test.Start(t)
	for name, test := range map[string]struct {
		change func(*s3.Config)
		says   string // "": no error
	}{
		"as it is":          {func(*s3.Config) {}, ""},
		"a bucket to make":  {func(c *s3.Config) { c.Bucket, c.CreateBucket = "new-bucket", true }, ""},
		"a missing bucket":  {func(c *s3.Config) { c.Bucket = "missing" }, "S3_CREATE_BUCKET=true"},
		"no encryption":     {func(c *s3.Config) { c.SSE = "rot13" }, "no such encryption"},
		"a key for nothing": {func(c *s3.Config) { c.SSE, c.KMSKey = s3.SSES3, "k" }, "aws:kms only"},
		"a name refused":    {func(c *s3.Config) { c.Bucket, c.CreateBucket = "No_Bucket", true }, "No_Bucket"},
		"a wrong secret":    {func(c *s3.Config) { c.SecretKey = "wrong" }, "may not use it"},
		"no bucket":         {func(c *s3.Config) { c.Bucket = "" }, "no bucket"},
		"no region":         {func(c *s3.Config) { c.Region = "" }, "no region"},
		"no credentials":    {func(c *s3.Config) { c.AccessKey = "" }, "no credentials"},
		"nobody listens":    {func(c *s3.Config) { c.Endpoint = "http://127.0.0.1:1" }, "refused"},
		"the default place": {func(c *s3.Config) { c.PublicEndpoint = c.Endpoint }, ""},
	} {
		cfg := config(server)
		test.change(&cfg)
		store, err := s3.New(t.Context(), cfg)
		switch {
		case test.says == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.says == "":
			if err := store.Ready(t.Context()); err != nil {
				t.Errorf("%s: not ready: %v", name, err)
			}
		case err == nil || !strings.Contains(err.Error(), test.says):
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
}
