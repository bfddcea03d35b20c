package command

import "slices"

// Match says at which versions of the thing that it changes a command may be done.
// A thing's version is that of its stream. The zero value matches none.
type Match struct {
	Any      bool // at any
	Versions []int64
}

// admits reports whether m names a version from since to latest, between which
// nothing changed that shows.
func (m *Match) admits(since, latest int64) bool {
	if latest > 0 && m.Any {
		return true
	}
	return slices.ContainsFunc(m.Versions, func(v int64) bool { return since <= v && v <= latest })
}
