package journal

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

func TestReadReturnsWhatWasWritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	intents := []Intent{
		{Op: 1, Kind: Upload, Tenant: uuid.New(), Key: "a", Filename: "Été.pdf", MD5: "m", SHA256: "s", Size: 3},
		{Op: 2, Kind: Rename, Tenant: uuid.New(), Key: "b", Filename: "b", Document: uuid.New()},
	}
	ack := Ack{Op: 1, Document: uuid.New(), Status: 201, Attempts: 2, At: time.Unix(1, 0).UTC()}
	for _, step := range []error{w.Intend(intents[0]), w.Intend(intents[1]), w.Acknowledge(ack), w.Close()} {
		if step != nil {
			t.Fatal(step)
		}
	}
	got, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []Operation{{Intent: intents[0], Ack: &ack}, {Intent: intents[1]}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
	if _, err := Create(path); err == nil {
		t.Error("a journal was overwritten")
	}
}

func TestReadRefusesWhatDoesNotAddUp(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"an answer without intent": `{"ack":{"op":1}}`,
		"an intent twice":          `{"intent":{"op":1}}` + "\n" + `{"intent":{"op":1}}`,
		"an answer twice":          `{"intent":{"op":1}}` + "\n" + `{"ack":{"op":1}}` + "\n" + `{"ack":{"op":1}}`,
		"an empty line":            `{}`,
		"no JSON":                  `{"intent":`,
	} {
		if _, err := parse(strings.NewReader(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
