package httpapi

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/cartulary/cartulary/command"
)

// maxUpload is the largest file, in bytes (requirements §16.2).
const maxUpload = 100 << 20

// maxOverhead is how much more than the file an upload's body may hold, in bytes.
const maxOverhead = 1 << 20

// An upload has to keep a pace: it gets uploadStart, and then a second for every
// slowestUpload bytes.
const (
	uploadStart   = time.Minute
	slowestUpload = 16 << 10
)

// No body takes as long as the worker's sweeps count on: else this does not compile.
const _ = uint(command.LongestUpload - uploadStart - (maxUpload+maxOverhead)/slowestUpload*time.Second)

// pacedBody is the body of an upload. It may take as long as it needs, as long as
// it neither stands still nor crawls.
type pacedBody struct {
	body    io.Reader
	control *http.ResponseController
	idle    time.Duration
	start   time.Time
	moved   time.Time // when the deadline was last moved
	total   int64
	err     error // what a read failed with
}

func newPacedBody(w http.ResponseWriter, r *http.Request, idle time.Duration) (*pacedBody, error) {
	b := &pacedBody{
		body: http.MaxBytesReader(w, r.Body, maxUpload+maxOverhead), control: http.NewResponseController(w),
		idle: idle, start: time.Now(),
	}
	// The server's deadlines are those of quick requests.
	return b, errors.Join(b.moveDeadline(b.start), b.control.SetWriteDeadline(time.Time{}))
}

// Read implements [io.Reader].
func (b *pacedBody) Read(p []byte) (int, error) {
	if now := time.Now(); now.Sub(b.moved) > b.idle/32 {
		if err := b.moveDeadline(now); err != nil {
			b.err = err
			return 0, err
		}
	}
	n, err := b.body.Read(p)
	b.total += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

func (b *pacedBody) moveDeadline(now time.Time) error {
	b.moved = now
	deadline := now.Add(b.idle)
	latest := b.start.Add(uploadStart + time.Duration(b.total/slowestUpload)*time.Second)
	if latest.Before(deadline) {
		deadline = latest
	}
	return b.control.SetReadDeadline(deadline)
}

// cappedFile is a file on its way in. It fails once it holds more than limit
// bytes.
type cappedFile struct {
	part     io.Reader
	limit    int64
	read     int64
	exceeded bool
	err      error // what a read failed with
}

// Read implements [io.Reader].
func (f *cappedFile) Read(p []byte) (int, error) {
	n, err := f.part.Read(p)
	f.read += int64(n)
	if f.read > f.limit {
		f.exceeded = true
		return n, errTooLarge(f.limit)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = err
	}
	return n, err
}
