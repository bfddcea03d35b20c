package httpapi

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

func TestAGateBoundsWhatIsUnderWayAndWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(2)
		for range 2 {
			if !g.enter(t.Context()) {
				t.Fatal("there was room")
			}
		}
		results := make(chan time.Duration, 3)
		begin := time.Now()
		for range 3 { // two may wait, the third may not
			go func() {
				if !g.enter(t.Context()) {
					results <- time.Since(begin)
				}
			}()
		}
		synctest.Wait()
		if got := <-results; got != 0 {
			t.Errorf("one too many in the queue was kept for %v", got)
		}
		for range 2 {
			if got := <-results; got != shortWait {
				t.Errorf("sent away after %v, want %v", got, shortWait)
			}
		}
		g.leave()
		g.leave()
		if g.running != 0 || g.waiting.Len() != 0 {
			t.Errorf("left behind: %d running, %d waiting", g.running, g.waiting.Len())
		}
	})
}

func TestWhoWaitsIsLetInInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(3)
		for range 3 {
			g.enter(t.Context())
		}
		order := make(chan int, 3)
		enter := func(n int) {
			go func() {
				if g.enter(t.Context()) {
					order <- n
				}
			}()
			synctest.Wait()
		}
		for n := range 3 {
			enter(n)
		}
		for want := range 2 {
			g.leave()
			if n := <-order; n != want {
				t.Errorf("%d came before %d", n, want)
			}
		}
		// After a while without a break in the queue, the newest goes first, and waits
		// for less.
		<-time.After(overloadedAfter + time.Millisecond)
		begin := time.Now()
		enter(3)
		g.leave()
		if n := <-order; n != 3 {
			t.Errorf("%d came first under overload", n)
		}
		refused := make(chan bool)
		go func() { refused <- g.enter(t.Context()) }()
		if <-refused || time.Since(begin) != overloadedWait {
			t.Errorf("under overload one was sent away after %v", time.Since(begin))
		}
	})
}

func TestWhoLeavesTheQueueTakesNothingAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		g.enter(t.Context())
		ctx, cancel := context.WithCancel(t.Context())
		refused := make(chan bool, 1)
		go func() { refused <- g.enter(ctx) }()
		synctest.Wait()
		cancel()
		if <-refused {
			t.Error("a request whose client has left was let in")
		}
		g.leave()
		if !g.enter(t.Context()) {
			t.Error("the room was lost")
		}
	})
}

func TestAPartyHasItsShare(t *testing.T) {
	g := newGate(8)
	tenant, other := party{id: uuid.New()}, party{id: uuid.New()}
	if g.shareOf(true) != 6 || g.shareOf(false) != 2 || newGate(1).shareOf(false) != 1 {
		t.Errorf("shares of 8: %d and %d", g.shareOf(true), g.shareOf(false))
	}
	for n := range 10 {
		if got := g.join(tenant, g.shareOf(true)); got != (n < 6) {
			t.Errorf("request %d of a tenant: %v", n, got)
		}
	}
	if !g.join(other, g.shareOf(true)) {
		t.Error("another tenant was kept out")
	}
	g.part(tenant)
	if !g.join(tenant, g.shareOf(true)) {
		t.Error("the room was lost")
	}
	for range 6 {
		g.part(tenant)
	}
	g.part(other)
	if len(g.parties) != 0 {
		t.Errorf("left behind: %v", g.parties)
	}
}
