package httpapi

import "testing"

func TestErrorsAreNegotiated(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]bool{
		"":                         false,
		"*/*":                      false,
		"application/*":            false,
		"text/html":                false,
		"application/json":         false,
		"application/problem+json": true,
		"Application/Problem+JSON; charset=utf-8":                        true,
		"application/json, application/problem+json":                     true,
		"application/json;q=0.9, application/problem+json;q=0.8":         false,
		"application/json;q=0.8, application/problem+json;q=0.9":         true,
		"application/problem+json;q=0, */*":                              false,
		"application/problem+json;q=0.5, */*;q=0.4":                      true,
		"application/problem+json;q=0.5, application/*;q=0.7":            false,
		"application/json;q=0.1, application/problem+json;q=0.2, */*":    true,
		"application/problem+xml, */*":                                   false,
		"application/problem+json;q=2":                                   false,
		"application/problem+json;q=x, text/html":                        false,
		"application/problem+json ; profile=\"x\" ; q=0.5, text/*;q=0.1": true,
	} {
		if got := prefersProblem(accept); got != want {
			t.Errorf("%q: %v", accept, got)
		}
	}
	for accept, want := range map[string]bool{
		"": false, "gzip": true, "gzip;q=0": false, "br, *": true, "*;q=0, gzip": true, "identity": false, "GZIP;q=0.1": true,
	} {
		if got := accepts(accept, "gzip"); got != want {
			t.Errorf("Accept-Encoding %q: %v", accept, got)
		}
	}
}
