package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/adapters/s3"
)

const (
	uploadsInParallel = 16
	partsInParallel   = 2 // of a file that is sent to the store
	linkLifetime      = 10 * time.Minute
)

// uploadTrial is a running platform that large files are sent to, and to whose store
// they are sent for comparison.
type uploadTrial struct {
	b        *bench
	platform *separate // nil: the store is not at hand, and what is there stays
	address  string    // host and port of the API
	account  *account
	files    content
	way      way
	idle     float64 // MiB of the API's memory before the first large file
}

// way uploads a file in one of the ways there are and returns the document's id.
type way func(ctx context.Context, t *uploadTrial, file [][]byte) (string, error)

// uploads measures how quickly one large file is uploaded, until it can be downloaded,
// beside a bare PUT of it to the same store.
func uploads(name string, aim float64, w way) figure {
	return figure{name: name, unit: "MB/s", aim: aim, prepare: func(ctx context.Context, b *bench) (contest, error) {
		t, err := newUploadTrial(ctx, b, w)
		if err != nil {
			return contest{}, err
		}
		return contest{
			reference: func(ctx context.Context) (float64, error) { return t.put(ctx, 1) },
			product:   func(ctx context.Context) (float64, error) { return t.upload(ctx, 1) },
			close:     t.platform.stop,
		}, nil
	}}
}

// crowds measures several uploads at once, as [uploads] does one.
func crowds(name string, aim float64, w way) figure {
	return figure{name: name, unit: "MB/s", aim: aim, prepare: func(ctx context.Context, b *bench) (contest, error) {
		t, err := newUploadTrial(ctx, b, w)
		if err != nil {
			return contest{}, err
		}
		return contest{
			reference: func(ctx context.Context) (float64, error) { return t.put(ctx, uploadsInParallel) },
			product:   func(ctx context.Context) (float64, error) { return t.upload(ctx, uploadsInParallel) },
			close:     t.platform.stop,
		}, nil
	}}
}

// memoryBound is how much memory, in MiB, the API may need for all uploads of a crowd.
const memoryBound = 64

// crowdMemory measures the API's peak memory while several large files are uploaded at
// once, over what it needed before the first, beside the bound.
func crowdMemory(name string, w way) figure {
	return figure{name: name, unit: "MiB", aim: 1, lowerIsBetter: true, prepare: func(ctx context.Context, b *bench) (contest, error) {
		t, err := newUploadTrial(ctx, b, w)
		if err != nil {
			return contest{}, err
		}
		return contest{
			reference: func(context.Context) (float64, error) { return memoryBound, nil },
			product:   t.peak, close: t.platform.stop,
		}, nil
	}}
}

func newUploadTrial(ctx context.Context, b *bench, w way) (_ *uploadTrial, err error) {
	t := &uploadTrial{b: b, way: w, files: newContent(b.megabytes << 20)}
	if t.platform, err = b.startSeparate(ctx); err != nil {
		return nil, err
	}
	t.address = t.platform.address
	if t.account, err = openAccount(ctx, t.platform.address, 1); err == nil {
		t.idle, err = residentMemory(t.platform.api.Pid())
	}
	if err != nil {
		return nil, errors.Join(err, t.platform.stop()) //nolint:contextcheck // ctx may have ended
	}
	return t, nil
}

// put sends n files to the store, at once, and returns MB/s.
func (t *uploadTrial) put(ctx context.Context, n int) (float64, error) {
	links := make([]link, n)
	for i := range links {
		text, _, err := t.platform.objects.PresignPut(ctx, fmt.Sprintf("bench/%d", i), binaryType, int64(t.files.size()), "", linkLifetime)
		if err != nil {
			return 0, err
		}
		if links[i], err = parseLink(text); err != nil {
			return 0, err
		}
	}
	syncDisks()
	begin := time.Now()
	err := together(n, func(i int) error { return t.send(ctx, links[i], "Content-Type: "+binaryType+"\r\n", t.files.next()) })
	took := time.Since(begin)
	return t.rate(n, took), errors.Join(err, t.clear(ctx, "bench/"))
}

// binaryType is the media type of all files that are measured.
const binaryType = "application/octet-stream"

// send puts a file where a link says.
func (t *uploadTrial) send(ctx context.Context, to link, headers string, file [][]byte) error {
	w, err := dialWire(ctx, to.address)
	if err != nil {
		return err
	}
	_, err = w.do(http.MethodPut, to.target, headers, http.StatusOK, file...)
	return errors.Join(err, w.close())
}

// upload uploads n files at once and returns MB/s until the last can be downloaded. One
// of them is downloaded afterwards, and compared.
func (t *uploadTrial) upload(ctx context.Context, n int) (float64, error) {
	files, documents := make([][][]byte, n), make([]string, n)
	for i := range files {
		files[i] = t.files.next()
	}
	syncDisks()
	begin := time.Now()
	err := together(n, func(i int) (err error) {
		if documents[i], err = t.way(ctx, t, files[i]); err != nil {
			return err
		}
		return t.downloadable(ctx, documents[i])
	})
	took := time.Since(begin)
	if err != nil {
		return 0, err
	}
	if err := t.same(ctx, documents[0], sum(files[0])); err != nil {
		return 0, err
	}
	settled := *t.account
	settled.documents = documents
	if err := settled.settle(ctx); err != nil {
		return 0, err
	}
	return t.rate(n, took), t.clear(ctx, "tenants/")
}

// peak uploads a crowd of files and returns by how much the API's memory grew, in MiB.
func (t *uploadTrial) peak(ctx context.Context) (float64, error) {
	pid := t.platform.api.Pid()
	if err := forgetPeak(pid); err != nil {
		return 0, err
	}
	if _, err := t.upload(ctx, uploadsInParallel); err != nil {
		return 0, err
	}
	peak, err := peakMemory(pid)
	return peak - t.idle, err
}

func (t *uploadTrial) rate(n int, took time.Duration) float64 {
	return float64(n*t.files.size()) / 1e6 / took.Seconds()
}

// clear removes what a measurement stored, so that no disk fills up. Its documents are
// not looked at any more.
func (t *uploadTrial) clear(ctx context.Context, prefix string) error {
	if t.platform == nil {
		return nil
	}
	return t.platform.objects.List(ctx, prefix, func(o s3.Object) error { return t.platform.objects.Delete(ctx, o.Key) })
}

// together runs n calls at once and returns the first failure.
func together(n int, call func(i int) error) error {
	var group errgroup.Group
	for i := range n {
		group.Go(func() error { return call(i) })
	}
	return group.Wait()
}

// download asks for a document's link.
func (t *uploadTrial) download(ctx context.Context, document string) (link, error) {
	w, err := dialWire(ctx, t.address)
	if err != nil {
		return link{}, err
	}
	defer func() { _ = w.close() }()
	r, err := w.do(http.MethodGet, t.account.path(document)+"/download", t.account.bearer(), http.StatusFound)
	if err != nil {
		return link{}, err
	}
	return parseLink(r.header.Get("Location"))
}

// downloadable fetches the first byte of a document.
func (t *uploadTrial) downloadable(ctx context.Context, document string) error {
	from, err := t.download(ctx, document)
	if err != nil {
		return err
	}
	w, err := dialWire(ctx, from.address)
	if err != nil {
		return err
	}
	_, err = w.do(http.MethodGet, from.target, "Range: bytes=0-0\r\n", http.StatusPartialContent)
	return errors.Join(err, w.close())
}

// same fails unless a document has a SHA-256.
func (t *uploadTrial) same(ctx context.Context, document, want string) error {
	from, err := t.download(ctx, document)
	if err != nil {
		return err
	}
	w, err := dialWire(ctx, from.address)
	if err != nil {
		return err
	}
	defer func() { _ = w.close() }()
	response, err := w.send(http.MethodGet, from.target, "")
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, response.Body); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		return fmt.Errorf("document %s has the SHA-256 %s, not %s: %s", document, got, want, response.Status)
	}
	return nil
}

// made returns the id in the answer to an upload.
func made(r wireAnswer) (string, error) {
	var answer struct {
		Data struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	err := json.Unmarshal(r.body, &answer)
	return answer.Data.ID, err
}
