package catalogue

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/cartulary/cartulary/events"
)

// goldens finds golden files that today's code does not read, or would not write
// again.
func (c *Catalogue) goldens() ([]Problem, error) {
	paths, err := c.published()
	if err != nil {
		return nil, err
	}
	validator := NewValidator(filepath.Join(c.root, filepath.FromSlash(schemaFolder)))
	var problems []Problem
	for _, path := range paths {
		if !strings.HasPrefix(path, goldenFolder+"/") {
			continue
		}
		body, err := c.read(path)
		if err != nil {
			return nil, err
		}
		if p, ok := c.golden(path, body); !ok {
			problems = append(problems, p)
		} else if err := validator.Validate(body); err != nil {
			problems = append(problems, Problem{path, "not what its schema says", strings.Split(err.Error(), "\n"), remedyVersion})
		}
	}
	return problems, nil
}

// golden judges one golden file.
func (c *Catalogue) golden(path string, body []byte) (Problem, bool) {
	r, err := c.registry.Decode(body)
	if _, unknown := errors.AsType[*events.UnknownError](err); unknown {
		return Problem{path, "no longer read", []string{err.Error()}, remedyType}, false
	}
	if err != nil {
		return Problem{path, "no longer read", []string{err.Error()}, remedyVersion}, false
	}
	name := filepath.Base(path)
	if name != fileName(string(r.Type), r.SchemaVersion) && !strings.HasPrefix(name, envelopeName+".") {
		return Problem{path, fmt.Sprintf("holds %s, version %d", r.Type, r.SchemaVersion), nil, remedyRestore + path}, false
	}
	newest := r
	newest.SchemaVersion = c.registry[r.Type].SchemaVersion()
	if newest.Data, err = events.EncodeData(r.Event); err != nil {
		return Problem{path, "read, but not written again", []string{err.Error()}, remedyVersion}, false
	}
	again := events.Encode(newest)
	if r.SchemaVersion == newest.SchemaVersion && !bytes.Equal(again, body) {
		return Problem{path, "today's code writes other bytes", differences(path, body, again), remedyVersion}, false
	}
	if _, err := c.registry.Decode(again); err != nil {
		return Problem{path, "written again, but not read", []string{err.Error()}, remedyVersion}, false
	}
	return Problem{}, true
}
