package httpapi_test

import (
	"io"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	httpapi "github.com/cartulary/cartulary/adapters/http"
)

func (a answer) wantOverloaded() answer {
	a.t.Helper()
	a.wantError(http.StatusServiceUnavailable, "OVERLOADED")
	if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || seconds < 1 {
		a.t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
	}
	return a
}

// One tenant whose requests stand still leaves room for others, and so does one
// network.
func TestOneTenantLeavesRoomForOthers(t *testing.T) {
	w := setup(t, func(c *httpapi.Config) {
		c.MaxRequests, c.ProjectionWait, c.RequestTimeout = 8, 3*time.Second, time.Minute
	})
	ada, bob := w.newPerson("ada"), w.newPerson("bob")
	busy, _ := ada.newTenant("Busy")
	calm, _ := bob.newTenant("Calm")
	document := ada.upload(busy, []part{file("a.pdf", "x")}).want(http.StatusCreated).text("id")

	w.hold.Store(true) // commands wait for their read models from now on
	var group sync.WaitGroup
	var served, refused atomic.Int64
	for n := range 7 {
		group.Go(func() {
			a := ada.put(busy+"/documents/"+document, object{"filename": strconv.Itoa(n) + ".pdf"})
			if a.status == http.StatusServiceUnavailable {
				a.wantOverloaded()
				refused.Add(1)
				return
			}
			served.Add(1)
		})
	}
	w.until(func() bool { return refused.Load() == 1 }) // 6 of 8 are one party's
	bob.get(calm).want(http.StatusOK)
	bob.get(calm + "/documents").want(http.StatusOK)
	w.anonymous().get("/healthz").want(http.StatusOK)
	w.hold.Store(false)
	group.Wait()
}

// Ten times the load that a process carries at its best: work goes on, the rest is
// told when to come back, and memory stays where it was. How much of the peak is left
// is logged, not judged: clients and process share the cores with other tests.
func TestTenTimesTheLoad(t *testing.T) {
	const room = 16
	w := setup(t, func(c *httpapi.Config) { c.MaxRequests = room })
	// Neither one user nor one tenant may have all the room.
	var paths, tokens []string
	for n := range 2 {
		p := w.newPerson("clerk" + strconv.Itoa(n))
		tenant, _ := p.newTenant("Engines")
		paths, tokens = append(paths, tenant), append(tokens, p.access)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 20 * room}
	defer transport.CloseIdleConnections()
	load := func(workers int, d time.Duration) (done, refused int64) {
		var good, shed, other atomic.Int64
		var group sync.WaitGroup
		until := time.Now().Add(d)
		for n := range workers {
			group.Go(func() {
				for time.Now().Before(until) {
					request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+paths[n%len(paths)]+"/documents", http.NoBody)
					if err != nil {
						t.Error(err)
						return
					}
					request.Header.Set("Authorization", "Bearer "+tokens[n%len(tokens)])
					response, err := transport.RoundTrip(request)
					if err != nil {
						t.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, response.Body)
					_ = response.Body.Close()
					switch {
					case response.StatusCode == http.StatusOK:
						good.Add(1)
					case response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") != "":
						shed.Add(1)
						<-time.After(100 * time.Millisecond) // clients come back, sooner than they are told
					default:
						other.Add(1)
					}
				}
			})
		}
		group.Wait()
		if n := other.Load(); n > 0 {
			t.Errorf("%d answers were neither a success nor a refusal", n)
		}
		return good.Load(), shed.Load()
	}
	load(room/2, 300*time.Millisecond)
	peak, _ := load(room/2, time.Second)
	before := heap()
	over, refused := load(10*room, time.Second)
	if grown := int64(heap()) - int64(before); grown > 64<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	if over == 0 || refused == 0 {
		t.Errorf("%d done and %d refused: work did not go on, or that was no overload", over, refused)
	}
	t.Logf("peak %d, under ten times the load %d, refused %d", peak, over, refused)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
