package events_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cartulary/cartulary/events"
)

// An event that changed twice: version 1 knew a name, which version 2 called a
// title; version 3 also says how many leaves there are, of which earlier deeds had one.
const typeDeedFiled events.Type = "deed.filed"

type deedFiledV1 struct {
	Name string `json:"name"`
}

type deedFiledV2 struct {
	Title string `json:"title"`
}

type deedFiled struct {
	Leaves int    `json:"leaves"`
	Title  string `json:"title"`
}

func (deedFiled) EventType() events.Type { return typeDeedFiled }

var deeds = events.Registry{
	typeDeedFiled: events.Define[deedFiled](events.KindDocument,
		events.Upcast(func(old deedFiledV1) deedFiledV2 { return deedFiledV2{Title: old.Name} }),
		events.Upcast(func(old deedFiledV2) deedFiled { return deedFiled{Title: old.Title, Leaves: 1} }),
	),
}

// recordAs returns the canonical bytes of a deed.filed of a version.
func recordAs(version int, data string) []byte {
	return events.Encode(events.Recorded{
		ID: id(9), Ledger: id(3), Seq: 7, Stream: events.Stream{Kind: events.KindDocument, ID: id(8)}, StreamVersion: 2,
		Type: typeDeedFiled, SchemaVersion: version, CommandID: id(6), Data: []byte(data),
	})
}

func TestOldVersionsAreReadAsTheNewest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		version int
		data    string
		want    deedFiled
	}{
		{1, `{"name":"Été <&>"}`, deedFiled{Title: "Été <&>", Leaves: 1}},
		{2, `{"title":"A deed"}`, deedFiled{Title: "A deed", Leaves: 1}},
		{3, `{"leaves":9007199254740991,"title":"A deed"}`, deedFiled{Title: "A deed", Leaves: 1<<53 - 1}},
	}
	for _, tt := range tests {
		body := recordAs(tt.version, tt.data)
		stored := bytes.Clone(body)
		got, err := deeds.Decode(body)
		if err != nil {
			t.Errorf("version %d: %v", tt.version, err)
			continue
		}
		if diff := cmp.Diff(events.Event(tt.want), got.Event); diff != "" {
			t.Errorf("version %d (-want +got):\n%s", tt.version, diff)
		}
		// What was stored and hashed is still there, byte for byte, and says what it is.
		if !bytes.Equal(got.Body, stored) || string(got.Data) != tt.data || got.SchemaVersion != tt.version {
			t.Errorf("version %d: stored %s, decoded as version %d with data %s and body %s",
				tt.version, stored, got.SchemaVersion, got.Data, got.Body)
		}
		if again := events.Encode(got); !bytes.Equal(again, stored) {
			t.Errorf("version %d: encoded again\n got %s\nwant %s", tt.version, again, stored)
		}
	}
}

func TestNewEventsAreWrittenInTheNewestVersion(t *testing.T) {
	t.Parallel()
	if got := deeds[typeDeedFiled].SchemaVersion(); got != 3 {
		t.Errorf("version %d, want 3", got)
	}
	if got := events.SchemaVersion(typeDeedFiled); got != 0 {
		t.Errorf("an event of another registry has version %d, want 0", got)
	}
}

func TestVersionsThatWereNeverPublishedAreUnknown(t *testing.T) {
	t.Parallel()
	for _, version := range []int{-1, 0, 4} {
		var unknown *events.UnknownError
		_, err := deeds.Decode(recordAs(version, `{"leaves":1,"title":"a"}`))
		if !errors.As(err, &unknown) || unknown.SchemaVersion != version || unknown.Type != typeDeedFiled {
			t.Errorf("version %d: got %v, want an *UnknownError", version, err)
		}
	}
	if _, err := events.Decode(recordAs(1, `{"name":"a"}`)); err == nil {
		t.Error("an event of another registry was decoded")
	}
}

func TestDataOfAnotherVersionAreRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		version int
		data    string
	}{
		{1, `{"title":"a"}`},
		{1, `{"leaves":1,"name":"a"}`},
		{2, `{"name":"a"}`},
		{3, `{"name":"a"}`},
		{2, `{"title":1}`},
		{1, `[]`},
	}
	for _, tt := range tests {
		_, err := deeds.Decode(recordAs(tt.version, tt.data))
		if err == nil {
			t.Errorf("version %d took %s", tt.version, tt.data)
			continue
		}
		if step := fmt.Sprintf("deed.filed, version %d to %d", tt.version, tt.version+1); tt.version < 3 && !strings.Contains(err.Error(), step) {
			t.Errorf("version %d with %s: %v does not name the step", tt.version, tt.data, err)
		}
	}
}

// Whatever is read as an older version is what the newest version, written and
// read, would have been; and reading it changed nothing.
func FuzzUpcast(f *testing.F) {
	f.Add(recordAs(1, `{"name":"a deed"}`))
	f.Add(recordAs(2, `{"title":"a deed"}`))
	f.Add(recordAs(3, `{"leaves":2,"title":"a deed"}`))
	f.Add(recordAs(1, `{"name":"a","name":"b"}`))
	f.Add(recordAs(4, `{}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		stored := bytes.Clone(body)
		first, err := deeds.Decode(body)
		if !bytes.Equal(body, stored) {
			t.Fatalf("decoding changed the stored bytes:\n got %s\nwant %s", body, stored)
		}
		if err != nil {
			return
		}
		newest := first
		newest.SchemaVersion = deeds[first.Type].SchemaVersion()
		if newest.Data, err = events.EncodeData(first.Event); err != nil {
			t.Fatalf("decoded, but does not encode: %v", err)
		}
		second, err := deeds.Decode(events.Encode(newest))
		if err != nil {
			t.Fatalf("version %d was read, but not as version %d: %v", first.SchemaVersion, newest.SchemaVersion, err)
		}
		if diff := cmp.Diff(first.Event, second.Event); diff != "" {
			t.Errorf("read as version %d (-first +second):\n%s", newest.SchemaVersion, diff)
		}
	})
}
