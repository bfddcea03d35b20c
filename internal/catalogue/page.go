package catalogue

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/cartulary/cartulary/events"
)

// pageFile is the catalogue's page. What stands between its marks is generated.
const pageFile = "docs/events.md"

// errMarks says that the page lacks a pair of marks.
var errMarks = errors.New("marks missing")

// page returns the page with its tables as the code has them.
func (c *Catalogue) page() ([]byte, error) {
	text, err := c.read(pageFile)
	if err != nil {
		return nil, err
	}
	for name, table := range map[string][]byte{"events": c.eventsTable(), "members": c.membersTable()} {
		begin, end := []byte("<!-- "+name+": written by make generate -->\n"), []byte("<!-- end of "+name+" -->")
		before, rest, found := bytes.Cut(text, begin)
		_, after, ended := bytes.Cut(rest, end)
		if !found || !ended {
			return nil, fmt.Errorf("%w: %s", errMarks, name)
		}
		text = bytes.Join([][]byte{before, begin, table, end, after}, nil)
	}
	return text, nil
}

// eventsTable returns a row for every event.
func (c *Catalogue) eventsTable() []byte {
	var b bytes.Buffer
	b.WriteString("| Name | Version | Stream | Records | Data | Own topic |\n|---|---|---|---|---|---|\n")
	for _, t := range c.types {
		d := c.registry[t]
		var versions []string
		for v := 1; v <= d.SchemaVersion(); v++ {
			versions = append(versions, fmt.Sprintf("[%d](../%s/%s)", v, schemaFolder, fileName(string(t), v)))
		}
		topic := "–"
		if own := events.TopicOf(t); own != "" {
			topic = "`" + own + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", t, strings.Join(versions, ", "), d.Kind(),
			cell(c.records(t)), members(d.Zero()), topic)
	}
	return b.Bytes()
}

// members lists the names of an event's data.
func members(e events.Event) string {
	t := reflect.TypeOf(e)
	var names []string
	for f := range t.Fields() {
		names = append(names, "`"+memberName(f)+"`")
	}
	if len(names) == 0 {
		return "–"
	}
	return strings.Join(names, ", ")
}

func memberName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// membersTable returns a row for every member of a message.
func (c *Catalogue) membersTable() []byte {
	var b bytes.Buffer
	b.WriteString("| Member | Meaning |\n|---|---|\n")
	t := reflect.TypeFor[events.Envelope]()
	for f := range t.Fields() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", memberName(f), cell(described(f.Name, c.source.comments[t.Name()+"."+f.Name])))
	}
	return b.Bytes()
}

// cell returns the first sentence of a text as it stands in a table.
func cell(text string) string {
	text, _, _ = strings.Cut(text, ". ")
	return strings.ReplaceAll(strings.TrimSuffix(text, "."), "|", "\\|")
}
