package worker_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/internal/collision"
)

// put overwrites what lies under a key.
func (b *testBundle) put(t *testing.T, key string, content []byte) {
	t.Helper()
	if _, err := b.store.Put(t.Context(), key, "text/plain", bytes.NewReader(content), 1<<20); err != nil {
		t.Fatal(err)
	}
}

func (b *testBundle) retry(t *testing.T, c command.UploadDocument) error {
	t.Helper()
	_, err := b.app.RetryFile(t.Context(), b.meta(), command.RetryFile{TenantID: b.tenant, FileID: command.FileID(b.tenant, c.Digest)})
	return err
}

func TestAFailedFileIsRetriedOnceItsBytesAreRight(t *testing.T) {
	t.Parallel()
	b := setup(t)
	content := []byte("what was received")
	c := b.upload(t, []byte("something else"), content)
	received := b.file(t, c.Digest)
	for range 2 {
		b.work(t)
		f := b.file(t, c.Digest)
		if f.Status != command.FileFailed || f.Failure != "the stored bytes are not the received ones" {
			t.Fatalf("wrong bytes: %s, %q", f.Status, f.Failure)
		}
		if err := b.retry(t, c); err != nil {
			t.Fatal(err)
		}
		if f := b.file(t, c.Digest); f.Status != command.FileProcessing || f.Failure != "" {
			t.Fatalf("retried: %s, %q", f.Status, f.Failure)
		}
	}
	if err := b.retry(t, c); !errors.Is(err, command.ErrNotFailed) {
		t.Errorf("retried twice: %v", err)
	}
	b.put(t, c.S3Path, content)
	before := len(b.trail(t))
	for range 2 {
		b.work(t) // all messages, also those that were handled before
	}
	f := b.file(t, c.Digest)
	want := command.StoredPath(b.tenant, command.FileID(b.tenant, c.Digest), c.Digest.MD5, received.BornAt, received.Born)
	if f.Status != command.FileReady || f.S3Path != want || len(b.trail(t)) != before+1 {
		t.Errorf("%s under %s, want %s; %d events more", f.Status, f.S3Path, want, len(b.trail(t))-before)
	}
	if got, err := b.store.Verify(t.Context(), f.S3Path); err != nil || got != c.Digest {
		t.Errorf("under the final key lies %+v, %v", got, err)
	}
}

// An operator gives a file to be processed anew whose message got lost: the message
// does nothing any more should it turn up.
func TestAFileStuckOnItsWayIsRetried(t *testing.T) {
	t.Parallel()
	b := setup(t)
	content := []byte("some bytes")
	c := b.upload(t, content, content)
	lost := b.trail(t)
	_, err := b.app.RetryFile(t.Context(), command.Meta{ID: uuid.New()}, command.RetryFile{
		TenantID: b.tenant, FileID: command.FileID(b.tenant, c.Digest), StuckBefore: time.Now().Add(time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.worker.Handle(t.Context(), lost); err != nil {
		t.Fatal(err)
	}
	if f := b.file(t, c.Digest); f.Status != command.FileProcessing {
		t.Errorf("another message than the last: %s", f.Status)
	}
	all := b.trail(t)
	if r, err := events.Decode(all[len(all)-1].Body); err != nil || r.Type == events.TypeFileStored {
		t.Errorf("the last event is %s, %v", r.Type, err)
	}
	b.work(t)
	if f := b.file(t, c.Digest); f.Status != command.FileReady {
		t.Errorf("the file is %s", f.Status)
	}
}

// Files that MD5 can't tell apart have keys and bytes of their own; and bytes that
// only MD5 takes for what was received are not taken for it.
func TestBytesThatMD5ConfusesAreFiledApart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second := collision.Blocks(t)
	kept := []command.UploadDocument{b.upload(t, first, first), b.upload(t, second, second)}
	swapped := b.upload(t, append(first, 'x'), append(second, 'x'))
	b.work(t)
	keys := map[string]bool{}
	for _, c := range kept {
		f := b.file(t, c.Digest)
		if got, err := b.store.Verify(t.Context(), f.S3Path); f.Status != command.FileReady || err != nil || got != c.Digest || got.MD5 != collision.MD5 {
			t.Errorf("%s: %+v, %v", f.Status, got, err)
		}
		keys[f.S3Path] = true
	}
	if len(keys) != 2 {
		t.Errorf("keys: %v", keys)
	}
	if f := b.file(t, swapped.Digest); f.Status != command.FileFailed {
		t.Errorf("bytes with the MD5 of others: %s", f.Status)
	}
}
