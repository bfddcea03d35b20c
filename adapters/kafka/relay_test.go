package kafka

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

func leads() bool { return true }

// run runs a relay until the test ends.
func (b *testBundle) run(t *testing.T, r *Relay, valid func() bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(b.ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.Run(ctx, valid); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
}

func TestRelayPublishesInOrderAndEmptiesTheOutbox(t *testing.T) {
	b := setup(t)
	outbox, want := newOutbox(), given(7, 60)
	outbox.fill(want)
	var published atomic.Int64
	r := NewRelay(outbox, b.publisher, RelayOptions{Page: 50, Logger: b.logger, OnPublished: func(page []events.Message) {
		published.Add(int64(len(page)))
	}})
	b.run(t, r, leads)
	until(b.ctx, t, "the outbox is empty", outbox.empty)
	if got := published.Load(); got != int64(len(want)) {
		t.Errorf("OnPublished told of %d events, want %d", got, len(want))
	}
	if duplicates := wantFirsts(t, b.topic(t, events.TopicAudit, len(want)), want); duplicates != 0 {
		t.Errorf("%d duplicates", duplicates)
	}
	uploads := 7 * 9 // seq 1, 8, … 57
	if got := len(b.topic(t, events.TopicDocumentUploaded, uploads)); got != uploads {
		t.Errorf("%d uploads on their own topic, want %d", got, uploads)
	}
}

func TestRelayAnswersAWakeAtOnce(t *testing.T) {
	b := setup(t)
	outbox, wake := newOutbox(), make(chan struct{}, 1)
	published := make(chan struct{}, 1)
	r := NewRelay(outbox, b.publisher, RelayOptions{Wake: wake, Logger: b.logger, OnPublished: func([]events.Message) { published <- struct{}{} }})
	b.run(t, r, leads)
	c := chain{ledger: uuid.New()}
	best := time.Hour
	for range 50 {
		outbox.append(c.next(1), func() {})
		start := time.Now()
		select {
		case wake <- struct{}{}:
		default:
		}
		<-published
		best = min(best, time.Since(start))
	}
	if best > 20*time.Millisecond { // it is a fraction of one; machines differ
		t.Errorf("the fastest of 50 took %v", best)
	}
}

func TestRelayNeedsNoHint(t *testing.T) {
	b := setup(t)
	outbox, wake := newOutbox(), make(chan struct{})
	close(wake) // whoever gave hints is gone
	b.run(t, NewRelay(outbox, b.publisher, RelayOptions{Wake: wake, Logger: b.logger}), leads)
	want := given(1, 3)
	outbox.fill(want)
	until(b.ctx, t, "the outbox is empty", outbox.empty)
	wantFirsts(t, b.topic(t, events.TopicAudit, 3), want)
}

// Rows turn up behind others that were read already, and next rows of the same
// ledger in front of them.
func TestRelayKeepsOrderWhenRowsAreCommittedLate(t *testing.T) {
	b := setup(t)
	outbox := newOutbox()
	b.run(t, NewRelay(outbox, b.publisher, RelayOptions{Page: 8, Logger: b.logger}), leads)
	const ledgers, rows = 24, 40
	var (
		writers sync.WaitGroup
		mu      sync.Mutex
		want    []events.Message
	)
	for i := range ledgers {
		writers.Go(func() {
			c := chain{ledger: uuid.New()}
			for n := range rows {
				row := c.next(1 + (n+i)%3)
				late := make(chan struct{})
				timer := time.AfterFunc(time.Duration((n*7+i*13)%5)*200*time.Microsecond, func() { close(late) })
				outbox.append(row, func() { <-late })
				timer.Stop()
				mu.Lock()
				want = append(want, row...)
				mu.Unlock()
			}
		})
	}
	writers.Wait()
	until(b.ctx, t, "the outbox is empty", outbox.empty)
	if duplicates := wantFirsts(t, b.topic(t, events.TopicAudit, len(want)), want); duplicates != 0 {
		t.Errorf("%d duplicates", duplicates)
	}
}

// The same, once and exactly: while a page is sent, a row is committed whose id
// that page has passed, and the next row of its ledger after it.
func TestRelayDoesNotOvertakeALateRow(t *testing.T) {
	for name, published := range map[string]int{"of a ledger not seen before": 0, "of a ledger seen before": 2} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			outbox := newOutbox()
			early, late := chain{ledger: uuid.New()}, chain{ledger: uuid.New()}
			var want []events.Message
			add := func(c *chain, between func()) {
				row := c.next(1)
				want = append(want, row...)
				outbox.append(row, between)
			}
			for range published {
				add(&late, func() {})
			}
			drawn, commit, committed := make(chan struct{}), make(chan struct{}), make(chan struct{})
			first := late.next(1)
			go func() {
				defer close(committed)
				outbox.append(first, func() { close(drawn); <-commit })
			}()
			<-drawn
			for range 4 {
				add(&early, func() {})
			}
			var once sync.Once
			outbox.ahead = func() {
				once.Do(func() {
					close(commit)
					<-committed
					add(&late, func() {})
					add(&early, func() {})
				})
			}
			b.run(t, NewRelay(outbox, b.publisher, RelayOptions{Page: 4 + published, Logger: b.logger}), leads)
			<-committed
			until(b.ctx, t, "the outbox is empty", outbox.empty)
			want = append(want, first...)
			wantFirsts(t, b.topic(t, events.TopicAudit, len(want)), want)
		})
	}
}

func TestRelaySurvivesAnOutboxThatIsAway(t *testing.T) {
	b := setup(t)
	outbox, want := newOutbox(), given(3, 10)
	outbox.fail(true)
	outbox.fill(want)
	b.run(t, NewRelay(outbox, b.publisher, RelayOptions{Logger: b.logger}), leads)
	until(b.ctx, t, "the relay has tried often", func() bool {
		outbox.mu.Lock()
		defer outbox.mu.Unlock()
		return outbox.reads > 4
	})
	outbox.fail(false)
	until(b.ctx, t, "the outbox is empty", outbox.empty)
	wantFirsts(t, b.topic(t, events.TopicAudit, len(want)), want)
	if away, back := b.logs.count(`msg="away, retrying" component=relay what=outbox`), b.logs.count(`msg=back component=relay what=outbox`); away != 1 || back != 1 {
		t.Errorf("logged away %d times, back %d times, want once each:\n%s", away, back, b.logs)
	}
}

func TestRelaySurvivesABrokerThatIsAway(t *testing.T) {
	b := setup(t)
	outbox := newOutbox()
	publisher := NewPublisher(PublisherConfig{Brokers: b.broker.Addrs(), answer: time.Second})
	t.Cleanup(func() { _ = publisher.Close() })
	b.run(t, NewRelay(outbox, publisher, RelayOptions{Page: 20, Logger: b.logger}), leads)
	want := given(4, 50)
	outbox.fill(want[:100])
	until(b.ctx, t, "the outbox is empty", outbox.empty)
	b.broker.Kill(t)
	outbox.fill(want[100:])
	until(b.ctx, t, "the relay notices", func() bool { return b.logs.count(`msg="away, retrying" component=relay what=kafka`) == 1 })
	b.broker.Restart(t)
	until(b.ctx, t, "the outbox is empty again", outbox.empty)
	wantFirsts(t, b.topic(t, events.TopicAudit, len(want)), want)
	if away, back := b.logs.count(`msg="away, retrying" component=relay what=kafka`), b.logs.count(`msg=back component=relay what=kafka`); away != 1 || back != 1 {
		t.Errorf("logged away %d times, back %d times, want once each:\n%s", away, back, b.logs)
	}
}

func TestRelayStopsWhenItDoesNotLead(t *testing.T) {
	b := setup(t)
	outbox := newOutbox()
	outbox.fill(given(1, 5))
	r := NewRelay(outbox, b.publisher, RelayOptions{Logger: b.logger})
	if err := r.Run(b.ctx, func() bool { return false }); err != nil {
		t.Fatal(err)
	}
	if outbox.empty() {
		t.Error("it published without leading")
	}
}

// Two relays take turns at leading, at any moment, as processes that are frozen
// and resumed do; in the second case both believe to lead all the time.
func TestTwoRelaysKeepOrder(t *testing.T) {
	for name, believe := range map[string]bool{"taking turns": false, "both believe to lead": true} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			outbox, want := newOutbox(), given(6, 200)
			var leader atomic.Int64
			ctx, cancel := context.WithCancel(b.ctx)
			var relays sync.WaitGroup
			for i := range int64(2) {
				publisher := NewPublisher(PublisherConfig{Brokers: b.broker.Addrs()})
				t.Cleanup(func() { _ = publisher.Close() })
				r := NewRelay(outbox, publisher, RelayOptions{Page: 30, Logger: b.logger, OnPublished: func([]events.Message) {
					leader.Add(1) // hand over between publish and mark
				}})
				relays.Go(func() {
					for ctx.Err() == nil {
						_ = r.Run(ctx, func() bool { return believe || leader.Load()%2 == i })
					}
				})
			}
			outbox.fill(want)
			until(b.ctx, t, "the outbox is empty", outbox.empty)
			cancel()
			relays.Wait()
			t.Logf("%d duplicates", wantFirsts(t, b.topic(t, events.TopicAudit, len(want)), want))
		})
	}
}
