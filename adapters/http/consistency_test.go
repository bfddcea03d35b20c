package httpapi

import (
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
)

func TestPositionsSurviveTheirText(t *testing.T) {
	for _, p := range []position{{}, {uuid.New(), 1}, {uuid.New(), math.MaxInt64}} {
		got, err := parsePosition(p.String())
		if err != nil || got != p {
			t.Errorf("%v became %v, %v", p, got, err)
		}
	}
}

func TestForgedPositions(t *testing.T) {
	good := position{uuid.New(), 7}.String()
	for name, text := range map[string]string{
		"empty": "", "no version": good[3:], "other version": "v2" + good[2:], "cut": good[:len(good)-1],
		"longer": good + "AAAA", "not base64": "v1." + strings.Repeat("!", 32),
		"negative": position{uuid.New(), -1}.String(),
	} {
		if p, err := parsePosition(text); err == nil {
			t.Errorf("%s: got %v", name, p)
		}
	}
}

func FuzzParsePosition(f *testing.F) {
	f.Add(position{uuid.New(), 7}.String())
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := parsePosition(text); err == nil && p.String() != text {
			t.Errorf("%q is another spelling of %q", text, p)
		}
	})
}

func TestTraceContext(t *testing.T) {
	const sent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	got := childTrace(http.Header{"Traceparent": {sent}})
	if got[:36] != sent[:36] || got[36:52] == sent[36:52] || got[52:] != sent[52:] {
		t.Errorf("%s begot %s", sent, got)
	}
	for name, bad := range map[string]string{
		"empty": "", "upper case": strings.ToUpper(sent), "no trace": "00-" + strings.Repeat("0", 32) + sent[35:],
		"no span": sent[:36] + strings.Repeat("0", 16) + "-01", "newer": "01" + sent[2:], "longer": sent + "-x",
	} {
		got := childTrace(http.Header{"Traceparent": {bad}})
		if !goodTrace(got) || len(bad) > 35 && got[3:35] == bad[3:35] {
			t.Errorf("%s: %q begot %q", name, bad, got)
		}
	}
}

func TestRequestIDs(t *testing.T) {
	for sent, kept := range map[string]bool{
		"abc-123_4.5": true, strings.Repeat("x", 128): true, strings.Repeat("x", 129): false,
		"": false, "a b": false, "a\nb": false, "é": false, `"`: false,
	} {
		if got := requestID(http.Header{"X-Request-Id": {sent}}); (got == sent) != kept || got == "" {
			t.Errorf("%q became %q", sent, got)
		}
	}
}

func TestDerivedIDs(t *testing.T) {
	a := derivedID("cartulary command", []byte("x"))
	if a != derivedID("cartulary command", []byte("x")) || a == derivedID("cartulary tenant", []byte("x")) ||
		a == derivedID("cartulary command", []byte("y")) {
		t.Error("ids do not follow from what they are made of")
	}
	if a.Version() != 8 || a.Variant() != uuid.RFC4122 {
		t.Errorf("%s is of version %d, variant %v", a, a.Version(), a.Variant())
	}
	if fingerprint([]byte("ab"), []byte("c")) == fingerprint([]byte("a"), []byte("bc")) {
		t.Error("parts run into each other")
	}
}
