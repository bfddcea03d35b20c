package catalogue

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sumFile lists the digests of what is published, a line each: digest, two spaces,
// path. A line never changes and never goes.
const sumFile = "events/published.sum"

// sums reads published.sum: digests by path.
func (c *Catalogue) sums() (map[string]string, error) {
	text, err := c.read(sumFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	sums := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		sum, path, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if _, twice := sums[path]; !ok || twice {
			return nil, fmt.Errorf("%s: bad line %q", sumFile, line)
		}
		sums[path] = sum
	}
	return sums, nil
}

// published lists the paths of the tree's golden files and schemas.
func (c *Catalogue) published() ([]string, error) {
	var paths []string
	for _, folder := range []string{goldenFolder, schemaFolder} {
		entries, err := os.ReadDir(filepath.Join(c.root, filepath.FromSlash(folder)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, entry := range entries {
			paths = append(paths, folder+"/"+entry.Name())
		}
	}
	return paths, nil
}

// formatSums returns the text of published.sum.
func formatSums(sums map[string]string) []byte {
	var text bytes.Buffer
	for _, path := range slices.Sorted(maps.Keys(sums)) {
		fmt.Fprintf(&text, "%s  %s\n", sums[path], path)
	}
	return text.Bytes()
}
