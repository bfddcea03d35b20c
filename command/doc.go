// Package command is the write side: what users and the platform itself can ask
// for, and what may come of it.
//
// Each command is data with a pure Decide, each aggregate a state with a pure
// Evolve. [App] lists every use case. A use case loads the streams it decides on
// from the ledger (never from a read model), decides, and appends; when someone
// else was faster it starts over, at most three times.
package command
