package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"time"
)

// visitTimeout bounds what the visitor does.
const visitTimeout = 2 * time.Minute

// visitor is a user of the API.
type visitor struct {
	base  string
	token string
}

// visit has a user register, make a tenant, upload a document and download it.
func visit(ctx context.Context, base string, say func(string, ...any)) error {
	ctx, cancel := context.WithTimeout(ctx, visitTimeout)
	defer cancel()
	v := &visitor{base: base}
	who := map[string]string{
		"email": "ada@example.org", "password": "correct horse battery staple", "first_name": "Ada", "last_name": "Lovelace",
	}
	if _, err := v.ask(ctx, "/api/auth/register", who); err != nil {
		return err
	}
	delete(who, "first_name")
	delete(who, "last_name")
	var session struct {
		AccessToken string `json:"access_token"`
	}
	err := v.until(ctx, func() error {
		data, err := v.ask(ctx, "/api/auth/login", who)
		return errors.Join(err, unmarshal(data, &session))
	})
	if err != nil {
		return err
	}
	v.token = session.AccessToken
	var tenant, document struct {
		ID string `json:"id"`
	}
	data, err := v.ask(ctx, "/api/tenants", map[string]string{"name": "Analytical Engines"})
	if err := errors.Join(err, unmarshal(data, &tenant)); err != nil {
		return err
	}
	content := []byte("note G")
	path := "/api/tenants/" + tenant.ID + "/documents"
	err = v.until(ctx, func() error {
		data, err := v.upload(ctx, path, content)
		return errors.Join(err, unmarshal(data, &document))
	})
	if err != nil {
		return err
	}
	err = v.until(ctx, func() error { return v.download(ctx, path+"/"+document.ID+"/download", content) })
	if err == nil {
		say("a user registered, made a tenant, uploaded a document and got the same bytes back")
	}
	return err
}

// until tries again, for what may not be readable yet.
func (v *visitor) until(ctx context.Context, try func() error) error {
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return err
		}
	}
}

func unmarshal(data []byte, into any) error {
	if data == nil {
		return nil
	}
	return json.Unmarshal(data, into)
}

// ask posts JSON and returns the answer's data.
func (v *visitor) ask(ctx context.Context, path string, fields map[string]string) ([]byte, error) {
	body, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	return v.post(ctx, path, "application/json", body)
}

func (v *visitor) upload(ctx context.Context, path string, content []byte) ([]byte, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "note G.txt")
	if err != nil {
		return nil, err
	}
	if _, err := part.Write(content); err != nil {
		return nil, err
	}
	if err := form.Close(); err != nil {
		return nil, err
	}
	return v.post(ctx, path, form.FormDataContentType(), body.Bytes())
}

func (v *visitor) post(ctx context.Context, path, contentType string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, v.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", contentType)
	status, text, err := v.do(request)
	if err != nil {
		return nil, err
	}
	if status >= 300 {
		return nil, fmt.Errorf("POST %s was answered %d: %s", path, status, text)
	}
	var answer struct {
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("POST %s: %w", path, err)
	}
	return answer.Data, nil
}

// download follows the link to a document, which needs no token, and compares.
func (v *visitor) download(ctx context.Context, path string, want []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, v.base+path, http.NoBody)
	if err != nil {
		return err
	}
	status, text, err := v.do(request)
	switch {
	case err != nil:
		return err
	case status != http.StatusOK:
		return fmt.Errorf("GET %s was answered %d: %s", path, status, text)
	case !bytes.Equal(text, want):
		return fmt.Errorf("GET %s: other bytes came back", path)
	}
	return nil
}

// do sends a request with the token, which stays with the API.
func (v *visitor) do(request *http.Request) (int, []byte, error) {
	if v.token != "" {
		request.Header.Set("Authorization", "Bearer "+v.token)
	}
	client := &http.Client{CheckRedirect: func(next *http.Request, _ []*http.Request) error {
		if !strings.HasPrefix(next.URL.String(), v.base) {
			next.Header.Del("Authorization")
		}
		return nil
	}}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return response.StatusCode, text, err
}
