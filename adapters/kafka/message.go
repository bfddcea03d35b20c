package kafka

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/cartulary/cartulary/events"
)

// errForeign says that a message is none of ours.
var errForeign = errors.New("foreign message")

// decoder makes events of messages. It reads headers and key only; the body
// stays as it is.
type decoder struct {
	types map[string]events.Type // one string for each name
}

func newDecoder() *decoder {
	d := &decoder{types: make(map[string]events.Type)}
	for _, t := range events.Types() {
		d.types[string(t)] = t
	}
	return d
}

// decode returns the event that m carries, or an error that is errForeign.
func (d *decoder) decode(m *sarama.ConsumerMessage) (events.Message, error) {
	e := events.Message{Body: m.Value}
	var err error
	if e.Ledger, err = parseUUID(m.Key); err != nil {
		return e, fmt.Errorf("%w: key: %w", errForeign, err)
	}
	for _, h := range m.Headers {
		if err := d.header(&e, string(h.Key), h.Value); err != nil {
			return e, fmt.Errorf("%w: header %s: %w", errForeign, h.Key, err)
		}
	}
	return e, complete(&e)
}

// decodeRecord is decode for what franz-go reads.
func (d *decoder) decodeRecord(r *kgo.Record) (events.Message, error) {
	e := events.Message{Body: r.Value}
	var err error
	if e.Ledger, err = parseUUID(r.Key); err != nil {
		return e, fmt.Errorf("%w: key: %w", errForeign, err)
	}
	for i := range r.Headers {
		if err := d.header(&e, r.Headers[i].Key, r.Headers[i].Value); err != nil {
			return e, fmt.Errorf("%w: header %s: %w", errForeign, r.Headers[i].Key, err)
		}
	}
	return e, complete(&e)
}

// complete fails if e lacks what every event has.
func complete(e *events.Message) error {
	if e.Type == "" || e.Seq < 1 || e.ID == uuid.Nil || len(e.Body) == 0 {
		return fmt.Errorf("%w: id, type, sequence or body missing", errForeign)
	}
	return nil
}

func (d *decoder) header(e *events.Message, name string, value []byte) (err error) {
	switch name {
	case headerID:
		e.ID, err = parseUUID(value)
	case headerSubject:
		e.StreamID, err = parseUUID(value)
	case headerType:
		t, ok := d.types[string(value)]
		if !ok {
			t = events.Type(value) // a newer build's; for the reader to judge
		}
		e.Type = t
	case headerTime:
		e.At, err = time.Parse(time.RFC3339Nano, string(value))
		e.At = e.At.UTC()
	case headerSequence:
		e.Seq, err = strconv.ParseInt(string(value), 10, 64)
	case headerTraceParent:
		e.TraceParent = string(value)
	}
	return err
}

// parseUUID reads the canonical form and nothing else.
func parseUUID(text []byte) (uuid.UUID, error) {
	const length = 36
	if len(text) != length || bytes.IndexByte(text, '-') != 8 {
		return uuid.Nil, fmt.Errorf("%.40q is no UUID", text)
	}
	return uuid.ParseBytes(text)
}
