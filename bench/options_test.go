package main

import (
	"bytes"
	"errors"
	"flag"
	"strings"
	"testing"
)

func TestOptionsHaveDefaults(t *testing.T) {
	t.Parallel()
	o, err := parseOptions(nil, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	if o.rounds < 5 || o.backlog != 200_000 || !o.only.MatchString("any figure") {
		t.Errorf("defaults: %+v", o)
	}
}

func TestHelpTellsEveryFlag(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	if _, err := parseOptions([]string{"--help"}, &said); !errors.Is(err, flag.ErrHelp) {
		t.Fatalf("got %v, want flag.ErrHelp", err)
	}
	for _, name := range []string{"-rounds", "-seconds", "-only", "-json", "-dir", "-profiles", "-backlog", "-documents", "-trail"} {
		if !strings.Contains(said.String(), "\n  "+name+" ") {
			t.Errorf("%s is not told of in:\n%s", name, said.String())
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--rounds", "0"},
		{"--seconds", "0"},
		{"--backlog", "-1"},
		{"--documents", "0"},
		{"--trail", "0"},
		{"--only", "("},
		{"rounds"},
		{"--no-such-flag"},
	} {
		if _, err := parseOptions(args, &bytes.Buffer{}); err == nil {
			t.Errorf("%q was accepted", args)
		}
	}
}
