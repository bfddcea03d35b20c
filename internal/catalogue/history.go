package catalogue

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// past is what was published before.
type past struct {
	committed map[string][]byte // as it was first committed, by path
	why       string            // git can't tell what was committed; empty if it can
	sums      map[string]string // what published.sum says
}

func (c *Catalogue) past(ctx context.Context) (past, error) {
	committed, why := c.history(ctx)
	sums, err := c.sums()
	return past{committed, why, sums}, err
}

// history returns the golden files and schemas that were ever committed, by their
// paths, as they were first committed; or, if git can't tell, why.
func (c *Catalogue) history(ctx context.Context) (files map[string][]byte, why string) {
	shallow, err := c.git(ctx, "", "rev-parse", "--is-shallow-repository")
	switch {
	case err != nil:
		return nil, "this is no git repository"
	case strings.TrimSpace(shallow) != "false":
		return nil, "this clone is shallow"
	}
	log, err := c.git(ctx, "", "log", "--reverse", "--topo-order", "--no-renames", "--diff-filter=A", "--raw",
		"--no-abbrev", "--relative", "--format=", "--", goldenFolder, schemaFolder)
	if err != nil {
		return nil, err.Error()
	}
	var paths, blobs []string
	seen := make(map[string]bool)
	for line := range strings.Lines(log) { // :000000 100644 0000… BLOB A<tab>PATH
		entry, path, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		fields := strings.Fields(entry)
		if ok && len(fields) == 5 && !seen[path] {
			seen[path] = true
			paths, blobs = append(paths, path), append(blobs, fields[3])
		}
	}
	contents, err := c.blobs(ctx, blobs)
	if err != nil {
		return nil, err.Error()
	}
	files = make(map[string][]byte, len(paths))
	for i, path := range paths {
		files[path] = contents[i]
	}
	return files, ""
}

// blobs returns the contents of blobs, in their order.
func (c *Catalogue) blobs(ctx context.Context, ids []string) ([][]byte, error) {
	out, err := c.git(ctx, strings.Join(ids, "\n"), "cat-file", "--batch")
	if err != nil {
		return nil, err
	}
	reader := bufio.NewReader(strings.NewReader(out))
	contents := make([][]byte, len(ids))
	for i, id := range ids {
		var name, kind string
		var size int
		if _, err := fmt.Fscanf(reader, "%s %s %d\n", &name, &kind, &size); err != nil {
			return nil, fmt.Errorf("git cat-file %s: %w", id, err)
		}
		contents[i] = make([]byte, size)
		if _, err := io.ReadFull(reader, contents[i]); err != nil {
			return nil, fmt.Errorf("git cat-file %s: %w", id, err)
		}
		if _, err := reader.Discard(1); err != nil {
			return nil, fmt.Errorf("git cat-file %s: %w", id, err)
		}
	}
	return contents, nil
}

func (c *Catalogue) git(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", c.root}, args...)...) //nolint:gosec // the arguments are this file's
	var complaint bytes.Buffer
	cmd.Stdin, cmd.Stderr = strings.NewReader(stdin), &complaint
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(complaint.Bytes()))
	}
	return string(out), nil
}
