package proof

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

const plainBody = `{"command_id":"018f","data":{"a":[1,-2,[]],"b":{"":true,"c":"Grüße & 😀"}},"event_id":"e","event_type":"t",` +
	`"seq":12,"stream_id":"s","stream_version":3,"tenant_id":"x","timestamp":"2026","traceparent":"","user_id":null}`

// What is plain is canonical, and its fields are those that the slow way finds.
func FuzzPlain(f *testing.F) {
	for _, body := range []string{
		plainBody, `{}`, `{"a":0}`, `{"a":-0}`, `{"a":01}`, `{"a":1.5}`, `{"a":1e3}`, `{"a":999999999999999}`, `{"a":9007199254740993}`,
		`{"b":1,"a":2}`, `{"a":1,"a":2}`, `{"a":1,}`, `{"a":[1,]}`, `{"a":[,1]}`, `{ "a":1}`, `{"a":1} `, `{"a":"\u0041"}`, `{"a":"\n"}`,
		"{\"a\":\"\x7f\"}", "{\"a\":\"\xff\"}", "{\"\xc3\xa9\":1}", `{"a":"\ud800"}`, "{\"a\":\"\u2028\"}", `{"a":nul}`, `{"a":truefalse}`, `[1]`, `"a"`, ``, `{`,
		`{"a":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`, "{\"😀\":1,\"\ufffd\":2}",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		found, ok := plain(body)
		if !ok {
			return
		}
		value := jsontext.Value(bytes.Clone(body))
		if err := value.Canonicalize(jsontext.CanonicalizeRawInts(false)); err != nil || !bytes.Equal(value, body) {
			t.Fatalf("%q is taken for canonical; its canonical form is %q, %v", body, value, err)
		}
		value = bytes.Clone(body)
		if err := value.Canonicalize(); err != nil || !bytes.Equal(value, body) {
			t.Fatalf("%q holds a number that is not what it seems: %q, %v", body, value, err)
		}
		slow, err := scan(body)
		if failed := found.complete(); (err == nil) != (failed == nil) {
			t.Errorf("%q: %v, the slow way %v", body, failed, err)
		}
		for n := range slow {
			if !bytes.Equal(found[n], slow[n]) {
				t.Errorf("%q: %s is %q, the slow way %q", body, names[n], found[n], slow[n])
			}
		}
	})
}

// Events of every day are plain, names beyond ASCII among them; or auditing them takes
// three times as long.
func TestEventsArePlain(t *testing.T) {
	t.Parallel()
	found, ok := plain([]byte(plainBody))
	if err := found.complete(); !ok || err != nil || string(found[seq]) != "12" || string(found[timestamp]) != "2026" {
		t.Errorf("%q, %v, %v", found, ok, err)
	}
	for _, canonical := range []string{`{"a":"\\"}`, `{"a":1.5}`, `{"é":1}`} { // but not known at sight
		if _, ok := plain([]byte(canonical)); ok {
			t.Errorf("%s is plain", canonical)
		}
	}
}
