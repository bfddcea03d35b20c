package catalogue

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/cartulary/cartulary/events"
)

// Catalogue is what a tree publishes.
type Catalogue struct {
	root     string
	registry events.Registry
	source   *source
	types    []events.Type // by kind, and in the order of the code
}

// Open reads the tree under root, whose events are those of registry.
func Open(root string, registry events.Registry) (*Catalogue, error) {
	s, err := readSource(filepath.Join(root, sourceFolder))
	if err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	c := &Catalogue{root: root, registry: registry, source: s}
	for t := range registry {
		c.types = append(c.types, t)
	}
	kinds, names := places(s.values["Kind"]), places(s.values["Type"])
	slices.SortFunc(c.types, func(a, b events.Type) int {
		return cmp.Or(
			cmp.Compare(kinds[string(registry[a].Kind())], kinds[string(registry[b].Kind())]),
			cmp.Compare(names[string(a)], names[string(b)]),
			cmp.Compare(a, b),
		)
	})
	return c, nil
}

func places(list []constant) map[string]int {
	m := make(map[string]int, len(list))
	for i, v := range list {
		m[v.value] = i
	}
	return m
}

// schemas returns the files of the schemas that are written today, by their paths.
func (c *Catalogue) schemas() (map[string][]byte, error) {
	files := make(map[string][]byte, len(c.types)+1)
	text, err := formatted(c.envelopeSchema())
	if err != nil {
		return nil, err
	}
	files[schemaFolder+"/"+fileName(envelopeName, 1)] = text
	for _, t := range c.types {
		if text, err = formatted(c.messageSchema(t)); err != nil {
			return nil, fmt.Errorf("schema of %s: %w", t, err)
		}
		files[schemaFolder+"/"+fileName(string(t), c.registry[t].SchemaVersion())] = text
	}
	return files, nil
}

// read returns a file of the tree.
func (c *Catalogue) read(path string) ([]byte, error) {
	return os.ReadFile(filepath.Join(c.root, filepath.FromSlash(path)))
}
