// Package check decides whether a run of the platform lost, doubled or skipped
// anything. It works on a [Snapshot] of everything there is to see from outside:
// the client's journal, the ledgers, the topics, the read models and the objects.
//
// It knows the platform by its published formats alone (message format, table
// columns, the rule for command ids in the API's contract) and shares no code with
// it: a mistake made there is not made again here.
//
// The invariants:
//
//	I1  each acknowledged command yields exactly one set of events
//	I2  a command that was not acknowledged is there once or not at all, never in part
//	I3  every ledger is contiguous from 1, and so is every stream
//	I4  audit.log holds exactly the ledgers' events, first occurrences in ledger order
//	I5  read models are the fold of the ledger
//	I6  file rows and objects stand for each other, byte for byte
//	I7  tenants and databases stand for each other
//	I8  the ledgers' Merkle trees and signed checkpoints are those of their events
package check
