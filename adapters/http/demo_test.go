package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	httpapi "github.com/cartulary/cartulary/adapters/http"
)

var errDemoAway = errors.New("the broker is away")

// demoTopic is a topic of one partition, consumed at once.
type demoTopic struct {
	mu       sync.Mutex
	messages []httpapi.DemoMessage
	away     bool
}

func (d *demoTopic) Produce(_ context.Context, m httpapi.ProduceDemoRequest) (httpapi.DemoRecord, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.away {
		return httpapi.DemoRecord{}, errDemoAway
	}
	stored := httpapi.DemoMessage{Value: m.Message, Offset: int64(len(d.messages)), Timestamp: time.Now().UTC()}
	if m.Key != nil {
		stored.Key = *m.Key
	}
	d.messages = append(d.messages, stored)
	return httpapi.DemoRecord{Topic: "demo", Offset: stored.Offset, Timestamp: stored.Timestamp}, nil
}

func (d *demoTopic) Status(context.Context) (httpapi.DemoStatus, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.away {
		return httpapi.DemoStatus{}, errDemoAway
	}
	end := int64(len(d.messages))
	return httpapi.DemoStatus{
		Group: "demo", State: "Stable", Consumed: end, Members: []httpapi.DemoMember{},
		Partitions: []httpapi.DemoPartition{{Committed: &end, End: end}}, Messages: append([]httpapi.DemoMessage{}, d.messages[max(0, end-20):]...),
	}, nil
}

func TestDemo(t *testing.T) {
	topic := &demoTopic{}
	w := setup(t, func(c *httpapi.Config) { c.Demo, c.Unavailable = topic, []error{errDemoAway} })
	p := w.newPerson("demo")
	p.post("/api/demo/kafka/produce", object{"message": "Hello", "key": "k"}).want(http.StatusCreated)
	if got := p.get("/api/demo/kafka/consume").want(http.StatusOK); !strings.Contains(string(got.raw), `"Hello"`) {
		t.Errorf("not consumed: %s", got.raw)
	}
	for _, body := range []object{
		{}, {"message": ""}, {"message": strings.Repeat("x", 1001)}, {"message": "x", "key": strings.Repeat("k", 101)},
	} {
		p.post("/api/demo/kafka/produce", body).want(http.StatusBadRequest)
	}
	topic.mu.Lock()
	topic.away = true
	topic.mu.Unlock()
	p.post("/api/demo/kafka/produce", object{"message": "Hello"}).wantError(http.StatusServiceUnavailable, "UNAVAILABLE")
	p.get("/api/demo/kafka/consume").wantError(http.StatusServiceUnavailable, "UNAVAILABLE")
}

func TestDemoThatIsOffIsUnknown(t *testing.T) {
	w := setup(t, func(c *httpapi.Config) { c.Demo = nil })
	p := w.newPerson("demo")
	p.post("/api/demo/kafka/produce", object{"message": "Hello"}).wantError(http.StatusNotFound, "NOT_FOUND")
	p.get("/api/demo/kafka/consume").wantError(http.StatusNotFound, "NOT_FOUND")
}
