package redis_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cartulary/cartulary/adapters/redis"
	embedded "github.com/cartulary/cartulary/embedded/redis"
	"github.com/cartulary/cartulary/internal/redistest"
)

const patience = 20 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// servers is every server that the bus must work on.
var servers = map[string]func(*testing.T) string{
	"redis-server": func(t *testing.T) string { t.Helper(); return redistest.Start(t).URL },
	"embedded": func(t *testing.T) string {
		t.Helper()
		server, err := embedded.Start()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Close)
		return server.URL()
	},
}

func open(t *testing.T, url string, log *slog.Logger) *redis.Bus {
	t.Helper()
	bus, err := redis.New(url, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
	return bus
}

// subscribe listens on channel a until the test ends.
func subscribe(t *testing.T, bus *redis.Bus) <-chan string {
	t.Helper()
	heard := make(chan string, 100_000)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		handlers := map[string]func([]byte){"a": func(payload []byte) { heard <- string(payload) }}
		if err := bus.Subscribe(ctx, handlers); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); running.Wait() })
	return heard
}

// until publishes text again and again until it is heard: a hint from before the
// subscription stood is lost.
func until(t *testing.T, bus *redis.Bus, heard <-chan string, text string) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		_ = bus.Publish(t.Context(), "a", []byte(text)) // may be dropped meanwhile
		select {
		case got := <-heard:
			if got == text {
				return
			}
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%q was never heard", text)
		}
	}
}

func TestHintsTravelBetweenProcesses(t *testing.T) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			url := start(t)
			here, there := open(t, url, slog.New(slog.DiscardHandler)), open(t, url, slog.New(slog.DiscardHandler))
			heard := subscribe(t, there)
			until(t, here, heard, "first")
			for _, text := range []string{"x", "", "\x00\xff binary"} {
				if err := here.Publish(t.Context(), "b", []byte("another channel's")); err != nil {
					t.Fatal(err)
				}
				until(t, here, heard, text)
			}
		})
	}
}

func TestBusFindsRedisAgain(t *testing.T) {
	server := redistest.Start(t)
	var log lockedBuffer
	bus := open(t, server.URL, slog.New(slog.NewTextHandler(&log, nil)))
	heard := subscribe(t, bus)
	until(t, bus, heard, "before")
	server.Kill()
	for range 10_000 { // far more than the queue holds; none of them may block
		err := bus.Publish(t.Context(), "a", []byte("lost"))
		if err != nil && !errors.Is(err, redis.ErrDropped) {
			t.Fatal(err)
		}
	}
	server.Restart(t)
	until(t, bus, heard, "after")
	if n := strings.Count(log.String(), "level=WARN"); n > 4 {
		t.Errorf("%d warnings of one outage:\n%s", n, log.String())
	}
}

func TestPublishNeverBlocks(t *testing.T) {
	bus := open(t, "redis://127.0.0.1:1/0", slog.New(slog.DiscardHandler))
	var dropped error
	for range 10_000 {
		if err := bus.Publish(t.Context(), "a", nil); err != nil {
			dropped = err
		}
	}
	if !errors.Is(dropped, redis.ErrDropped) {
		t.Errorf("%v, want ErrDropped", dropped)
	}
}

func TestMalformedURLIsNotRepeated(t *testing.T) {
	_, err := redis.New("redis://user:secret@host:port:x", slog.New(slog.DiscardHandler))
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
