package kafka

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"

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
		if err := d.header(&e, h); err != nil {
			return e, fmt.Errorf("%w: header %s: %w", errForeign, h.Key, err)
		}
	}
	if e.Type == "" || e.Seq < 1 || e.ID == uuid.Nil || len(e.Body) == 0 {
		return e, fmt.Errorf("%w: id, type, sequence or body missing", errForeign)
	}
	return e, nil
}

func (d *decoder) header(e *events.Message, h *sarama.RecordHeader) (err error) {
	switch string(h.Key) {
	case headerID:
		e.ID, err = parseUUID(h.Value)
	case headerSubject:
		e.StreamID, err = parseUUID(h.Value)
	case headerType:
		t, ok := d.types[string(h.Value)]
		if !ok {
			t = events.Type(h.Value) // a newer build's; for the reader to judge
		}
		e.Type = t
	case headerTime:
		e.At, err = time.Parse(time.RFC3339Nano, string(h.Value))
		e.At = e.At.UTC()
	case headerSequence:
		e.Seq, err = strconv.ParseInt(string(h.Value), 10, 64)
	case headerTraceParent:
		e.TraceParent = string(h.Value)
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
