package catalogue_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/internal/catalogue"
)

const repository = "../.."

// tree is a copy of what the catalogue is made of, to be spoilt.
type tree struct {
	t        *testing.T
	root     string
	registry events.Registry
}

// plant copies the repository's events and what is generated of them.
func plant(t *testing.T) tree {
	t.Helper()
	root := t.TempDir()
	if err := os.CopyFS(filepath.Join(root, "events"), os.DirFS(filepath.Join(repository, "events"))); err != nil {
		t.Fatal(err)
	}
	copied := tree{t, root, events.Published()}
	for _, path := range []string{"asyncapi.yaml", "docs/events.md"} {
		text, err := os.ReadFile(filepath.Join(repository, path))
		if err != nil {
			t.Fatal(err)
		}
		copied.write(path, string(text))
	}
	return copied
}

// commit makes a repository of the tree, or adds a commit to it.
func (r tree) commit() {
	r.t.Helper()
	for _, args := range [][]string{
		{"init", "-q"},
		{"add", "-A"},
		{"-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "--no-gpg-sign", "-m", "a tree"},
	} {
		git(r.t, r.root, args...)
	}
}

// worktree returns a checkout of the tree's last commit.
func (r tree) worktree(t *testing.T) tree {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "tree")
	git(t, r.root, "worktree", "add", "-q", "--detach", folder)
	return tree{t, folder, events.Published()}
}

func git(t *testing.T, folder string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "git", append([]string{"-C", folder}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v\n%s", args, err, out)
	}
}

func (r tree) write(path, text string) {
	r.t.Helper()
	full := filepath.Join(r.root, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r tree) remove(path string) {
	r.t.Helper()
	if err := os.Remove(filepath.Join(r.root, path)); err != nil {
		r.t.Fatal(err)
	}
}

// replace changes what must be there.
func (r tree) replace(path, was, is string) {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.root, path))
	if err != nil {
		r.t.Fatal(err)
	}
	if !bytes.Contains(text, []byte(was)) {
		r.t.Fatalf("%s does not say %q", path, was)
	}
	r.write(path, strings.ReplaceAll(string(text), was, is))
}

func (r tree) open() *catalogue.Catalogue {
	r.t.Helper()
	c, err := catalogue.Open(r.root, r.registry)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// check returns the tree's problems as one text, and why there is no history.
func (r tree) check() (problems, noHistory string) {
	r.t.Helper()
	list, noHistory, err := r.open().Check(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	var b strings.Builder
	for _, p := range list {
		b.WriteString(p.String() + "\n")
	}
	return b.String(), noHistory
}
