package events_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cartulary/cartulary/events"
)

func TestDecodeRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	body := string(record(t, events.DocumentRenamed{Filename: "b", Previous: "a"}).Body)
	tests := map[string]string{
		"another name":       strings.Replace(body, `"document.renamed"`, `"document.shared"`, 1),
		"a newer version":    strings.Replace(body, `"schema_version":1`, `"schema_version":2`, 1),
		"version zero":       strings.Replace(body, `"schema_version":1`, `"schema_version":0`, 1),
		"the Go type's name": strings.Replace(body, `"document.renamed"`, `"DocumentRenamed"`, 1),
		"no name at all":     strings.Replace(body, `"document.renamed"`, `""`, 1),
	}
	for name, body := range tests {
		var unknown *events.UnknownError
		if _, err := events.Decode([]byte(body)); !errors.As(err, &unknown) {
			t.Errorf("%s: got %v, want an *UnknownError", name, err)
		}
	}
}

func TestDecodeRefusesWhatIsNotAnEvent(t *testing.T) {
	t.Parallel()
	body := string(record(t, events.DocumentRenamed{Filename: "b", Previous: "a"}).Body)
	tests := map[string]string{
		"nothing":              "",
		"not JSON":             "{",
		"an unknown member":    strings.Replace(body, `"seq":7`, `"seq":7,"z":1`, 1),
		"an unknown datum":     strings.Replace(body, `"filename":"b"`, `"filename":"b","x":1`, 1),
		"a duplicate member":   strings.Replace(body, `"seq":7`, `"seq":7,"seq":8`, 1),
		"a time in local time": strings.Replace(body, "120000Z", "120000+01:00", 1),
		"a broken id":          strings.Replace(body, `"event_id":"0`, `"event_id":"x`, 1),
		"trailing bytes":       body + "{}",
	}
	for name, body := range tests {
		if _, err := events.Decode([]byte(body)); err == nil {
			t.Errorf("%s was accepted: %s", name, body)
		}
	}
}

func TestEncodeDataRefusesInvalidText(t *testing.T) {
	t.Parallel()
	if _, err := events.EncodeData(events.DocumentRenamed{Filename: "a\xffb"}); err == nil {
		t.Error("text that is not UTF-8 was encoded")
	}
}

// What decodes, encodes to the same bytes, if they were canonical.
func FuzzDecode(f *testing.F) {
	for _, e := range samples {
		data, err := events.EncodeData(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(events.Encode(events.Recorded{ID: id(1), Type: e.EventType(), SchemaVersion: 1, Seq: 1, Data: data}))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		first, err := events.Decode(body)
		if err != nil {
			return
		}
		if first.Data, err = events.EncodeData(first.Event); err != nil {
			t.Fatalf("decoded, but does not encode: %v", err)
		}
		first.Body = events.Encode(first)
		second, err := events.Decode(first.Body)
		if err != nil {
			t.Fatalf("encoded, but does not decode: %v\n%s", err, first.Body)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("changed by a round trip (-first +second):\n%s", diff)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		data, err := events.EncodeData(samples[13])
		if err != nil {
			b.Fatal(err)
		}
		events.Encode(events.Recorded{Type: "document.uploaded", SchemaVersion: 1, Data: data})
	}
}

func BenchmarkDecode(b *testing.B) {
	data, err := events.EncodeData(samples[13])
	if err != nil {
		b.Fatal(err)
	}
	body := events.Encode(events.Recorded{Type: "document.uploaded", SchemaVersion: 1, Data: data})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := events.Decode(body); err != nil {
			b.Fatal(err)
		}
	}
}
