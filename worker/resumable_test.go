package worker_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/command"
)

func TestWhatIsLeftOfResumableUploadsIsSwept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	young, old := uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	copy(old[:6], []byte{0x01, 0x8c, 0xc2, 0x51, 0xf4, 0x00}) // begun on 1 January 2024
	for _, upload := range []uuid.UUID{young, old} {
		prefix := command.ResumablePrefix(b.tenant) + upload.String() + "/"
		if _, _, err := b.store.AppendChunks(t.Context(), prefix, 0, strings.NewReader("bytes"), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.store.Replace(t.Context(), command.ResumablePrefix(b.tenant)+old.String()+"/gone", "text/plain", nil); err != nil {
		t.Fatal(err)
	}
	janitor := b.janitor(staging{b.store}, b.tenant)
	sweep := func(before time.Time, want int) {
		t.Helper()
		if removed, err := janitor.Sweep(t.Context(), before); err != nil || removed != want {
			t.Errorf("%d removed, %v; want %d", removed, err, want)
		}
	}
	sweep(time.Now(), 2)
	sweep(time.Now().Add(command.ResumableLifetime+time.Minute), 0) // a request that began at the last moment may be at it
	sweep(time.Now().Add(command.ResumableLifetime+command.LongestUpload+time.Minute), 1)
	err := b.store.List(t.Context(), command.TenantPrefix(b.tenant), func(o s3.Object) error {
		t.Errorf("left behind: %s", o.Key)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
