// Command testsummary reads the output of go test -json on its standard input
// and prints one line a package and the whole output of what failed. It exits
// with 1 if a test failed or was skipped: a skipped test proves nothing.
//
//	go test -json ./... | testsummary
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
)

func main() {
	ok, err := run(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testsummary:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// run summarises the events of in on out. It returns whether all tests ran and
// passed.
func run(in io.Reader, out io.Writer) (bool, error) {
	w := bufio.NewWriter(out)
	s := newSummary(w)
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			s.line(line)
			if err := w.Flush(); err != nil {
				return false, err
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return false, fmt.Errorf("read test events: %w", err)
		}
	}
	ok := s.close()
	return ok, w.Flush()
}
