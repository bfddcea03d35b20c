package ledgertest

import (
	"testing"

	"github.com/cartulary/cartulary/command"
)

// Run checks a ledger against the port's contract. open returns one that is
// ready; tests use ledger ids of their own, so the store need not be empty.
func Run(t *testing.T, open func(t *testing.T) command.Ledger) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, command.Ledger){
		"a new ledger starts at 1":                            startsAtOne,
		"ledgers count apart":                                 ledgersCountApart,
		"streams count apart":                                 streamsCountApart,
		"an event is read as it was written":                  readsAsWritten,
		"bytes are canonical and decode to the same":          canonicalBytes,
		"loading what is not there":                           loadsNothing,
		"loading keeps each stream in order":                  loadsInOrder,
		"a wrong version conflicts":                           wrongVersionConflicts,
		"a conflict leaves nothing of other streams":          conflictIsAtomic,
		"one stream changed twice by one command":             sameStreamTwice,
		"a change without events only checks":                 checksOnly,
		"a check that a stream is not there":                  checksNothing,
		"many writers, each if no other has written":          writersUnlessOthers,
		"an unkeyed command without events":                   emptyUnkeyed,
		"times never go back":                                 timesNeverGoBack,
		"an event on a foreign kind of stream fails":          foreignKind,
		"a cancelled caller gets its context's error":         cancelledCaller,
		"a keyed command is replayed":                         keyedIsReplayed,
		"a keyed command without events is replayed":          keyedWithoutEvents,
		"a key used for another payload":                      keyReused,
		"a failed keyed command may be tried again":           failedKeyIsFree,
		"a key counts within its ledger":                      keyIsPerLedger,
		"the same key many times at once":                     keyRace,
		"the outcome is rendered once, with the receipt":      outcomeRendered,
		"unkeyed commands are not remembered":                 unkeyedNotRemembered,
		"many writers, one stream each":                       writersApart,
		"many writers, one stream: each version has one":      writersOneStream,
		"many writers over pairs of streams":                  writersOverPairs,
		"many writers, ledgers mixed":                         writersOverLedgers,
		"conflicts among many fail only their own":            conflictsAmongMany,
		"a command of many events is one run of numbers":      largeCommand,
		"one claim, many claimants":                           oneClaim,
		"find answers for keyed commands only":                findsKeyed,
		"a load after an append holds it":                     readsOwnWrites,
		"a receipt's number is that of the last event loaded": receiptMatches,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}
