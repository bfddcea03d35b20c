package catalogue

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/invopop/jsonschema"

	"github.com/cartulary/cartulary/events"
)

const (
	envelopeName = "envelope"
	sourceFolder = "events"
	schemaFolder = "events/schemas"
	goldenFolder = "events/testdata/golden"
)

// fileName returns the name of a version's golden file, and of its schema.
func fileName(name string, version int) string { return fmt.Sprintf("%s.v%d.json", name, version) }

// schemaOf returns the JSON Schema of a Go type's JSON.
func (c *Catalogue) schemaOf(t reflect.Type) *jsonschema.Schema {
	reflector := jsonschema.Reflector{
		Anonymous: true, DoNotReference: true, ExpandedStruct: true,
		Mapper: c.mapped,
		LookupComment: func(t reflect.Type, field string) string {
			if field == "" {
				return c.source.comments[t.Name()]
			}
			return described(field, c.source.comments[t.Name()+"."+field])
		},
	}
	schema := reflector.ReflectFromType(t)
	schema.Version = ""
	return schema
}

// mapped returns the schemas of types that JSON knows nothing of.
func (c *Catalogue) mapped(t reflect.Type) *jsonschema.Schema {
	switch {
	case t == reflect.TypeFor[uuid.UUID]():
		return &jsonschema.Schema{Type: "string", Format: "uuid"}
	case t == reflect.TypeFor[jsontext.Value]():
		return &jsonschema.Schema{Type: "object"}
	case t == reflect.TypeFor[events.Type](), t == reflect.TypeFor[events.Kind](), t.Kind() != reflect.String, t.Name() == "string":
		return nil
	}
	schema := &jsonschema.Schema{Type: "string"}
	for _, v := range c.source.values[t.Name()] {
		schema.Enum = append(schema.Enum, v.value)
	}
	return schema
}

// described returns what a comment says of a field: "ID is the id" says "the id".
func described(field, comment string) string {
	for _, verb := range []string{" is ", " says "} {
		if text, ok := strings.CutPrefix(comment, field+verb); ok {
			return text
		}
	}
	return comment
}

// envelopeSchema returns the schema of what all messages have in common.
func (c *Catalogue) envelopeSchema() *jsonschema.Schema {
	schema := c.schemaOf(reflect.TypeFor[events.Envelope]())
	schema.Version = jsonschema.Version
	schema.ID = jsonschema.ID(fileName(envelopeName, 1))
	schema.Title = "the message of every event"
	schema.Description = "A message's value: the very bytes that the ledger stores and hashes, canonical JSON (RFC 8785)."
	return schema
}

// messageSchema returns the schema of an event's whole message, in the version
// that is written today.
func (c *Catalogue) messageSchema(t events.Type) *jsonschema.Schema {
	d := c.registry[t]
	data := c.schemaOf(reflect.TypeOf(d.Zero()))
	data.Description = ""
	properties := jsonschema.NewProperties()
	properties.Set("data", data)
	properties.Set("event_type", &jsonschema.Schema{Const: t})
	properties.Set("schema_version", &jsonschema.Schema{Const: d.SchemaVersion()})
	properties.Set("stream_kind", &jsonschema.Schema{Const: d.Kind()})
	return &jsonschema.Schema{
		Version:     jsonschema.Version,
		ID:          jsonschema.ID(fileName(string(t), d.SchemaVersion())),
		Title:       fmt.Sprintf("%s, version %d", t, d.SchemaVersion()),
		Description: "Records " + c.records(t),
		AllOf:       []*jsonschema.Schema{{Ref: fileName(envelopeName, 1)}},
		Properties:  properties,
	}
}

// records returns what an event's doc comment says that it records.
func (c *Catalogue) records(t events.Type) string {
	name := reflect.TypeOf(c.registry[t].Zero()).Name()
	text, _ := strings.CutPrefix(c.source.comments[name], name+" records ")
	return cmp.Or(text, "what its name says.")
}

// formatted returns a schema's file.
func formatted(schema *jsonschema.Schema) ([]byte, error) {
	text, err := json.Marshal(schema)
	if err != nil {
		return nil, err
	}
	value := jsontext.Value(text)
	if err := value.Format(jsontext.WithIndent("  "), jsontext.EscapeForHTML(false)); err != nil {
		return nil, err
	}
	return append(value, '\n'), nil
}
