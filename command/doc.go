// Package command is the write side: what users and the platform itself can ask
// for, and what may come of it.
//
// Each command is data with a pure Decide, each aggregate a state with a pure
// Evolve. [App] lists every use case. A use case loads the streams it decides on
// from the ledger (never from a read model), decides, and appends; when someone
// else was faster it starts over, at most three times.
//
// What this process knows of a stream, because it wrote to it last, may stand in
// for loading it, but only where the append then changes that very stream at that
// very version, so that the ledger checks it. Anything else (a refusal, a decision
// that nothing changes, a stream that is only looked at) is decided on what the
// ledger holds.
package command
