package fsck_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/roles"
	"github.com/cartulary/cartulary/worker"
)

const (
	actEvery   = 5 * time.Millisecond
	lookEvery  = 20 * time.Millisecond
	sweepEvery = 100 * time.Millisecond
)

// crew is workers of a world's tenant, at work until they are dismissed. They wait for
// nothing: what nobody needs goes at once.
type crew struct {
	*world

	sweepers, workers sync.WaitGroup
	cancel            context.CancelFunc // ends the sweepers
	over              chan struct{}      // closed when no more events will come

	mu       sync.Mutex
	onTheWay map[string]bool // keys of staged objects whose upload has not ended
}

// longAgo ahead all that has to be waited for is over.
const longAgo = command.LongestUpload + time.Hour

// nowhere is where read models show files that nobody looks at.
func nowhere(context.Context, uuid.UUID, uuid.UUID) (string, error) { return "", nil }

// hire has workers act on the tenant's events, each on all of them, and sweeps
// beside them.
func (w *world) hire(workers int) *crew {
	c := &crew{world: w, over: make(chan struct{}), onTheWay: map[string]bool{}}
	ctx, cancel := context.WithCancel(w.Context())
	c.cancel = cancel
	logger := slog.New(slog.DiscardHandler)
	forgetter := worker.Forgetter{
		App: w.app, Ledgers: only(w.tenant), Logger: logger,
		Unreferenced: func(ctx context.Context, tenant uuid.UUID, _ time.Time, after uuid.UUID, limit int) ([]uuid.UUID, error) {
			return w.ledger.Streams(ctx, tenant, events.TypeFileReceived, after, limit) // the ledger decides which
		},
	}
	janitor := worker.Janitor{App: w.app, Staging: recorded{staging{w.store}, c}, Ledgers: only(w.tenant), Shown: nowhere, Logger: logger}
	for _, sweep := range []func(context.Context, time.Time) (int, error){forgetter.Sweep, janitor.Sweep} {
		c.sweepers.Go(func() {
			for pause(ctx, sweepEvery) {
				if _, err := sweep(ctx, time.Now().Add(longAgo)); err != nil && ctx.Err() == nil {
					w.Errorf("a sweep failed: %v", err)
				}
			}
		})
	}
	for range workers {
		c.workers.Go(c.work)
	}
	w.Cleanup(func() { cancel(); c.sweepers.Wait(); c.workers.Wait() })
	return c
}

// dismiss ends the sweepers and, once they have acted on all that happened, the workers.
func (c *crew) dismiss() {
	c.cancel()
	c.sweepers.Wait()
	close(c.over)
	c.workers.Wait()
}

// work acts on all events as they come.
func (c *crew) work() {
	ctx, logger := c.Context(), slog.New(slog.DiscardHandler)
	put := postgres.NewDeferrals(c.pool)
	remover := worker.Remover{App: c.app, Objects: c.store, Logger: logger}
	hands := []*worker.Patient{
		{Queue: "worker", Act: c.worker.Act, Deferrals: put, Logger: logger},
		{Queue: "remover", Act: remover.Act, Deferrals: put, Logger: logger},
	}
	for after := int64(0); pause(ctx, actEvery); {
		over := ended(c.over)
		batch, err := c.ledger.Read(ctx, c.tenant, after, 1000)
		waiting := 0
		for _, h := range hands {
			if err == nil {
				err = h.Handle(ctx, batch)
			}
			if err == nil {
				_, err = h.Redrive(ctx)
			}
			if err == nil {
				var failing int
				failing, _, err = put.Failing(ctx, h.Queue)
				waiting += failing
			}
		}
		switch {
		case err != nil:
			if ctx.Err() == nil {
				c.Errorf("a worker failed: %v", err)
			}
			return
		case len(batch) > 0:
			after = batch[len(batch)-1].Seq
		case over && waiting == 0:
			return
		}
	}
}

// upload stages bytes and makes a document of them, as the API does.
func (c *crew) upload(document uuid.UUID, text string) error {
	key := command.StagingPath(c.tenant, document)
	c.stages(key, true)
	defer c.stages(key, false)
	digest, err := c.store.Put(c.Context(), key, "text/plain", strings.NewReader(text), 16<<20)
	if err != nil {
		return err
	}
	made, err := c.app.UploadDocument(c.Context(), c.meta(), command.UploadDocument{
		TenantID: c.tenant, DocumentID: document, Filename: "a.txt", MimeType: "text/plain", Digest: digest, S3Path: key, By: c.by,
	}, nil)
	if err == nil && made.Value.Deduplicated {
		err = c.store.Delete(c.Context(), key)
	}
	return err
}

func (c *crew) stages(key string, begins bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.onTheWay[key] = begins; !begins {
		delete(c.onTheWay, key)
	}
}

// forgotten waits until the file of a document is deleted.
func (c *crew) forgotten(document uuid.UUID) error {
	d, err := c.app.DocumentByID(c.Context(), c.tenant, document)
	for err == nil {
		var f command.File
		f, err = c.app.FileByID(c.Context(), c.tenant, d.FileID)
		if err == nil && f.Status == command.FileDeleted {
			return nil
		}
		pause(c.Context(), lookEvery)
	}
	return err
}

// sweepOrphans removes what workers left who did things twice, as the daily sweep does.
func (c *crew) sweepOrphans() {
	c.Helper()
	logger := slog.New(slog.DiscardHandler)
	platform, err := roles.Open(c.Context(), c.cfg, roles.NewHints(nil, logger), logger)
	c.must(err)
	defer platform.Close()
	c.must(platform.SweepOrphans(c.Context(), c.store, 0))
}

// recorded is a store without the staged objects whose upload has not ended: what the
// grace that a janitor grants stands for.
type recorded struct {
	staging

	crew *crew
}

func (r recorded) List(ctx context.Context, prefix string, found func(worker.StagedObject) error) error {
	return r.staging.List(ctx, prefix, func(o worker.StagedObject) error {
		r.crew.mu.Lock()
		young := r.crew.onTheWay[o.Key]
		r.crew.mu.Unlock()
		if young {
			return nil
		}
		return found(o)
	})
}

// pause waits and reports whether ctx is still good.
func pause(ctx context.Context, wait time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(wait):
		return true
	}
}

func ended(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
