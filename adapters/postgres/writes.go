package postgres

func (b *batch) resetWrites() {
	resetAll(oidUUID, &b.eventLedger, &b.eventStream, &b.eventID,
		&b.headLedger, &b.headFirst, &b.assumedLedger, &b.assumedStream, &b.commandLedger, &b.commandID, &b.outboxLedger)
	resetAll(oidInt8, &b.eventSeq, &b.eventVersion, &b.headSeq,
		&b.headBefore, &b.assumedVersion, &b.commandLastSeq, &b.outboxFirst, &b.outboxLast)
	resetAll(oidTime, &b.eventAt, &b.headAt, &b.headAtBefore, &b.commandAt)
	resetAll(oidText, &b.eventType, &b.eventTrace)
	resetAll(oidBytea, &b.eventBody, &b.headRange, &b.commandPrint, &b.commandOutcome)
}

// closeBook adds the ledger's new head and its outbox row to what is written, if
// the ledger has grown.
func (b *batch) closeBook(k *book) {
	if !k.grown() {
		return
	}
	b.headLedger.uuid(k.id)
	b.headBefore.int64(k.head.seq)
	b.headAtBefore.time(k.head.at)
	b.headFirst.uuid(k.first)
	b.headSeq.int64(k.seq)
	b.headAt.time(k.at)
	b.headRange.bytes(k.hashes())
	b.outboxLedger.uuid(k.id)
	b.outboxFirst.int64(k.head.seq + 1)
	b.outboxLast.int64(k.seq)
}

// empty says whether there is nothing to write.
func (b *batch) empty() bool { return b.headLedger.n == 0 && b.commandLedger.n == 0 }

// writes is the second round trip.
func (b *batch) writes(requests []request) []request {
	if b.headLedger.n > 0 {
		requests = append(requests,
			request{statement: stmtInsertEvents, params: [][]byte{
				b.eventLedger.value(), b.eventSeq.value(), b.eventStream.value(), b.eventVersion.value(),
				b.eventID.value(), b.eventType.value(), b.eventAt.value(), b.eventTrace.value(), b.eventBody.value(),
			}},
			request{statement: stmtUpdateHeads, params: [][]byte{
				b.headLedger.value(), b.headSeq.value(), b.headAt.value(), b.headRange.value(),
			}},
			request{statement: stmtInsertOutbox, params: [][]byte{
				b.outboxLedger.value(), b.outboxFirst.value(), b.outboxLast.value(),
			}})
	}
	if b.commandLedger.n > 0 {
		requests = append(requests, request{statement: stmtInsertCommands, params: [][]byte{
			b.commandLedger.value(), b.commandID.value(), b.commandPrint.value(),
			b.commandLastSeq.value(), b.commandAt.value(), b.commandOutcome.value(),
		}})
	}
	return append(requests, request{statement: stmtCommit})
}
