package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/sync/errgroup"
)

// The user of every platform that is measured.
const (
	email    = "clerk@example.org"
	password = "a cartulary of deeds and charters" //nolint:gosec // of a platform that is gone in a minute
)

// uploadsAtOnce is how many documents are uploaded at a time.
const uploadsAtOnce = 8

// settleTimeout bounds how long uploads may take to be finished by the worker.
const settleTimeout = 2 * time.Minute

// account is a user with a tenant and documents in it.
type account struct {
	base      string // URL of the API
	client    *http.Client
	token     string
	tenant    string
	documents []string // ids
}

// openAccount registers a user, makes a tenant, uploads documents and returns
// when all of them lie in their final place.
func openAccount(ctx context.Context, address string, documents int) (*account, error) {
	a := &account{
		base: "http://" + address, documents: make([]string, documents),
		client: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: uploadsAtOnce}},
	}
	defer a.client.CloseIdleConnections()
	person := map[string]string{"email": email, "password": password, "first_name": "Ada", "last_name": "Clerk"}
	var made struct {
		ID          string `json:"id"`
		AccessToken string `json:"access_token"`
	}
	if err := a.post(ctx, "/api/auth/register", person, &made); err != nil {
		return nil, err
	}
	if err := a.post(ctx, "/api/auth/login", map[string]string{"email": email, "password": password}, &made); err != nil {
		return nil, err
	}
	a.token = made.AccessToken
	if err := a.post(ctx, "/api/tenants", map[string]string{"name": "Archive"}, &made); err != nil {
		return nil, err
	}
	a.tenant = made.ID
	if err := a.uploadAll(ctx); err != nil {
		return nil, err
	}
	return a, a.settle(ctx)
}

func (a *account) uploadAll(ctx context.Context) error {
	next := make(chan int)
	group, uploading := errgroup.WithContext(ctx)
	for range uploadsAtOnce {
		group.Go(func() error {
			for n := range next {
				if err := a.upload(uploading, n); err != nil {
					return err
				}
			}
			return nil
		})
	}
	group.Go(func() error {
		defer close(next)
		for n := range a.documents {
			select {
			case next <- n:
			case <-uploading.Done():
				return uploading.Err()
			}
		}
		return nil
	})
	return group.Wait()
}

func (a *account) path(document string) string {
	return "/api/tenants/" + a.tenant + "/documents/" + document
}

func (a *account) upload(ctx context.Context, n int) error {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", fmt.Sprintf("deed %d.txt", n))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(part, "This is deed number %d.\n", n)
	if err = errors.Join(err, form.Close()); err != nil {
		return err
	}
	var made struct {
		ID string `json:"id"`
	}
	err = a.call(ctx, http.MethodPost, "/api/tenants/"+a.tenant+"/documents", form.FormDataContentType(), &body, &made)
	a.documents[n] = made.ID
	return err
}

// settle returns when the files of all documents are in their final place.
func (a *account) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	for _, id := range a.documents {
		for {
			var document struct {
				Status string `json:"status"`
			}
			if err := a.call(ctx, http.MethodGet, a.path(id), "", http.NoBody, &document); err != nil {
				return err
			}
			if document.Status == "ready" {
				break
			}
			wait(ctx, 20*time.Millisecond)
		}
	}
	return ctx.Err()
}

// filename asks for a document's name.
func (a *account) filename(ctx context.Context, document string) (string, error) {
	var d struct {
		Filename string `json:"filename"`
	}
	err := a.call(ctx, http.MethodGet, a.path(document), "", http.NoBody, &d)
	return d.Filename, err
}

func (a *account) post(ctx context.Context, path string, body, data any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return a.call(ctx, http.MethodPost, path, "application/json", bytes.NewReader(text), data)
}

// call sends a request and reads the data of the answer, which must be a success
// that the read models hold.
func (a *account) call(ctx context.Context, method, path, contentType string, body io.Reader, data any) (err error) {
	request, err := http.NewRequestWithContext(ctx, method, a.base+path, body) //nolint:gosec // a server that the bench started
	if err != nil {
		return err
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	if a.token != "" {
		request.Header.Set("Authorization", "Bearer "+a.token)
	}
	response, err := a.client.Do(request) //nolint:gosec // a server that the bench started
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusCreated {
		return fmt.Errorf("%s %s: %s: %.300s", method, path, response.Status, text)
	}
	var answer struct {
		Data any `json:"data"`
	}
	answer.Data = data
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}
