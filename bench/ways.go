package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-json-experiment/json"
	"golang.org/x/sync/errgroup"
)

func (a *account) bearer() string { return "Authorization: Bearer " + a.token + "\r\n" }

// list is the path of the tenant's documents.
func (a *account) list() string { return "/api/tenants/" + a.tenant + "/documents" }

// asBody uploads a file as the body of a request.
func asBody(ctx context.Context, t *uploadTrial, file [][]byte) (string, error) {
	return t.post(ctx, t.account.list()+"?filename=deed.bin", binaryType, file)
}

// asFormOf uploads a file in a form.
func asFormOf(ctx context.Context, t *uploadTrial, file [][]byte) (string, error) {
	body, mediaType := asForm("file", "deed.bin", file)
	return t.post(ctx, t.account.list(), mediaType, body)
}

func (t *uploadTrial) post(ctx context.Context, target, mediaType string, body [][]byte) (string, error) {
	w, err := dialWire(ctx, t.address)
	if err != nil {
		return "", err
	}
	defer func() { _ = w.close() }()
	r, err := w.do(http.MethodPost, target, t.account.bearer()+"Content-Type: "+mediaType+"\r\n", http.StatusCreated, body...)
	if err != nil {
		return "", err
	}
	return made(r)
}

// begun is an upload to the store that was announced.
type begun struct {
	UploadID string `json:"upload_id"`
	Parts    []struct {
		URL     string            `json:"url"`
		Size    int               `json:"size"`
		Headers map[string]string `json:"headers"`
	} `json:"parts"`
}

// toStore announces a file, sends it to the store in parts, some at once, and completes
// it.
func toStore(ctx context.Context, t *uploadTrial, file [][]byte) (string, error) {
	uploads := "/api/tenants/" + t.account.tenant + "/uploads"
	var upload begun
	announced := map[string]any{"filename": "deed.bin", "mime_type": binaryType, "size": t.files.size()}
	if err := t.account.post(ctx, uploads, announced, &upload); err != nil {
		return "", err
	}
	tags, err := t.sendParts(ctx, upload, file)
	if err != nil {
		return "", err
	}
	body := map[string]any{}
	if len(tags) > 1 {
		body["etags"] = tags
	}
	text, err := json.Marshal(body)
	if err != nil {
		return "", err
	}
	return t.post(ctx, uploads+"/"+upload.UploadID+"/complete", "application/json", [][]byte{text})
}

// sendParts returns the entity tags of the parts.
func (t *uploadTrial) sendParts(ctx context.Context, upload begun, file [][]byte) ([]string, error) {
	tags := make([]string, len(upload.Parts))
	var group errgroup.Group
	group.SetLimit(partsInParallel)
	from := 0
	for i, part := range upload.Parts {
		data := slice(file, from, from+part.Size)
		from += part.Size
		group.Go(func() error {
			to, err := parseLink(part.URL)
			if err != nil {
				return err
			}
			w, err := dialWire(ctx, to.address)
			if err != nil {
				return err
			}
			r, err := w.do(http.MethodPut, to.target, lines(part.Headers), http.StatusOK, data...)
			tags[i] = r.header.Get("ETag")
			return errors.Join(err, w.close())
		})
	}
	return tags, group.Wait()
}
