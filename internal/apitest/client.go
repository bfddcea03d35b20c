// Package apitest drives a running platform over HTTP as a client would.
package apitest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// Password is what all accounts of tests have.
const Password = "correct horse battery staple"

// Client is a client of one account.
type Client struct {
	base  string
	token string
	agent string // sent as User-Agent, if not empty
	http  *http.Client
}

// Document is a document as the API shows it.
type Document struct {
	ID       uuid.UUID `json:"id"`
	Filename string    `json:"filename"`
	MimeType string    `json:"mime_type"`
	FileID   uuid.UUID `json:"file_id"`
	Size     int64     `json:"file_size"`
	MD5      string    `json:"md5_hash"`
	Status   string    `json:"status"`
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Data   jsontext.Value // of a success
	Code   string         // of an error
	Text   string         // the whole body
}

// SignUp opens an account at the platform under base and signs in.
func SignUp(t testing.TB, base string) *Client {
	t.Helper()
	c := NewClient(t, base, &http.Transport{MaxIdleConnsPerHost: 64}, "")
	email := uuid.NewString() + "@example.org"
	c.Must(t, http.StatusCreated, http.MethodPost, "/api/auth/register", map[string]string{
		"email": email, "password": Password, "first_name": "Ada", "last_name": "Lovelace",
	})
	c.SignIn(t, email)
	return c
}

// NewClient returns a client that is not signed in, which connects by transport and
// calls itself agent, or Go's name if that is empty.
func NewClient(t testing.TB, base string, transport *http.Transport, agent string) *Client {
	t.Helper()
	c := &Client{base: base, agent: agent, http: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     transport,
	}}
	t.Cleanup(c.http.CloseIdleConnections)
	return c
}

// SignIn signs in to an account, whose password is [Password].
func (c *Client) SignIn(t testing.TB, email string) {
	t.Helper()
	var session struct {
		AccessToken string `json:"access_token"`
	}
	c.Must(t, http.StatusOK, http.MethodPost, "/api/auth/login",
		map[string]string{"email": email, "password": Password}).Into(t, &session)
	c.token = session.AccessToken
}

// ID returns the id of the account that is signed in.
func (c *Client) ID(t testing.TB) uuid.UUID {
	t.Helper()
	var me struct {
		ID uuid.UUID `json:"id"`
	}
	c.Must(t, http.StatusOK, http.MethodGet, "/api/users/me", nil).Into(t, &me)
	return me.ID
}

// CreateTenant makes a tenant and returns its id.
func (c *Client) CreateTenant(t testing.TB) uuid.UUID {
	t.Helper()
	var made struct {
		ID uuid.UUID `json:"id"`
	}
	c.Must(t, http.StatusCreated, http.MethodPost, "/api/tenants", map[string]string{"name": "Acme"}).Into(t, &made)
	return made.ID
}

// Documents returns the path of a tenant's documents.
func Documents(tenant uuid.UUID) string { return "/api/tenants/" + tenant.String() + "/documents" }

// Upload sends a file as a form, streamed.
func (c *Client) Upload(ctx context.Context, tenant uuid.UUID, name, mimeType string, body io.Reader, headers ...string) (Answer, error) {
	reader, writer := io.Pipe()
	form := multipart.NewWriter(writer)
	go func() {
		header := textproto.MIMEHeader{}
		header.Set("Content-Disposition", fmt.Sprintf(`form-data; name="file"; filename="%s"`,
			strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A").Replace(name)))
		header.Set("Content-Type", mimeType)
		part, err := form.CreatePart(header)
		if err == nil {
			_, err = io.Copy(part, body)
		}
		if err == nil {
			err = form.Close()
		}
		writer.CloseWithError(err)
	}()
	defer func() { _ = reader.Close() }()
	return c.send(ctx, http.MethodPost, Documents(tenant), reader, append(headers, "Content-Type", form.FormDataContentType())...)
}

// MustUpload uploads and returns the document, which must be new.
func (c *Client) MustUpload(t testing.TB, tenant uuid.UUID, name, mimeType string, body io.Reader) Document {
	t.Helper()
	answer, err := c.Upload(t.Context(), tenant, name, mimeType, body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Status != http.StatusCreated {
		t.Fatalf("upload of %q: got %d %s", name, answer.Status, answer.Text)
	}
	var d Document
	answer.Into(t, &d)
	return d
}

// List returns the newest documents of a tenant.
func (c *Client) List(t testing.TB, tenant uuid.UUID) []Document {
	t.Helper()
	var page struct {
		Items []Document `json:"items"`
	}
	c.Must(t, http.StatusOK, http.MethodGet, Documents(tenant), nil).Into(t, &page)
	return page.Items
}

// Download follows a document's link and returns its bytes' length and SHA-256.
func (c *Client) Download(t testing.TB, tenant, document uuid.UUID) (size int64, sha string, header http.Header) {
	t.Helper()
	link := c.Must(t, http.StatusFound, http.MethodGet, Documents(tenant)+"/"+document.String()+"/download", nil).Header.Get("Location")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	hash := sha256.New()
	size, err = io.Copy(hash, response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("download: %s, %v", response.Status, err)
	}
	return size, hex.EncodeToString(hash.Sum(nil)), response.Header
}

// Must sends a request, JSON if body is not nil, and fails the test unless the
// answer has the status.
func (c *Client) Must(t testing.TB, status int, method, path string, body any, headers ...string) Answer {
	t.Helper()
	answer, err := c.Do(t.Context(), method, path, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Status != status {
		t.Fatalf("%s %s: got %d, want %d: %s", method, path, answer.Status, status, answer.Text)
	}
	return answer
}

// Do sends a request, JSON if body is not nil. headers are names and values.
func (c *Client) Do(ctx context.Context, method, path string, body any, headers ...string) (Answer, error) {
	if body == nil {
		return c.send(ctx, method, path, http.NoBody, headers...)
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return Answer{}, err
	}
	return c.send(ctx, method, path, bytes.NewReader(raw), append(headers, "Content-Type", "application/json")...)
}

func (c *Client) send(ctx context.Context, method, path string, body io.Reader, headers ...string) (Answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return Answer{}, err
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.agent != "" {
		request.Header.Set("User-Agent", c.agent)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := c.http.Do(request)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return Answer{}, err
	}
	return parse(response, raw)
}

func parse(response *http.Response, raw []byte) (Answer, error) {
	answer := Answer{Status: response.StatusCode, Header: response.Header, Text: string(raw)}
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
		return answer, nil
	}
	var envelope struct {
		Data  jsontext.Value `json:"data"`
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	if err := json.Unmarshal(raw, &envelope); err != nil {
		return answer, fmt.Errorf("answer is no envelope: %w: %s", err, raw)
	}
	answer.Data, answer.Code = envelope.Data, envelope.Error.Code
	return answer, nil
}

// Into reads the answer's data.
func (a Answer) Into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal(a.Data, v); err != nil {
		t.Fatalf("read %s: %v", a.Data, err)
	}
}

// Move makes the client talk to the platform under another base.
func (c *Client) Move(base string) { c.base = base }
