package catalogue

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// errNoRoot says that no folder above is the root of a Go module.
var errNoRoot = errors.New("no go.mod here or above")

// Root returns the root of the module that the working directory is in.
func Root() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, nil
		}
		above := filepath.Dir(folder)
		if above == folder {
			return "", errNoRoot
		}
		folder = above
	}
}

// Summary says how much the catalogue holds.
func (c *Catalogue) Summary() string {
	versions := 0
	for _, t := range c.types {
		versions += c.registry[t].SchemaVersion()
	}
	return fmt.Sprintf("schema-check: %d events in %d versions, all as they were published", len(c.types), versions)
}
