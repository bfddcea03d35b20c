package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/cartulary/cartulary/chaos/stack"
)

// PocketBase as its authors build it, by its own module file: the platform's has nothing
// to do with it.
const (
	pocketBaseVersion = "v0.39.5"
	pocketBaseProgram = "github.com/pocketbase/pocketbase/examples/base"
	pocketBaseBuild   = 20 * time.Minute
)

// pocketBase is a running PocketBase with a collection of files, which lie in its data
// directory, as it has them unless told otherwise.
type pocketBase struct {
	address string
	token   string // of its superuser
	dir     string
	process *stack.Process
}

// buildPocketBase returns the path of the program, which is built when there is none yet.
func (b *bench) buildPocketBase(ctx context.Context) (string, error) {
	kept, err := filepath.Abs(filepath.Join(b.dir, "pocketbase-"+pocketBaseVersion))
	if err != nil {
		return "", err
	}
	path := filepath.Join(kept, filepath.Base(pocketBaseProgram))
	if _, err := os.Stat(path); err == nil { //nolint:gosec // below the directory of the user's own choice
		return path, nil
	}
	b.say("  building PocketBase %s, which takes minutes", pocketBaseVersion)
	ctx, cancel := context.WithTimeout(ctx, pocketBaseBuild)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "install", pocketBaseProgram+"@"+pocketBaseVersion)
	cmd.Env = append(os.Environ(), "GOBIN="+kept, "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build PocketBase: %w: %s", err, said)
	}
	return path, nil
}

// startPocketBase runs PocketBase on an empty directory.
func (b *bench) startPocketBase(ctx context.Context) (_ *pocketBase, err error) {
	program, err := b.buildPocketBase(ctx)
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(ctx, 1)
	if err != nil {
		return nil, err
	}
	p := &pocketBase{address: loopback(ports[0])}
	if p.dir, err = os.MkdirTemp(b.scratch, "pocketbase-"); err != nil {
		return nil, err
	}
	defer func() { //nolint:contextcheck // ctx may have ended
		if err != nil {
			err = errors.Join(err, p.stop())
		}
	}()
	data := []string{"--dir", filepath.Join(p.dir, "data"), "--migrationsDir", filepath.Join(p.dir, "migrations"), "--hooksDir", filepath.Join(p.dir, "hooks")}
	args := append([]string{program, "superuser", "create", email, password}, data...)
	if err := stack.NewProcess(p.dir, "superuser", os.Environ(), args...).Run(ctx); err != nil {
		return nil, err
	}
	args = append([]string{program, "serve", "--http", p.address}, data...)
	p.process = stack.NewProcess(p.dir, "pocketbase", os.Environ(), args...)
	if err := p.process.Start(); err != nil {
		return nil, err
	}
	if err := p.process.Ready(ctx, stack.Get("http://"+p.address+"/api/health")); err != nil {
		return nil, err
	}
	return p, p.setUp(ctx)
}

func (p *pocketBase) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	var err error
	if p.process != nil {
		err = p.process.Stop(ctx)
	}
	return errors.Join(err, os.RemoveAll(p.dir))
}

// setUp signs in and makes the collection.
func (p *pocketBase) setUp(ctx context.Context) error {
	var session struct {
		Token string `json:"token"`
	}
	err := p.post(ctx, "/api/collections/_superusers/auth-with-password", map[string]any{"identity": email, "password": password}, &session)
	if err != nil {
		return err
	}
	p.token = session.Token
	file := map[string]any{"name": "file", "type": "file", "maxSelect": 1, "maxSize": 200 << 20, "required": true}
	return p.post(ctx, "/api/collections", map[string]any{"name": "deeds", "type": "base", "fields": []any{file}}, nil)
}

func (p *pocketBase) post(ctx context.Context, path string, body, answer any) (err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.address+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", p.token)
	response, err := new(http.Client).Do(request)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	said, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %s: %.300s", path, response.Status, said)
	case answer == nil:
		return nil
	}
	return json.Unmarshal(said, answer)
}

const pocketRecords = "/api/collections/deeds/records"

// upload sends a file in a form, and returns where it is found.
func (p *pocketBase) upload(w *wire, file [][]byte) (string, error) {
	body, mediaType := asForm("file", "deed.bin", file)
	r, err := w.do(http.MethodPost, pocketRecords, "Authorization: "+p.token+"\r\nContent-Type: "+mediaType+"\r\n", http.StatusOK, body...)
	if err != nil {
		return "", err
	}
	var record struct {
		ID   string `json:"id"`
		File string `json:"file"`
	}
	err = json.Unmarshal(r.body, &record)
	return "/api/files/deeds/" + record.ID + "/" + record.File, err
}
