package query

import (
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

func TestCursorRoundTrip(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("0192f0c2-11f0-7d1a-8a1b-5b0e6a1f3c77")
	for _, c := range []struct {
		kind keyKind
		key  any
	}{
		{byTime, time.Date(2024, 2, 29, 23, 59, 59, 999_999_000, time.UTC)},
		{byTime, time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)},
		{byTime, time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)},
		{byNumber, int64(-1)},
		{byNumber, int64(104857600)},
		{byText, ""},
		{byText, "été – رسالة.pdf"},
	} {
		text := position{c.key, id}.cursor("a list")
		got, err := parseCursor("a list", c.kind, text)
		if err != nil {
			t.Fatalf("%v: %v", c.key, err)
		}
		if diff := cmp.Diff(c.key, got.key); diff != "" || got.id != id {
			t.Errorf("round trip of %v: id %v (-want +got):\n%s", c.key, got.id, diff)
		}
		if _, err := parseCursor("another list", c.kind, text); !errors.Is(err, ErrBadCursor) {
			t.Errorf("%v in another list: %v", c.key, err)
		}
	}
}

func TestParseCursorRefuses(t *testing.T) {
	t.Parallel()
	good := position{time.Unix(0, 0), uuid.Max}.cursor("list")
	raw, _ := base64.RawURLEncoding.DecodeString(good)
	changed := func(f func([]byte) []byte) string {
		return base64.RawURLEncoding.EncodeToString(f(append([]byte(nil), raw...)))
	}
	for name, c := range map[string]struct {
		kind keyKind
		text string
	}{
		"nothing":            {byTime, ""},
		"a character less":   {byTime, good[:len(good)-1]},
		"a character more":   {byTime, good + "A"},
		"another alphabet":   {byTime, "+" + good[1:]},
		"a line break":       {byTime, good[:10] + "\n" + good[10:]},
		"another version":    {byTime, changed(func(b []byte) []byte { b[0] = 1; return b })},
		"a byte less":        {byTime, changed(func(b []byte) []byte { return b[:len(b)-1] })},
		"an absurd time":     {byTime, changed(func(b []byte) []byte { b[cursorHead] = 0x7f; return b })},
		"a time before all":  {byTime, changed(func(b []byte) []byte { b[cursorHead] = 0x80; return b })},
		"half a character":   {byText, changed(func(b []byte) []byte { return append(b[:cursorHead], 0xc3) })},
		"a zero in text":     {byText, changed(func(b []byte) []byte { return append(b[:cursorHead], 'a', 0) })},
		"a number cut short": {byNumber, changed(func(b []byte) []byte { return b[:cursorHead+1] })},
		"endless text":       {byText, changed(func(b []byte) []byte { return append(b[:cursorHead], make([]byte, maxCursorKey+1)...) })},
	} {
		if p, err := parseCursor("list", c.kind, c.text); !errors.Is(err, ErrBadCursor) {
			t.Errorf("%s: %v, %v; want ErrBadCursor", name, p, err)
		}
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add("", byte(byTime))
	f.Add(position{time.Unix(1_700_000_000, 0), uuid.Max}.cursor("list"), byte(byTime))
	f.Add(position{"name", uuid.Max}.cursor("list"), byte(byText))
	f.Fuzz(func(t *testing.T, text string, kind byte) {
		p, err := parseCursor("list", keyKind(kind%3), text)
		switch {
		case err != nil && !errors.Is(err, ErrBadCursor):
			t.Fatalf("error %v is not ErrBadCursor", err)
		case err == nil && p.cursor("list") != text:
			t.Fatalf("%q is a second text of %q", text, p.cursor("list"))
		}
	})
}
