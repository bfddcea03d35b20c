package catalogue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Generate writes the files of the catalogue, those that differ. It fails, and
// writes nothing, if a published schema would change.
func (c *Catalogue) Generate(ctx context.Context) error {
	files, err := c.schemas()
	if err != nil {
		return err
	}
	before, err := c.past(ctx)
	if err != nil {
		return err
	}
	if problems, err := c.changedSchemas(before, files); err != nil || len(problems) > 0 {
		return errors.Join(append(asErrors(problems), err)...)
	}
	documents, err := c.documents()
	if err != nil {
		return err
	}
	maps.Copy(files, documents)
	for path, content := range files {
		if err := c.write(path, content); err != nil {
			return err
		}
	}
	return c.writeSums(before)
}

// writeSums lists what is in the tree and not in published.sum yet. What was never
// committed may still change.
func (c *Catalogue) writeSums(before past) error {
	sums := before.sums
	paths, err := c.published()
	if err != nil {
		return err
	}
	for path := range sums {
		if _, known := before.committed[path]; before.why == "" && !known && !slices.Contains(paths, path) {
			delete(sums, path)
		}
	}
	for _, path := range paths {
		content, err := c.read(path)
		if err != nil {
			return err
		}
		_, listed := sums[path]
		_, known := before.committed[path]
		if listed && (known || before.why != "") {
			continue
		}
		if sums[path], err = digest(path, content); err != nil {
			return err
		}
	}
	return c.write(sumFile, formatSums(sums))
}

func (c *Catalogue) write(path string, content []byte) error {
	was, err := c.read(path)
	if err == nil && bytes.Equal(was, content) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	full := filepath.Join(c.root, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil { //nolint:gosec // a tree's folders are everybody's to read
		return err
	}
	return os.WriteFile(full, content, 0o644) //nolint:gosec // so are its files
}

func asErrors(problems []Problem) []error {
	list := make([]error, len(problems))
	for i, p := range problems {
		list[i] = errors.New(p.String())
	}
	return list
}

// documents returns the generated files that are no schemas.
func (c *Catalogue) documents() (map[string][]byte, error) {
	files := make(map[string][]byte)
	var err error
	if files[pageFile], err = c.page(); err != nil {
		return nil, fmt.Errorf("%s: %w", pageFile, err)
	}
	if files[asyncapiFile], err = c.asyncapi(); err != nil {
		return nil, fmt.Errorf("%s: %w", asyncapiFile, err)
	}
	return files, nil
}
