package query_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/query"
)

func TestCursorRoundTrip(t *testing.T) {
	for _, c := range []query.Cursor{
		{At: time.Date(2024, 2, 29, 23, 59, 59, 999_999_000, time.UTC), ID: uuid.MustParse("0192f0c2-11f0-7d1a-8a1b-5b0e6a1f3c77")},
		{At: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), ID: uuid.Nil},
		{At: time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC), ID: uuid.Max},
	} {
		got, err := query.ParseCursor(c.String())
		if err != nil {
			t.Fatalf("ParseCursor(%q): %v", c.String(), err)
		}
		if diff := cmp.Diff(c, got); diff != "" {
			t.Errorf("round trip (-want +got):\n%s", diff)
		}
	}
}

func TestParseCursorRefuses(t *testing.T) {
	good := query.Cursor{At: time.Unix(0, 0), ID: uuid.Max}.String()
	for name, text := range map[string]string{
		"nothing":            "",
		"a character less":   good[:len(good)-1],
		"a character more":   good + "A",
		"another alphabet":   "+" + good[1:],
		"another version":    "Ag" + good[2:],
		"bits after the end": good[:len(good)-1] + "9",
		"a line break":       good[:10] + "\n" + good[11:],
		"an absurd time":     good[:2] + "x" + strings.Repeat("_", 9) + good[12:],
		"a time before all":  "AYAA" + good[4:],
	} {
		t.Run(name, func(t *testing.T) {
			if c, err := query.ParseCursor(text); !errors.Is(err, query.ErrBadCursor) {
				t.Errorf("ParseCursor(%q) = %v, %v; want ErrBadCursor", text, c, err)
			}
		})
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add("")
	f.Add(query.Cursor{At: time.Unix(1_700_000_000, 0), ID: uuid.Max}.String())
	f.Fuzz(func(t *testing.T, text string) {
		c, err := query.ParseCursor(text)
		if err != nil {
			if !errors.Is(err, query.ErrBadCursor) {
				t.Fatalf("error %v is not ErrBadCursor", err)
			}
			return
		}
		if c.String() != text {
			t.Fatalf("%q is a second text of %q", text, c.String())
		}
		if y := c.At.Year(); y < 1 || y > 9999 {
			t.Fatalf("year %d", y)
		}
	})
}
