package events_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

var ada = events.Person{Email: "ada@example.org", FirstName: "Ada", LastName: "Lovelace"}

func TestSealedDataOpensUnderItsKeyOnly(t *testing.T) {
	t.Parallel()
	key, subject := events.NewKey(), uuid.New()
	sealed, err := events.Seal(key, subject, ada)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed.Ciphertext, []byte("ada")) {
		t.Error("the ciphertext shows what it hides")
	}
	var got events.Person
	if err := sealed.Open(key, &got); err != nil || got != ada {
		t.Errorf("got %v, %v", got, err)
	}
	if err := sealed.Open(events.NewKey(), &got); err == nil {
		t.Error("another key opened it")
	}
	moved := sealed
	moved.Subject = uuid.New()
	if err := moved.Open(key, &got); err == nil {
		t.Error("it opened for another subject")
	}
	moved = sealed
	moved.Ciphertext = moved.Ciphertext[:4]
	if err := moved.Open(key, &got); err == nil {
		t.Error("it opened though cut off")
	}
}

func TestErasedDataIsTold(t *testing.T) {
	t.Parallel()
	key, subject := events.NewKey(), uuid.New()
	sealed, err := events.Seal(key, subject, ada)
	if err != nil {
		t.Fatal(err)
	}
	var got events.Person
	if err := (events.Keys{subject: key}).Open(sealed, &got); err != nil || got != ada {
		t.Errorf("got %v, %v", got, err)
	}
	if err := (events.Keys{}).Open(sealed, &got); !errors.Is(err, events.ErrErased) {
		t.Errorf("got %v, want ErrErased", err)
	}
}

func TestTopicsAreThoseOfTheRequirements(t *testing.T) {
	t.Parallel()
	for _, name := range events.Types() {
		topic := events.TopicOf(name)
		if topic == "" {
			continue
		}
		if want := map[events.Type]string{
			"tenant.created": "tenant.created", "tenant.deleted": "tenant.deleted",
			"document.uploaded": "document.uploaded", "document.deleted": "document.deleted",
			"file.received": "file.process", "file.retried": "file.process", "file.deleted": "file.deleted",
		}[name]; topic != want {
			t.Errorf("%s goes to %q, want %q", name, topic, want)
		}
	}
	if n := len(events.Topics()); n != 8 {
		t.Errorf("%d topics, want 8", n)
	}
}
