package kafka

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/cartulary/cartulary/events"
)

// reader collects what subscribers hand over.
type reader struct {
	mu      sync.Mutex
	last    map[uuid.UUID]int64
	seen    int // first deliveries, in order
	again   int // redeliveries
	batches int
	largest int
	wrong   error
}

func newReader() *reader { return &reader{last: make(map[uuid.UUID]int64)} }

func (r *reader) handle(_ context.Context, batch []events.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.batches++
	r.largest = max(r.largest, len(batch))
	for _, e := range batch {
		switch last := r.last[e.Ledger]; {
		case e.Seq == last+1:
			r.last[e.Ledger] = e.Seq
			r.seen++
		case e.Seq <= last:
			r.again++
		default:
			r.wrong = errors.New("an event was skipped")
		}
	}
	return nil
}

func (r *reader) has(n int) func() bool {
	return func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.seen == n || r.wrong != nil
	}
}

func (r *reader) check(t *testing.T, seen int) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.wrong != nil || r.seen != seen {
		t.Errorf("saw %d events, want %d; %v", r.seen, seen, r.wrong)
	}
}

func (b *testBundle) subscriber(group string, maxBatch int) *Subscriber {
	return NewSubscriber(SubscriberConfig{
		Brokers: b.broker.Addrs(), Group: group, Topics: []string{events.TopicAudit}, MaxBatch: maxBatch, Logger: b.logger,
	})
}

// subscribe runs s until the returned function is called.
func (b *testBundle) subscribe(t *testing.T, s *Subscriber, handle Handler) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(b.ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Run(ctx, handle); err != nil {
			t.Error(err)
		}
	})
	stop = func() { cancel(); wg.Wait() }
	t.Cleanup(stop)
	return stop
}

func TestSubscriberBatchesAndRemembers(t *testing.T) {
	b := setup(t)
	history := given(6, 1000)
	b.publish(t, history[:5994])
	group, r := uuid.NewString(), newReader()
	s := b.subscriber(group, 400)
	stop := b.subscribe(t, s, r.handle)
	until(b.ctx, t, "all is read", r.has(5994))
	if r.largest > 400 || r.batches > 600 {
		t.Errorf("%d batches, the largest of %d events; want at most 400 events each, and few", r.batches, r.largest)
	}
	until(b.ctx, t, "the status says so", func() bool {
		total, lag := int64(0), int64(0)
		for _, p := range s.Status() {
			total, lag = total+p.Offset, lag+p.Lag
		}
		return total == 5994 && lag == 0
	})
	stop()
	if got := s.Status(); len(got) != 0 {
		t.Errorf("status %v after the end, want none", got)
	}
	b.publish(t, history[5994:])
	b.subscribe(t, b.subscriber(group, 400), r.handle)
	until(b.ctx, t, "the rest is read", r.has(6000))
	r.check(t, 6000)
	if r.again != 0 {
		t.Errorf("%d events came again after a proper end", r.again)
	}
}

func TestSubscriberHandsOverALoneEventAtOnce(t *testing.T) {
	b := setup(t)
	got := make(chan struct{}, 1)
	b.subscribe(t, b.subscriber(uuid.NewString(), 0), func(context.Context, []events.Message) error {
		got <- struct{}{}
		return nil
	})
	best := time.Hour
	c := chain{ledger: uuid.New()}
	for range 30 {
		start := time.Now()
		b.publish(t, c.next(1))
		<-got
		best = min(best, time.Since(start))
	}
	if best > 50*time.Millisecond { // it is a few; machines differ
		t.Errorf("the fastest of 30 took %v", best)
	}
}

func TestSubscriberRetriesInPlace(t *testing.T) {
	b := setup(t)
	b.publish(t, given(2, 100))
	r := newReader()
	var mu sync.Mutex
	failures := make(map[uuid.UUID]int)
	b.subscribe(t, b.subscriber(uuid.NewString(), 30), func(ctx context.Context, batch []events.Message) error {
		mu.Lock()
		failures[batch[0].ID]++
		n := failures[batch[0].ID]
		mu.Unlock()
		if n <= 2 {
			return errors.New("not now")
		}
		return r.handle(ctx, batch)
	})
	until(b.ctx, t, "all is read", r.has(200))
	r.check(t, 200)
	if r.again != 0 {
		t.Errorf("%d events were handled again", r.again)
	}
}

func TestSubscriberSkipsForeignMessages(t *testing.T) {
	b := setup(t)
	now := time.Now()
	ours := given(1, 4)
	good := recordsOf(ours)
	no := func(change func(*kgo.Record)) kgo.Record {
		r := recordsOf(given(1, 2)[1:])[0]
		r.Key = good[0].Key // in the same partition
		change(&r)
		return r
	}
	records := []kgo.Record{
		{Topic: events.TopicAudit, Key: good[0].Key, Value: []byte("hello"), Timestamp: now},
		good[0],
		no(func(r *kgo.Record) { r.Headers = r.Headers[:2] }),
		no(func(r *kgo.Record) { r.Value = nil }),
		good[1],
		{Topic: events.TopicAudit, Key: []byte("not a ledger"), Value: []byte("{}"), Timestamp: now},
		{Topic: events.TopicAudit, Value: []byte("{}"), Timestamp: now},
	}
	records = append(records, good[2:]...)
	if err := b.publisher.send(b.ctx, records); err != nil {
		t.Fatal(err)
	}
	r := newReader()
	b.subscribe(t, b.subscriber(uuid.NewString(), 0), r.handle)
	until(b.ctx, t, "our events are read", r.has(4))
	r.check(t, 4)
	if r.again != 0 {
		t.Errorf("%d foreign messages were handed over", r.again)
	}
	if b.logs.count("foreign message skipped") == 0 {
		t.Error("nothing was said of the foreign messages")
	}
}

func TestSubscribersShareAndHandOver(t *testing.T) {
	b := setup(t)
	history := given(12, 150)
	group, r := uuid.NewString(), newReader()
	first, second := b.subscriber(group, 50), b.subscriber(group, 50)
	stopFirst := b.subscribe(t, first, r.handle)
	b.publish(t, history[:600])
	until(b.ctx, t, "the first reads alone", r.has(600))
	b.subscribe(t, second, r.handle)
	until(b.ctx, t, "they share the partitions", func() bool {
		one, two := len(first.Status()), len(second.Status())
		return one > 0 && two > 0 && one+two == 3
	})
	b.publish(t, history[600:1200])
	until(b.ctx, t, "both read", r.has(1200))
	stopFirst()
	until(b.ctx, t, "the second has all partitions", func() bool { return len(second.Status()) == 3 })
	b.publish(t, history[1200:])
	until(b.ctx, t, "the second reads alone", r.has(1800))
	r.check(t, 1800)
}

func TestSubscriberSurvivesABrokerThatIsAway(t *testing.T) {
	b := setup(t)
	history := given(3, 40)
	r := newReader()
	b.subscribe(t, b.subscriber(uuid.NewString(), 0), r.handle)
	b.publish(t, history[:60])
	until(b.ctx, t, "the first half is read", r.has(60))
	b.broker.Kill(t)
	until(b.ctx, t, "the subscriber notices", func() bool { return b.logs.count("level=WARN") > 0 })
	b.broker.Restart(t)
	b.publish(t, history[60:])
	until(b.ctx, t, "the second half is read", r.has(120))
	r.check(t, 120)
}

// victimVariable makes the test binary a subscriber that is about to be killed.
const victimVariable = "CARTULARY_TEST_VICTIM"

// victim handles events, says so, and waits to be killed before it commits. It
// ends with whoever started it.
func victim() int {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	args := strings.Split(os.Getenv(victimVariable), " ") // broker, group
	s := NewSubscriber(SubscriberConfig{Brokers: args[:1], Group: args[1], Topics: []string{events.TopicAudit}})
	var once sync.Once
	_ = s.Run(context.Background(), func(ctx context.Context, _ []events.Message) error {
		once.Do(func() { _, _ = os.Stdout.WriteString("handled\n") })
		<-ctx.Done()
		return ctx.Err()
	})
	return 0
}

func TestKillBetweenHandlingAndCommitRedelivers(t *testing.T) {
	b := setup(t)
	history := given(2, 30)
	b.publish(t, history)
	group := uuid.NewString()
	child := exec.CommandContext(b.ctx, os.Args[0])
	child.Env = append(os.Environ(), victimVariable+"="+b.broker.Addrs()[0]+" "+group)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := child.StdinPipe(); err != nil { // stays open as long as we live
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "handled\n" {
		t.Fatalf("the child said %q, %v", line, err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // says "killed"
	r := newReader()
	b.subscribe(t, b.subscriber(group, 0), r.handle)
	until(b.ctx, t, "all is delivered again", r.has(60))
	r.check(t, 60)
}
