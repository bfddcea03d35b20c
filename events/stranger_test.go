package events_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/cartulary/cartulary/events"
)

func TestStrangersOfADayAreOneAndDaysAreInOrder(t *testing.T) {
	t.Parallel()
	evening := time.Date(2026, 11, 26, 23, 59, 59, 0, time.UTC)
	east := evening.In(time.FixedZone("", 3600)) // where it is tomorrow
	day := events.Stranger(evening)
	if want := "00000000-0000-8000-8001-00000000512f"; day.String() != want {
		t.Errorf("strangers of a day are %s, want %s", day, want)
	}
	if events.Stranger(east) != day || events.Stranger(evening.Add(-23*time.Hour)) != day {
		t.Error("strangers of one day differ")
	}
	next := events.Stranger(evening.Add(time.Second))
	first := events.Stranger(time.Time{})
	if bytes.Compare(next[:], day[:]) <= 0 || bytes.Compare(day[:], first[:]) <= 0 {
		t.Errorf("not in order: %s, %s, %s", first, day, next)
	}
}
