package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	smallSize    = 10_000 // bytes
	smallsAtOnce = 16     // connections

	pageSize  = 200 // documents, as many as the API lists at once
	pollEvery = 20 * time.Millisecond
)

// smallTrial uploads small files over and over.
type smallTrial struct {
	b       *bench
	account *account
	files   content
}

// prepareSmalls measures uploads of small files a second, each until its file is in its
// final place, beside bare PUTs to the same store.
func prepareSmalls(ctx context.Context, b *bench) (contest, error) {
	platform, err := b.startSeparate(ctx)
	if err != nil {
		return contest{}, err
	}
	t := smallTrial{b: b, files: newContent(smallSize)}
	if t.account, err = openAccount(ctx, platform.address, 1); err != nil {
		return contest{}, errors.Join(err, platform.stop()) //nolint:contextcheck // ctx may have ended
	}
	return contest{
		reference: func(ctx context.Context) (float64, error) { return t.put(ctx, platform) },
		product:   func(ctx context.Context) (float64, error) { return t.live(ctx, platform.address) },
		close:     platform.stop,
	}, nil
}

// put returns bare PUTs a second. Links are made beforehand, for 2,000 a second: most
// keys are new.
func (t smallTrial) put(ctx context.Context, to *separate) (float64, error) {
	links := make([]link, 2000*(t.b.seconds+1))
	for i := range links {
		text, _, err := to.objects.PresignPut(ctx, "bench/"+strconv.FormatUint(t.files.series.Add(1), 16), binaryType, smallSize, "", linkLifetime)
		if err != nil {
			return 0, err
		}
		if links[i], err = parseLink(text); err != nil {
			return 0, err
		}
	}
	var next atomic.Int64
	return t.over(ctx, to.endpoint, func(w *wire) error {
		to := links[int(next.Add(1))%len(links)]
		_, err := w.do(http.MethodPut, to.target, "Content-Type: "+binaryType+"\r\n", http.StatusOK, t.files.next()...)
		return err
	}, nil)
}

// live returns whole lives of documents a second: from the first upload until the last
// file is ready.
func (t smallTrial) live(ctx context.Context, address string) (float64, error) {
	headers := t.account.bearer() + "Content-Type: " + binaryType + "\r\n"
	return t.over(ctx, address, func(w *wire) error {
		_, err := w.do(http.MethodPost, t.account.list()+"?filename=deed.bin", headers, http.StatusCreated, t.files.next()...)
		return err
	}, t.account.allReady)
}

// over sends requests over connections that are kept alive until time is up, and
// returns how many a second were answered, and settled if that is asked for.
func (t smallTrial) over(
	ctx context.Context, address string, send func(*wire) error, settled func(ctx context.Context, n int64) error,
) (float64, error) {
	run := func(d time.Duration) (int64, error) {
		n, err := t.load(ctx, address, d, send)
		if err == nil && settled != nil {
			err = settled(ctx, n)
		}
		return n, err
	}
	if _, err := run(warmUp); err != nil {
		return 0, err
	}
	begin := time.Now()
	n, err := run(t.b.duration())
	return float64(n) / time.Since(begin).Seconds(), err
}

// load sends requests for d, one after the other over each connection, and returns how
// many there were.
func (t smallTrial) load(ctx context.Context, address string, d time.Duration, send func(*wire) error) (int64, error) {
	var sent atomic.Int64
	var group sync.WaitGroup
	failures := make([]error, smallsAtOnce)
	end := time.Now().Add(d)
	for n := range smallsAtOnce {
		group.Go(func() {
			w, err := dialWire(ctx, address)
			if err != nil {
				failures[n] = err
				return
			}
			for err == nil && ctx.Err() == nil && time.Now().Before(end) {
				if err = send(w); err == nil {
					sent.Add(1)
				}
			}
			failures[n] = errors.Join(err, ctx.Err(), w.close())
		})
	}
	group.Wait()
	return sent.Load(), errors.Join(failures...)
}

// allReady returns when the files of the tenant's n newest documents are in their final
// place.
func (a *account) allReady(ctx context.Context, n int64) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	for cursor := ""; n > 0; {
		var page struct {
			Items []struct {
				Status string `json:"status"`
			} `json:"items"`
			NextCursor string `json:"next_cursor"`
		}
		path := a.list() + "?limit=" + strconv.Itoa(pageSize) + cursor
		if err := a.call(ctx, http.MethodGet, path, "", http.NoBody, &page); err != nil {
			return fmt.Errorf("wait for files to be ready: %w", err)
		}
		waits := false
		for _, document := range page.Items[:min(n, int64(len(page.Items)))] {
			waits = waits || document.Status != "ready"
		}
		switch {
		case waits:
			wait(ctx, pollEvery)
			continue
		case n > int64(len(page.Items)) && page.NextCursor == "":
			return fmt.Errorf("%d documents are missing", n-int64(len(page.Items)))
		}
		n -= int64(len(page.Items))
		cursor = "&cursor=" + url.QueryEscape(page.NextCursor)
	}
	return ctx.Err()
}
