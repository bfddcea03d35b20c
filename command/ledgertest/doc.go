// Package ledgertest is the contract of command.Ledger as tests. Every
// implementation runs the same suite.
package ledgertest
