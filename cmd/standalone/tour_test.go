package main

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

var updateReadme = flag.Bool("update-readme", false, "write what the tour's commands print into the README")

const readme = "../../README.md"

// block is a block of commands in the README, with what it printed if that is
// shown.
var block = regexp.MustCompile("(?s)```sh\n(.*?)```\n(?:\n```text\n.*?```\n)?")

// mark ends the output of one block.
const mark = "=== end of block ==="

// TestTour runs the README's tour word for word, but for the address.
func TestTour(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, dataDir(t))
	blocks := block.FindAllSubmatch(text, -1)
	script := bytes.NewBufferString("set -euo pipefail\n")
	for _, b := range blocks {
		script.Write(b[1])
		script.WriteString("\necho; echo '" + mark + "'\n")
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-s")
	cmd.Dir = t.TempDir()
	cmd.Stdin = strings.NewReader(strings.ReplaceAll(script.String(), "http://127.0.0.1:4999", p.base))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("the tour stopped: %v\n%s%s", err, output, stderr.String())
	}
	outputs := strings.Split(strings.ReplaceAll(string(output), p.base, "http://127.0.0.1:4999"), mark+"\n")
	if len(outputs) != len(blocks)+1 {
		t.Fatalf("%d blocks printed %d outputs", len(blocks), len(outputs)-1)
	}
	for i, want := range tour {
		if !strings.Contains(outputs[i], want) {
			t.Errorf("block %d printed %q, want %q in it:\n%s", i+1, outputs[i], want, blocks[i][1])
		}
	}
	if len(tour) != len(blocks) {
		t.Errorf("%d blocks, %d expectations", len(blocks), len(tour))
	}
	if *updateReadme {
		writeReadme(t, text, outputs)
	}
}

// tour is what each block must print, among other things.
var tour = []string{
	`"email":"ada@example.org"`, "a token of", `"name":"Analytical Engines"`,
	`"filename":"Été – رسالة \"final\".pdf"`, `"next_cursor":"`, "byte for byte the same", `"filename":"summer.pdf"`,
	"PAYLOAD_TOO_LARGE", "-", `"filename":"later.pdf"`, "NOT_FOUND",
}

func writeReadme(t *testing.T, text []byte, outputs []string) {
	t.Helper()
	i := -1
	updated := block.ReplaceAllFunc(text, func(found []byte) []byte {
		i++
		commands := block.FindSubmatch(found)[1]
		return []byte("```sh\n" + string(commands) + "```\n\n```text\n" + strings.TrimSpace(outputs[i]) + "\n```\n")
	})
	if err := os.WriteFile(readme, updated, 0o644); err != nil {
		t.Fatal(err)
	}
}
