package refusals_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/refusals"
)

var ada, bob, open, closed = uuid.UUID{15: 1}, uuid.UUID{15: 2}, uuid.UUID{15: 3}, uuid.UUID{15: 4}

// book is what was recorded.
type book struct {
	mu     sync.Mutex
	lines  []line
	err    error         // of recording
	closed chan struct{} // recording waits for it, if it is set
}

type line struct {
	User   uuid.UUID
	Route  string
	Count  int
	Status int
}

func (b *book) record(_ context.Context, meta command.Meta, c command.RecordRefusal) (command.Receipt, error) {
	if b.closed != nil {
		<-b.closed
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, line{meta.Actor, c.Route, c.Count, c.Status})
	return command.Receipt{}, b.err
}

func (b *book) read() []line {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]line(nil), b.lines...)
}

func start(t *testing.T, b *book, change func(*refusals.Config)) (*refusals.Recorder, *bytes.Buffer, func()) {
	t.Helper()
	var log bytes.Buffer
	cfg := refusals.Config{
		Record: b.record, Logger: slog.New(slog.NewJSONHandler(&log, nil)),
		Exists: func(_ context.Context, tenant uuid.UUID) (bool, error) { return tenant == open, nil },
	}
	if change != nil {
		change(&cfg)
	}
	r := refusals.New(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx)
	}()
	return r, &log, func() {
		cancel()
		<-done
	}
}

func refuse(r *refusals.Recorder, user, tenant uuid.UUID, route string) {
	r.Refused(command.Meta{Actor: user}, command.RecordRefusal{
		TenantID: tenant, Method: "GET", Route: route, Reason: "role", Status: 403,
	})
}

func TestAFloodOfEqualRefusalsIsFewEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &book{}
		r, _, stop := start(t, b, nil)
		for range 1000 {
			refuse(r, ada, open, "/a")
		}
		refuse(r, bob, open, "/a")
		refuse(r, ada, open, "/b")
		synctest.Wait()
		want := []line{{ada, "/a", 1, 403}, {bob, "/a", 1, 403}, {ada, "/b", 1, 403}}
		if diff := cmp.Diff(want, b.read()); diff != "" {
			t.Errorf("at once (-want +got):\n%s", diff)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		want = append(want, line{ada, "/a", 999, 403})
		if diff := cmp.Diff(want, b.read()); diff != "" {
			t.Errorf("two minutes later (-want +got):\n%s", diff)
		}
		time.Sleep(time.Minute)
		refuse(r, ada, open, "/a")
		synctest.Wait()
		want = append(want, line{ada, "/a", 1, 403})
		if diff := cmp.Diff(want, b.read()); diff != "" {
			t.Errorf("after a quiet time (-want +got):\n%s", diff)
		}
		stop()
	})
}

func TestWhatWasNotedIsRecordedAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &book{}
		r, _, stop := start(t, b, nil)
		for range 5 {
			refuse(r, ada, open, "/a")
		}
		stop()
		if diff := cmp.Diff([]line{{ada, "/a", 1, 403}, {ada, "/a", 4, 403}}, b.read()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestRefusalsOfTenantsThatDoNotExistAreNotRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &book{}
		r, log, stop := start(t, b, nil)
		refuse(r, ada, closed, "/a")
		stop()
		if len(b.read()) > 0 || log.Len() > 0 {
			t.Errorf("recorded %v, logged %s", b.read(), log)
		}
	})
}

// While nothing can be recorded, noting goes on without waiting, memory is bounded
// and the log counts what is lost.
func TestRefusingNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &book{closed: make(chan struct{})}
		r, log, stop := start(t, b, func(c *refusals.Config) { c.Queue, c.Kinds = 2, 5 })
		refuse(r, ada, open, "/taken")
		synctest.Wait() // and held by the recorder
		for i := range 20 {
			refuse(r, ada, open, "/"+strings.Repeat("x", i))
		}
		close(b.closed)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := len(b.read()); got != 3 {
			t.Errorf("%d recorded, want the one under way and the two that were queued", got)
		}
		if !strings.Contains(log.String(), `"lost":18`) {
			t.Errorf("the log says %s", log)
		}
		stop()
	})
}

func TestAFailureIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &book{err: errors.New("the database is away")}
		r, log, stop := start(t, b, nil)
		refuse(r, ada, open, "/a")
		stop()
		if !strings.Contains(log.String(), "refusal not recorded") || !strings.Contains(log.String(), ada.String()) {
			t.Errorf("the log says %s", log)
		}
	})
}
