package s3

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// errStalled says that the store stood still for too long. It is a timeout, as
// [net.Error] has them.
var errStalled = fmt.Errorf("the store stands still: %w", os.ErrDeadlineExceeded)

// notHopeless keeps a request from being tried again when the store stood still, as who
// waits has waited long enough, and when its certificate is none that is trusted.
func notHopeless(err error) aws.Ternary {
	if _, distrusted := errors.AsType[*tls.CertificateVerificationError](err); distrusted || errors.Is(err, errStalled) {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}

// impatient sends requests, and ends each in which the store stands still for too long:
// while it is connected to, is sent something, thinks, or answers. What a body waits for
// in its turn, as for a client, is not the store's time, nor is that in which nobody reads
// an answer.
type impatient struct {
	client   aws.HTTPClient
	patience time.Duration
}

// Do implements [aws.HTTPClient].
func (i impatient) Do(request *http.Request) (*http.Response, error) {
	ctx, end := context.WithCancelCause(request.Context())
	sent, received := newWatch(i.patience, end), newWatch(i.patience, end)
	request = request.WithContext(ctx)
	if request.Body != nil && request.Body != http.NoBody {
		request.Body = &sending{ReadCloser: request.Body, watch: sent}
	}
	sent.begin()
	response, err := i.client.Do(request)
	sent.close()
	if err != nil {
		end(nil)
		return response, sent.blame(err)
	}
	response.Body = &receiving{ReadCloser: response.Body, watch: received}
	return response, nil
}

// sending is a request's body. The store's time begins when it was read from, and ends
// when it is again.
type sending struct {
	io.ReadCloser

	watch *watch
}

// Read implements [io.Reader].
func (s *sending) Read(p []byte) (int, error) {
	s.watch.pause()
	defer s.watch.begin()
	return s.ReadCloser.Read(p)
}

// receiving is an answer's body. The store's time is that of each read.
type receiving struct {
	io.ReadCloser

	watch *watch
}

// Read implements [io.Reader].
func (r *receiving) Read(p []byte) (int, error) {
	r.watch.begin()
	defer r.watch.pause()
	n, err := r.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = r.watch.blame(err)
	}
	return n, err
}

// Close implements [io.Closer].
func (r *receiving) Close() error {
	r.watch.close()
	defer r.watch.end(nil)
	return r.ReadCloser.Close()
}

// watch ends a request when too much of the store's time goes by at once.
type watch struct {
	patience time.Duration
	end      context.CancelCauseFunc // ends the request

	mu     sync.Mutex
	timer  *time.Timer
	closed bool
	ended  bool // it was this watch's doing
}

func newWatch(patience time.Duration, end context.CancelCauseFunc) *watch {
	w := &watch{patience: patience, end: end}
	w.timer = time.AfterFunc(patience, w.bite)
	w.timer.Stop()
	return w
}

func (w *watch) bite() {
	w.mu.Lock()
	w.ended = true
	w.mu.Unlock()
	w.end(errStalled)
}

// begin begins a time of the store's, unless the watch is closed.
func (w *watch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.timer.Reset(w.patience)
	}
}

// pause ends it.
func (w *watch) pause() { w.timer.Stop() }

func (w *watch) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.timer.Stop()
}

// blame returns what a request really failed with that seems to have failed with err.
func (w *watch) blame(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return errStalled
	}
	return err
}
