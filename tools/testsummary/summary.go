package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"
)

// event is one line of go test -json (see go doc test2json); only what is used.
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Elapsed     float64 // seconds
	Output      string
	FailedBuild string
}

// key names a test, or a package when Test is empty.
type key struct{ pkg, test string }

// summary folds test events into a report.
type summary struct {
	out     *bufio.Writer
	output  map[key]*strings.Builder // of what has not ended yet
	builds  map[string]*strings.Builder
	tests   map[string]int // passed tests by package
	passed  int
	skipped []string
	failed  []string
}

func newSummary(out *bufio.Writer) *summary {
	return &summary{
		out:    out,
		output: map[key]*strings.Builder{},
		builds: map[string]*strings.Builder{},
		tests:  map[string]int{},
	}
}

// line takes one line of input. What is no event is printed as it is.
func (s *summary) line(line []byte) {
	var e event
	if err := json.Unmarshal(line, &e); err != nil || e.Action == "" {
		s.out.Write(line)
		return
	}
	k := key{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		appendTo(s.builds, e.ImportPath, e.Output)
	case "output":
		appendTo(s.output, k, e.Output)
	case "pass":
		s.pass(k, e)
	case "skip":
		s.skip(k)
	case "fail":
		s.fail(k, e)
	}
}

func appendTo[K comparable](m map[K]*strings.Builder, k K, text string) {
	if m[k] == nil {
		m[k] = &strings.Builder{}
	}
	m[k].WriteString(text)
}

func (s *summary) pass(k key, e event) {
	if k.test != "" {
		s.passed++
		s.tests[k.pkg]++
	} else {
		note := ""
		if o := s.output[k]; o != nil && strings.Contains(o.String(), "(cached)") {
			note = ", cached"
		}
		fmt.Fprintf(s.out, "ok    %-64s %7.2fs %5d tests%s\n", k.pkg, e.Elapsed, s.tests[k.pkg], note)
	}
	delete(s.output, k)
}

// skip notes a skipped test. A package is skipped when it has no test files.
func (s *summary) skip(k key) {
	if k.test != "" {
		s.skipped = append(s.skipped, k.pkg+"."+k.test+"\n"+s.text(k))
	}
	delete(s.output, k)
}

func (s *summary) fail(k key, e event) {
	if e.FailedBuild != "" {
		if b := s.builds[e.FailedBuild]; b != nil {
			fmt.Fprint(s.out, b.String())
		}
		delete(s.builds, e.FailedBuild)
	}
	if k.test == "" {
		fmt.Fprintf(s.out, "%sFAIL  %-64s %7.2fs\n", s.text(k), k.pkg, e.Elapsed)
		s.failed = append(s.failed, k.pkg)
	} else {
		fmt.Fprint(s.out, s.text(k))
		s.failed = append(s.failed, k.pkg+"."+k.test)
	}
	delete(s.output, k)
}

func (s *summary) text(k key) string {
	if b := s.output[k]; b != nil {
		return b.String()
	}
	return ""
}

// close prints the totals. It returns whether nothing failed, was skipped or
// never ended.
func (s *summary) close() bool {
	for k, b := range s.output {
		if k.test != "" {
			fmt.Fprintf(s.out, "never ended: %s.%s\n%s", k.pkg, k.test, b.String())
			s.failed = append(s.failed, k.pkg+"."+k.test)
		}
	}
	for _, b := range s.builds {
		fmt.Fprint(s.out, b.String())
	}
	for _, t := range s.skipped {
		fmt.Fprintf(s.out, "skipped: %s", t)
	}
	for _, t := range s.failed {
		fmt.Fprintln(s.out, "failed:", t)
	}
	fmt.Fprintf(s.out, "%d tests passed, %d failed, %d skipped\n", s.passed, len(s.failed), len(s.skipped))
	return len(s.failed) == 0 && len(s.skipped) == 0
}
