// Package memory keeps ledgers in memory, for tests of commands and for trying
// the platform's rules without a database. It passes the same contract suite as
// the real ledger; nothing it holds outlives it.
package memory
