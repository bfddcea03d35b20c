package ratelimit_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/cartulary/cartulary/adapters/ratelimit"
	embedded "github.com/cartulary/cartulary/embedded/redis"
	"github.com/cartulary/cartulary/internal/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const caller = "u:ada"

func open(t *testing.T, cfg ratelimit.Config) *ratelimit.Limiter {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	l, err := ratelimit.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// hourly is so slow to come back that a test sees nothing of it.
func hourly(n int) ratelimit.Rate { return ratelimit.Rate{Requests: n, Window: time.Hour} }

// allowed counts how many of n requests are allowed.
func allowed(t *testing.T, l *ratelimit.Limiter, n int) int {
	t.Helper()
	count := 0
	for range n {
		if l.Take(t.Context(), caller).Allowed {
			count++
		}
	}
	return count
}

// servers is every server that counting together must work on.
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
	"none": func(*testing.T) string { return "" },
}

func TestTheAllowanceIsSpentOnceAndNoMore(t *testing.T) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			l := open(t, ratelimit.Config{Rate: hourly(200), RedisURL: start(t), Patience: 10 * time.Second})
			first := l.Take(t.Context(), caller)
			if !first.Allowed || first.Remaining != 199 || first.RetryAfter != 0 {
				t.Errorf("the first of 200: %+v", first)
			}
			if got := allowed(t, l, 300); got != 199 {
				t.Errorf("%d more were allowed, want 199", got)
			}
			last := l.Take(t.Context(), caller)
			if last.Allowed || last.Remaining != 0 || last.RetryAfter <= 0 || last.RetryAfter > 18*time.Second {
				t.Errorf("one too many: %+v", last)
			}
			if other := l.Take(t.Context(), "u:bob"); !other.Allowed {
				t.Errorf("another caller: %+v", other)
			}
		})
	}
}

func TestTheAllowanceComesBackEvenly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, ratelimit.Config{Rate: hourly(60)})
		if got := allowed(t, l, 61); got != 60 {
			t.Fatalf("%d at once", got)
		}
		v := l.Take(t.Context(), caller)
		if v.RetryAfter != time.Minute || v.Reset != time.Hour {
			t.Errorf("%+v, want one back in a minute, all in an hour", v)
		}
		<-time.After(v.RetryAfter)
		if got := allowed(t, l, 5); got != 1 {
			t.Errorf("%d after a minute, want 1", got)
		}
		<-time.After(10 * time.Minute)
		if got := allowed(t, l, 50); got != 10 {
			t.Errorf("%d after ten more, want 10", got)
		}
	})
}

func TestProcessesCountTogether(t *testing.T) {
	url := redistest.Start(t).URL
	var count atomic.Int64
	var group sync.WaitGroup
	for range 4 {
		l := open(t, ratelimit.Config{Rate: hourly(500), RedisURL: url, Patience: 10 * time.Second})
		for range 4 {
			group.Go(func() {
				for range 100 {
					if l.Take(t.Context(), caller).Allowed {
						count.Add(1)
					}
				}
			})
		}
	}
	group.Wait()
	// What a process took in advance and did not need is the only difference.
	if got := count.Load(); got > 500 || got < 500-4*4*5 {
		t.Errorf("%d of 1600 were allowed, want 500", got)
	}
}

// questions returns how often a server was asked.
func questions(t *testing.T, url string) int {
	t.Helper()
	options, err := goredis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(options)
	defer func() { _ = client.Close() }()
	stats, err := client.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(stats, "cmdstat_evalsha:calls=")
	number, _, _ := strings.Cut(rest, ",")
	n, err := strconv.Atoi(number)
	if err != nil {
		t.Fatalf("%v in %s", err, stats)
	}
	return n
}

func TestFewQuestionsForWhoComesOften(t *testing.T) {
	url := redistest.Start(t).URL
	l := open(t, ratelimit.Config{Rate: hourly(1000), RedisURL: url, Patience: 10 * time.Second})
	if got := allowed(t, l, 5000); got != 1000 {
		t.Errorf("%d were allowed", got)
	}
	// 1, 2, 4, 8 and then 10 at a time; none for those refused.
	if n := questions(t, url); n > 200 {
		t.Errorf("Redis was asked %d times for 5,000 requests", n)
	}
	before := questions(t, url)
	for i := range 50 {
		l.Take(t.Context(), fmt.Sprint("u:", i))
	}
	if n := questions(t, url) - before; n != 50 {
		t.Errorf("Redis was asked %d times for 50 callers", n)
	}
}

// hung takes connections and never answers.
func hung(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return "redis://" + listener.Addr().String()
}

func TestWithoutRedisTheProcessCountsAlone(t *testing.T) {
	away := redistest.Start(t)
	away.Kill()
	for name, url := range map[string]string{"away": away.URL, "hung": hung(t)} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			l := open(t, ratelimit.Config{
				Rate: hourly(100), RedisURL: url, Patience: 20 * time.Millisecond,
				Logger: slog.New(slog.NewTextHandler(&log, nil)),
			})
			begin := time.Now()
			if got := allowed(t, l, 10_000); got != 100 {
				t.Errorf("%d were allowed, want 100", got)
			}
			// One wait of 20 ms, and none while Redis rests.
			if took := time.Since(begin); took > 2*time.Second {
				t.Errorf("10,000 requests took %v", took)
			}
			if n := strings.Count(log.String(), "Redis is away"); n != 1 {
				t.Errorf("%d lines in the log: %s", n, log.String())
			}
		})
	}
}

// until asks again and again.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(20 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come about", what)
		}
		<-tick.C
	}
}

func TestAnOutageGivesNothingAway(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, ratelimit.Config{Rate: hourly(100), RedisURL: server.URL, Patience: 2 * time.Second})
	count := allowed(t, l, 60)
	server.Kill()
	count += allowed(t, l, 20)
	server.Restart(t) // empty
	asked := func() bool {
		l.Take(t.Context(), "u:bob") // who makes it try
		keys := keysOf(t, server.URL)
		return strings.Contains(strings.Join(keys, " "), "u:bob")
	}
	until(t, "that Redis is asked again", asked)
	count += allowed(t, l, 100)
	if count != 100 {
		t.Errorf("%d were allowed, want 100", count)
	}
	// Another process learns from the server what this one told it.
	if other := allowed(t, open(t, ratelimit.Config{Rate: hourly(100), RedisURL: server.URL, Patience: 2 * time.Second}), 100); other != 0 {
		t.Errorf("another process allowed %d more", other)
	}
}

func keysOf(t *testing.T, url string) []string {
	t.Helper()
	options, err := goredis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(options)
	defer func() { _ = client.Close() }()
	keys, err := client.Keys(context.WithoutCancel(t.Context()), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestMemoryIsBounded(t *testing.T) {
	l := open(t, ratelimit.Config{Rate: hourly(1), Callers: 100})
	for i := range 10_000 {
		l.Take(t.Context(), fmt.Sprint("a:", i))
	}
	remembered := 0
	for i := 9_999; i >= 9_900; i-- {
		if !l.Take(t.Context(), fmt.Sprint("a:", i)).Allowed {
			remembered++
		}
	}
	if remembered != 100 {
		t.Errorf("%d of the last 100 callers are remembered", remembered)
	}
	if !l.Take(t.Context(), "a:0").Allowed {
		t.Error("a caller long gone is remembered")
	}
}

func BenchmarkTake(b *testing.B) {
	server, err := embedded.Start()
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	l, err := ratelimit.New(ratelimit.Config{
		Rate: hourly(1_000_000_000), RedisURL: server.URL(), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	b.ReportAllocs()
	for b.Loop() {
		l.Take(b.Context(), caller)
	}
}
