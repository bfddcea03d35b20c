package catalogue_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

func TestTheRepositoryIsAsItWasPublished(t *testing.T) {
	t.Parallel()
	if problems, _ := (tree{t, repository, events.Published()}).check(); problems != "" {
		t.Error(problems)
	}
}

// What somebody might make of document.renamed.
type (
	renamedRetyped struct {
		Filename int    `json:"filename"`
		Previous string `json:"previous"`
	}
	renamedShorter struct {
		Filename string `json:"filename"`
	}
	renamedLonger struct {
		Filename string `json:"filename"`
		MimeType string `json:"mime_type"`
		Previous string `json:"previous"`
	}
	renamedOptional struct {
		Filename string `json:"filename"`
		MimeType string `json:"mime_type,omitempty"`
		Previous string `json:"previous"`
	}
	renamedBounded struct {
		Filename string `json:"filename" jsonschema:"maxLength=255"`
		Previous string `json:"previous"`
	}
)

func (renamedRetyped) EventType() events.Type  { return events.TypeDocumentRenamed }
func (renamedShorter) EventType() events.Type  { return events.TypeDocumentRenamed }
func (renamedLonger) EventType() events.Type   { return events.TypeDocumentRenamed }
func (renamedOptional) EventType() events.Type { return events.TypeDocumentRenamed }
func (renamedBounded) EventType() events.Type  { return events.TypeDocumentRenamed }

// documentShared is an event that nobody has published.
type documentShared struct {
	With uuid.UUID `json:"with"`
}

func (documentShared) EventType() events.Type { return "document.shared" }

// longer is the upcaster that renamedLonger wants.
func longer(old renamedV1) renamedLonger {
	return renamedLonger{Filename: old.Filename, Previous: old.Previous, MimeType: "application/octet-stream"}
}

type renamedV1 struct {
	Filename string `json:"filename"`
	Previous string `json:"previous"`
}

const (
	golden     = "events/testdata/golden/document.renamed.v1.json"
	schema     = "events/schemas/document.renamed.v1.json"
	addVersion = "add version 2 (or the next) and an upcaster"
)

// Each violation is found where git tells the history, and where only published.sum
// does.
func TestViolationsAreFoundAndNameTheirRemedy(t *testing.T) {
	t.Parallel()
	redefine := func(d events.Definition) func(tree) {
		return func(r tree) { r.registry[events.TypeDocumentRenamed] = d }
	}
	tests := map[string]struct {
		spoil func(tree)
		want  []string
	}{
		"a field of another type": {
			redefine(events.Define[renamedRetyped](events.KindDocument)),
			[]string{schema + ": published", `data.filename.type: was "string", is "integer"`, addVersion},
		},
		"a field less": {
			redefine(events.Define[renamedShorter](events.KindDocument)),
			[]string{schema + ": published", `data.previous: was {"type":"string"}, is not there`, addVersion},
		},
		"a required field more": {
			redefine(events.Define[renamedLonger](events.KindDocument)),
			[]string{schema, `data.mime_type: was not there, is {"type":"string"}`, `"mime_type"`, addVersion},
		},
		"an optional field more": {
			redefine(events.Define[renamedOptional](events.KindDocument)),
			[]string{schema, `data.mime_type: was not there`, addVersion},
		},
		"a bound": {
			redefine(events.Define[renamedBounded](events.KindDocument)),
			[]string{schema, `data.filename.maxLength: was not there, is 255`, addVersion},
		},
		"another kind of stream": {
			redefine(events.Define[events.DocumentRenamed](events.KindFile)),
			[]string{schema, `stream_kind.const: was "document", is "file"`, addVersion},
		},
		"an enum's value renamed": {
			func(r tree) { r.replace("events/tenant.go", `"viewer"`, `"reader"`) },
			[]string{"events/schemas/tenant.member_added.v1.json", `"viewer"`, `"reader"`, addVersion},
		},
		"a golden file edited": {
			func(r tree) { r.replace(golden, `"b.pdf"`, `"c.pdf"`) },
			[]string{golden, "Restore it: git log --diff-filter=A -- " + golden},
		},
		"a golden file removed": {
			func(r tree) { r.remove(golden) },
			[]string{golden, "has no golden file"},
		},
		"a golden file too many": {
			func(r tree) { r.write("events/testdata/golden/document.shredded.v1.json", "{}") },
			[]string{"document.shredded.v1.json: no longer read"},
		},
		"an upcaster gone": {
			func(r tree) {
				r.write("events/testdata/golden/document.renamed.v2.json", strings.ReplaceAll(renamedV2, "\n", ""))
			},
			[]string{"document.renamed.v2.json: no longer read", `unknown event "document.renamed", schema version 2`},
		},
		"a schema edited": {
			func(r tree) { r.replace(schema, `"previous": {`, `"before": {`) },
			[]string{schema, "Restore it"},
		},
		"a schema removed": {
			func(r tree) { r.remove(schema) },
			[]string{schema + ": document.renamed, version 1, has no schema"},
		},
		"the envelope's schema removed": {
			func(r tree) { r.remove("events/schemas/envelope.v1.json") },
			[]string{"events/schemas/envelope.v1.json: published, but no longer there"},
		},
		"a type removed": {
			func(r tree) { delete(r.registry, events.TypeDocumentRenamed) },
			[]string{golden + ": no longer read", "keep its type in events/registry.go"},
		},
		"a new event without its golden file": {
			func(r tree) {
				r.registry["document.shared"] = events.Define[documentShared](events.KindDocument)
			},
			[]string{"document.shared.v1.json: document.shared, version 1, has no golden file", "go test ./events -update"},
		},
		"a new version without its golden file": {
			redefine(events.Define[renamedLonger](events.KindDocument, events.Upcast(longer))),
			[]string{"document.renamed.v2.json: document.renamed, version 2, has no golden file", "document.renamed.v2.json: document.renamed, version 2, has no schema"},
		},
		"a description changed in the code": {
			func(r tree) { r.replace("events/file.go", "// lower-case hex", "// in hex") },
			[]string{"events/schemas/file.received.v1.json: not what the code generates", "Run make generate"},
		},
		"a digest removed": {
			func(r tree) { r.replace("events/published.sum", "  "+golden, "  gone") },
			[]string{"events/published.sum: does not list " + golden},
		},
		"the page edited": {
			func(r tree) { r.replace("docs/events.md", "| `document.renamed` |", "| `renamed` |") },
			[]string{"docs/events.md: not what the code generates", "Run make generate"},
		},
	}
	origin := plant(t)
	origin.commit()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := origin.worktree(t)
			tt.spoil(r)
			for _, missing := range []string{"", "this is no git repository"} {
				problems, noHistory := r.check()
				if noHistory != missing {
					t.Fatalf("no history: %q, want %q", noHistory, missing)
				}
				for _, want := range tt.want {
					if !strings.Contains(problems, want) {
						t.Errorf("nothing says %q (history: %t):\n%s", want, missing == "", problems)
					}
				}
				if missing == "" {
					r.remove(".git")
				}
			}
		})
	}
}

const renamedV2 = `{"command_id":"00000000-0000-7000-8000-000000000006","data":{"filename":"b.pdf","mime_type":"application/pdf","previous":"a.pdf"},
"event_id":"00000000-0000-7000-8000-000000000009","event_type":"document.renamed","request_id":"request-1","schema_version":2,"seq":7,
"stream_id":"00000000-0000-7000-8000-000000000008","stream_kind":"document","stream_version":2,"tenant_id":"00000000-0000-7000-8000-000000000003",
"timestamp":"2024-01-01T00:00:00.120000Z","traceparent":"","user_id":"00000000-0000-7000-8000-000000000001"}`

// What the remedy asks for is enough: a second version, an upcaster and the golden
// file leave nothing to say, and version 1 is still read, as it was written.
func TestAnEventGetsASecondVersion(t *testing.T) {
	t.Parallel()
	r := plant(t)
	r.commit()
	r.registry[events.TypeDocumentRenamed] = events.Define[renamedLonger](events.KindDocument, events.Upcast(longer))
	r.write("events/testdata/golden/document.renamed.v2.json", strings.ReplaceAll(renamedV2, "\n", ""))
	if err := r.open().Generate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if problems, _ := r.check(); problems != "" {
		t.Errorf("after generating:\n%s", problems)
	}
	r.commit()
	if problems, _ := r.check(); problems != "" {
		t.Errorf("after committing:\n%s", problems)
	}
	for path, want := range map[string]string{
		"docs/events.md": "| [1](../events/schemas/document.renamed.v1.json), [2](../events/schemas/document.renamed.v2.json) |",
		"asyncapi.yaml":  "./events/schemas/document.renamed.v2.json",
	} {
		r.replace(path, want, want) // fails if it is not there
	}
}

// Who edits a golden file and its digest together is found where there is history.
func TestHistoryOutweighsDigests(t *testing.T) {
	t.Parallel()
	r := plant(t)
	r.commit()
	r.replace(golden, `"b.pdf"`, `"c.pdf"`)
	r.remove("events/published.sum")
	if err := r.open().Generate(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.commit()
	if problems, _ := r.check(); !strings.Contains(problems, golden+": published, but edited since") {
		t.Errorf("got %s", problems)
	}
}

func TestAShallowCloneIsCheckedByDigests(t *testing.T) {
	t.Parallel()
	origin := plant(t)
	origin.commit()
	origin.write("README.md", "a second commit")
	origin.commit()
	clone := tree{t, t.TempDir(), origin.registry}
	git(t, clone.root, "clone", "-q", "--depth", "1", "file://"+filepath.ToSlash(origin.root), ".")
	if problems, noHistory := clone.check(); problems != "" || noHistory != "this clone is shallow" {
		t.Errorf("%s: %s", noHistory, problems)
	}
	clone.replace(golden, `"b.pdf"`, `"c.pdf"`)
	if problems, _ := clone.check(); !strings.Contains(problems, golden+": not what events/published.sum says was published") {
		t.Errorf("got %s", problems)
	}
}

func TestAPublishedSchemaIsNotGeneratedAnew(t *testing.T) {
	t.Parallel()
	for _, history := range []bool{true, false} {
		r := plant(t)
		if history {
			r.commit()
		}
		r.registry[events.TypeDocumentRenamed] = events.Define[renamedShorter](events.KindDocument)
		if err := r.open().Generate(t.Context()); err == nil || !strings.Contains(err.Error(), addVersion) {
			t.Errorf("history %t: got %v", history, err)
		}
		r.registry = events.Published()
		if problems, _ := r.check(); problems != "" {
			t.Errorf("history %t: something was written:\n%s", history, problems)
		}
	}
}

// Until it is committed, a new event may change as often as its author likes.
func TestWhatWasNeverCommittedMayChange(t *testing.T) {
	t.Parallel()
	r := plant(t)
	r.commit()
	const first = "events/testdata/golden/document.shared.v1.json"
	body := strings.ReplaceAll(renamedV2, "\n", "")
	body = strings.Replace(body, `"document.renamed"`, `"document.shared"`, 1)
	body = strings.Replace(body, `"schema_version":2`, `"schema_version":1`, 1)
	r.write(first, strings.Replace(body, `{"filename":"b.pdf","mime_type":"application/pdf","previous":"a.pdf"}`, `{"with":"00000000-0000-7000-8000-000000000001"}`, 1))
	r.registry["document.shared"] = events.Define[documentShared](events.KindDocument)
	if err := r.open().Generate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if problems, _ := r.check(); problems != "" {
		t.Errorf("first: %s", problems)
	}
	r.write(first, strings.Replace(body, `{"filename":"b.pdf","mime_type":"application/pdf","previous":"a.pdf"}`, `{"with":"Ada"}`, 1))
	r.registry["document.shared"] = events.Define[documentSharedByName](events.KindDocument)
	if err := r.open().Generate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if problems, _ := r.check(); problems != "" {
		t.Errorf("second: %s", problems)
	}
}

type documentSharedByName struct {
	With string `json:"with"`
}

func (documentSharedByName) EventType() events.Type { return "document.shared" }
