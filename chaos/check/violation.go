package check

import (
	"fmt"
	"slices"
)

// Kind says what a violation means to a user.
type Kind string

// The kinds of violations.
const (
	Lost       Kind = "lost"       // acknowledged, and not there
	Duplicated Kind = "duplicated" // there more than once
	Skipped    Kind = "skipped"    // in the ledger, but not where it should have gone from there
	Wrong      Kind = "wrong"      // there, but not as it should be
)

// Violation is one breach of an invariant.
type Violation struct {
	Invariant string // I1 … I8
	Kind      Kind
	Detail    string
}

func (v Violation) String() string { return v.Invariant + " " + string(v.Kind) + ": " + v.Detail }

// findings collects violations.
type findings struct {
	all []Violation
}

func (f *findings) add(invariant string, kind Kind, format string, args ...any) {
	f.all = append(f.all, Violation{invariant, kind, fmt.Sprintf(format, args...)})
}

// Verify returns every breach of every invariant that s shows.
func Verify(s Snapshot) []Violation {
	var f findings
	decoded := f.decode(s.Events)
	f.ledgers(s, decoded)
	f.merkle(s)
	f.commands(s, decoded)
	f.topics(s, decoded)
	models := fold(&f, s, decoded)
	f.readModels(s, models)
	f.objects(s, models)
	f.databases(s, models)
	return f.all
}

// Count returns how many violations are of a kind.
func Count(violations []Violation, kind Kind) int {
	n := 0
	for _, v := range violations {
		if v.Kind == kind {
			n++
		}
	}
	return n
}

// Invariants returns the invariants that are broken, sorted.
func Invariants(violations []Violation) []string {
	var broken []string
	for _, v := range violations {
		broken = append(broken, v.Invariant)
	}
	slices.Sort(broken)
	return slices.Compact(broken)
}
