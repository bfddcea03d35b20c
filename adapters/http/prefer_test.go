package httpapi

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPreferences(t *testing.T) {
	t.Parallel()
	seconds := func(n int) *time.Duration {
		d := time.Duration(n) * time.Second
		return &d
	}
	for header, want := range map[string]preferences{
		"":              {},
		"respond-async": {async: true},
		"Respond-Async , RETURN=Minimal;foo=bar, wait=7":    {async: true, minimal: true, wait: seconds(7)},
		`return="minimal", wait="2"`:                        {minimal: true, wait: seconds(2)},
		"return=representation, return=minimal":             {},
		"wait=0":                                            {wait: seconds(0)},
		"wait=-1, wait=4":                                   {},
		"wait=soon":                                         {},
		"wait=99999999999999999999":                         {},
		`note="a, return=minimal", handling=lenient`:        {},
		`note="a \", return=minimal`:                        {},
		"minimal, async, return":                            {},
		"respond-async; wait=3":                             {async: true},
		",, ,return = minimal ,":                            {minimal: true},
		"respond-async,respond-async,wait=1,wait=2,unknown": {async: true, wait: seconds(1)},
	} {
		if diff := cmp.Diff(want, preferencesOf(&header), cmp.AllowUnexported(preferences{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", header, diff)
		}
	}
}

func FuzzPreferences(f *testing.F) {
	f.Add(`respond-async, wait="1"; a=b`)
	f.Fuzz(func(t *testing.T, header string) {
		p := preferencesOf(&header)
		if p.wait != nil && *p.wait < 0 {
			t.Errorf("waits %v", *p.wait)
		}
	})
}

func FuzzEntityTags(f *testing.F) {
	f.Add(`W/"a", "b,c" , *`)
	f.Fuzz(func(t *testing.T, header string) {
		tags, _ := entityTags(header)
		for _, e := range tags {
			if len(e.tag) < 2 || e.tag[0] != '"' || e.tag[len(e.tag)-1] != '"' {
				t.Errorf("%q is no entity tag", e.tag)
			}
		}
	})
}
