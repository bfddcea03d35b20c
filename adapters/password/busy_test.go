package password_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cartulary/cartulary/adapters/password"
)

// A flood of passwords is answered: some hashed, the rest sent away, soon.
func TestTooManyPasswordsAreSentAway(t *testing.T) {
	for name, cfg := range map[string]password.Config{
		"the queue is full": {MemoryKiB: 4096, Iterations: 2, Concurrent: 1, Waiting: 4, Patience: time.Minute},
		"nobody waits long": {MemoryKiB: 4096, Iterations: 2, Concurrent: 1, Waiting: 1000, Patience: time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := password.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			var hashed, busy atomic.Int64
			var group sync.WaitGroup
			for range 100 {
				group.Go(func() {
					switch _, err := h.Hash(t.Context(), "correct horse"); {
					case err == nil:
						hashed.Add(1)
					case errors.Is(err, password.ErrBusy):
						busy.Add(1)
					default:
						t.Error(err)
					}
				})
			}
			group.Wait()
			if hashed.Load() == 0 || busy.Load() == 0 {
				t.Errorf("%d hashed, %d sent away", hashed.Load(), busy.Load())
			}
			if _, err := h.Hash(t.Context(), "correct horse"); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}
