package catalogue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// Remedies.
const (
	remedyVersion = `A published version never changes. Take the change back, or leave that version as it is and add version 2 ` +
		`(or the next) and an upcaster: see "Changing an event" in docs/events.md.`
	remedyEnvelope = `All events share the envelope, and what is stored keeps it: put what is new into an event's data.`
	remedyRestore  = `What was published stays as it was first committed. Restore it: git log --diff-filter=A -- `
	remedyGolden   = `Write it: go test ./events -update, then make generate.`
	remedyGenerate = `Run make generate and commit what it writes.`
	remedyType     = `What was once published is read for good: keep its type in events/registry.go.`
)

// Problem is one way in which a tree breaks its promises.
type Problem struct {
	Path   string   // of the file that it is about
	What   string   // is wrong
	Detail []string // how
	Remedy string
}

// String returns the problem as a text of several lines.
func (p Problem) String() string {
	lines := append([]string{p.Path + ": " + p.What}, p.Detail...)
	return strings.Join(lines, "\n    ") + "\n  " + p.Remedy
}

// Check returns how the tree breaks its promises, and, if git could not say what was
// committed, why not.
func (c *Catalogue) Check(ctx context.Context) (problems []Problem, noHistory string, err error) {
	files, err := c.schemas()
	if err != nil {
		return nil, "", err
	}
	before, err := c.past(ctx)
	if err != nil {
		return nil, "", err
	}
	for _, part := range []func() ([]Problem, error){
		c.missing,
		func() ([]Problem, error) { return c.changedSchemas(before, files) },
		func() ([]Problem, error) { return c.kept(before) },
		c.goldens,
		func() ([]Problem, error) { return c.stale(before, files) },
	} {
		list, err := part()
		if err != nil {
			return nil, "", err
		}
		problems = append(problems, list...)
	}
	return distinct(problems), before.why, nil
}

// distinct keeps the first problem of each file: the others follow from it.
func distinct(list []Problem) []Problem {
	seen := make(map[string]bool)
	return slices.DeleteFunc(list, func(p Problem) bool {
		again := seen[p.Path]
		seen[p.Path] = true
		return again
	})
}

// missing finds versions without a golden file or a schema.
func (c *Catalogue) missing() ([]Problem, error) {
	paths, err := c.published()
	if err != nil {
		return nil, err
	}
	var problems []Problem
	for _, t := range c.types {
		newest := c.registry[t].SchemaVersion()
		for version := 1; version <= newest; version++ {
			golden := goldenFolder + "/" + fileName(string(t), version)
			schema := schemaFolder + "/" + fileName(string(t), version)
			remedy := remedyRestore + golden
			if version == newest {
				remedy = remedyGolden
			}
			if !slices.Contains(paths, golden) {
				problems = append(problems, Problem{golden, fmt.Sprintf("%s, version %d, has no golden file", t, version), nil, remedy})
			}
			if !slices.Contains(paths, schema) {
				problems = append(problems, Problem{schema, fmt.Sprintf("%s, version %d, has no schema", t, version), nil, remedyGenerate})
			}
		}
	}
	return problems, nil
}

// changedSchemas finds published schemas that the code no longer means.
func (c *Catalogue) changedSchemas(before past, generated map[string][]byte) ([]Problem, error) {
	var problems []Problem
	for _, path := range slices.Sorted(maps.Keys(generated)) {
		if before.why == "" {
			if was, known := before.committed[path]; known {
				problems = append(problems, changed(path, differences(path, was, generated[path]))...)
			}
			continue
		}
		want, known := before.sums[path]
		is, err := digest(path, generated[path])
		if err != nil {
			return nil, err
		}
		if !known || want == is {
			continue
		}
		was, err := c.read(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		list := differences(path, was, generated[path])
		if len(list) == 0 {
			list = []string{"its digest in " + sumFile + " is another"}
		}
		problems = append(problems, changed(path, list)...)
	}
	return problems, nil
}

func changed(path string, differences []string) []Problem {
	if len(differences) == 0 {
		return nil
	}
	return []Problem{{path, "published, but the code now means something else", differences, remedyOf(path)}}
}

func remedyOf(path string) string {
	if path == schemaFolder+"/"+fileName(envelopeName, 1) {
		return remedyEnvelope
	}
	return remedyVersion
}

// kept finds published files that were edited or removed.
func (c *Catalogue) kept(before past) ([]Problem, error) {
	var problems []Problem
	for _, path := range slices.Sorted(maps.Keys(before.committed)) {
		is, err := c.read(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			problems = append(problems, Problem{path, "published, but no longer there", nil, remedyRestore + path})
		case err != nil:
			return nil, err
		default:
			if list := differences(path, before.committed[path], is); len(list) > 0 {
				problems = append(problems, Problem{path, "published, but edited since", list, remedyRestore + path})
			}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(before.sums)) {
		is, err := c.read(path)
		if errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, Problem{path, "published, but no longer there", nil, remedyRestore + path})
			continue
		} else if err != nil {
			return nil, err
		}
		sum, err := digest(path, is)
		if err != nil {
			return nil, err
		}
		if sum != before.sums[path] {
			problems = append(problems, Problem{path, "not what " + sumFile + " says was published", nil, remedyRestore + path})
		}
	}
	return problems, nil
}

// stale finds generated files that are not what the code generates.
func (c *Catalogue) stale(before past, files map[string][]byte) ([]Problem, error) {
	documents, err := c.documents()
	if err != nil {
		return nil, err
	}
	files = maps.Clone(files)
	maps.Copy(files, documents)
	var problems []Problem
	for _, path := range slices.Sorted(maps.Keys(files)) {
		is, err := c.read(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if !bytes.Equal(is, files[path]) {
			problems = append(problems, Problem{path, "not what the code generates", nil, remedyGenerate})
		}
	}
	paths, err := c.published()
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		if _, listed := before.sums[path]; !listed {
			problems = append(problems, Problem{sumFile, "does not list " + path, nil, remedyGenerate})
		}
	}
	return problems, nil
}
