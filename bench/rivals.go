package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// rivals is a PocketBase, and the platform in one process, as PocketBase is one.
type rivals struct {
	b          *bench
	pocketBase *pocketBase
	platform   *standalone
	account    *account
}

func (b *bench) startRivals(ctx context.Context) (_ *rivals, err error) {
	r := &rivals{b: b}
	if r.pocketBase, err = b.startPocketBase(ctx); err != nil {
		return nil, err
	}
	if r.platform, err = b.startStandalone(ctx); err == nil {
		r.account, err = openAccount(ctx, r.platform.address, 1)
	}
	if err != nil {
		return nil, errors.Join(err, r.stop()) //nolint:contextcheck // ctx may have ended
	}
	return r, nil
}

func (r *rivals) stop() error {
	err := r.pocketBase.stop()
	if r.platform != nil {
		err = errors.Join(err, r.platform.stop())
	}
	return err
}

// prepareLargeRivals measures how quickly a large file is uploaded in a form, until it
// can be downloaded, on both.
func prepareLargeRivals(ctx context.Context, b *bench) (contest, error) {
	r, err := b.startRivals(ctx)
	if err != nil {
		return contest{}, err
	}
	files := newContent(b.megabytes << 20)
	t := &uploadTrial{b: b, account: r.account, files: files, way: asFormOf, address: r.platform.address}
	return contest{
		reference: func(ctx context.Context) (float64, error) { return r.pocketBase.uploadLarge(ctx, files) },
		product:   func(ctx context.Context) (float64, error) { return t.upload(ctx, 1) },
		close:     r.stop,
	}, nil
}

// uploadLarge returns MB/s until the first byte of the file was downloaded.
func (p *pocketBase) uploadLarge(ctx context.Context, files content) (float64, error) {
	file := files.next()
	syncDisks()
	begin := time.Now()
	w, err := dialWire(ctx, p.address)
	if err != nil {
		return 0, err
	}
	defer func() { _ = w.close() }()
	path, err := p.upload(w, file)
	if err != nil {
		return 0, err
	}
	if _, err := w.do(http.MethodGet, path, "Range: bytes=0-0\r\n", http.StatusPartialContent); err != nil {
		return 0, err
	}
	took := time.Since(begin)
	whole, err := w.do(http.MethodGet, path, "", http.StatusOK)
	if err == nil && !equal(file, whole.body) {
		err = fmt.Errorf("PocketBase's %s is not what was uploaded", path)
	}
	return float64(files.size()) / 1e6 / took.Seconds(), err
}

// prepareSmallRivals measures uploads of small files a second in forms: PocketBase's
// until they are answered, the platform's until the files are in their final place.
func prepareSmallRivals(ctx context.Context, b *bench) (contest, error) {
	r, err := b.startRivals(ctx)
	if err != nil {
		return contest{}, err
	}
	t := smallTrial{b: b, account: r.account, files: newContent(smallSize)}
	reference := func(ctx context.Context) (float64, error) {
		return t.over(ctx, r.pocketBase.address, func(w *wire) error {
			_, err := r.pocketBase.upload(w, t.files.next())
			return err
		}, nil)
	}
	product := func(ctx context.Context) (float64, error) {
		return t.over(ctx, r.platform.address, func(w *wire) error {
			body, mediaType := asForm("file", "deed.bin", t.files.next())
			headers := t.account.bearer() + "Content-Type: " + mediaType + "\r\n"
			_, err := w.do(http.MethodPost, t.account.list(), headers, http.StatusCreated, body...)
			return err
		}, t.account.allReady)
	}
	return contest{reference: reference, product: product, close: r.stop}, nil
}
