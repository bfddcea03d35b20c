package worker_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/internal/faultproxy"
	"github.com/cartulary/cartulary/internal/s3test"
)

// Whatever happens between the worker and the store, a file is ready only when all its
// bytes were verified, and becomes so once the store is well.
func TestAFileIsReadyOnlyWhenItsBytesWereVerified(t *testing.T) {
	t.Parallel()
	b := setup(t)
	proxy := faultproxy.Start(t, b.endpoint)
	store, err := s3.New(t.Context(), s3.Config{
		Endpoint: proxy.Endpoint, AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey,
		Bucket: s3test.Bucket, Region: s3test.Region, PathStyle: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	w := b.workerOver(store)
	for name, test := range map[string]struct {
		fault faultproxy.Fault
		ready bool // all the same
	}{
		"away":        {fault: faultproxy.Fault{Refuse: true}},
		"cut off":     {fault: faultproxy.Fault{CutReceived: 300 << 10}},
		"other bytes": {fault: faultproxy.Fault{Flip: true}},
		"slow":        {fault: faultproxy.Fault{Pause: 5 * time.Millisecond}, ready: true},
	} {
		content := append([]byte(name), bytes.Repeat([]byte{7}, 1<<19)...)
		c := b.upload(t, content, content)
		proxy.Set(test.fault)
		if err := w.Handle(t.Context(), b.trail(t)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		f := b.file(t, c.Digest)
		if (f.Status == command.FileReady) != test.ready {
			t.Errorf("%s: the file is %s", name, f.Status)
		}
		proxy.Set(faultproxy.Fault{})
		if f.Status == command.FileFailed {
			if err := b.retry(t, c); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		b.hurry(t)
		if _, err := w.Redrive(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := w.Handle(t.Context(), b.trail(t)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		f = b.file(t, c.Digest)
		if got, err := b.store.Verify(t.Context(), f.S3Path); f.Status != command.FileReady || err != nil || got != c.Digest {
			t.Errorf("%s: once the store is well, the file is %s, with %+v, %v", name, f.Status, got, err)
		}
	}
}
