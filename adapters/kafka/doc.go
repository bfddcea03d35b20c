// Package kafka carries events from the ledgers' outbox to Kafka and from Kafka
// to their readers.
//
// # Publishing
//
// [Publisher] is a Watermill publisher, and the one way to the wire. It sends
// what is given to it in flights. A flight holds, for any partition, what fits
// into one record batch, which lands as a whole or not at all, and the next flight leaves when
// all of the last one was acknowledged by all in-sync replicas. Within a flight
// the client (franz-go's) repeats what was not acknowledged; producer ids and sequence numbers
// let the broker drop what arrives a second time after a lost answer. When a flight fails, or is
// not acknowledged in time, its client is given up and the next call starts with a new one.
// (When a client meets a topic for the first time, it may split a batch. It sends the
// rest after the first part was acknowledged, and sequence numbers keep that in order.)
//
// So, on any partition, a record only ever lands once all records before it
// have, in the same call or an earlier one. What a client that was given up
// has sent may land at any time later, but then it has landed behind its
// predecessors. Hence, whatever fails, times out, is repeated from its start or is sent by
// two publishers at once, the first occurrences of records are in order.
//
// [Relay] drains an outbox into a [Publisher].
//
// # Relay
//
// Invariants:
//
//   - What is published was committed. What was committed is published at least
//     once to [events.TopicAudit], and to the topic of its own if
//     [events.TopicOf] names one.
//   - Within a ledger, first occurrences are in ledger order.
//   - Outbox rows are removed only after every record of theirs was acknowledged.
//
// A relay that dies, or loses its leadership, leaves at most one page of records
// that its successor publishes again. While Kafka or PostgreSQL are away the relay
// retries, at least once every two seconds, and says so once when they go and once when
// they are back.
//
// # Reading
//
// [Subscriber] hands over batches of events and commits their offsets only after
// they were handled: a kill costs a redelivery, never an event. A handler that
// fails is called again with the same batch until it succeeds or the partition
// moves to another member. A message that does not say which event it is (no CloudEvents headers, a key
// that is not a ledger's id) is foreign: it is logged and skipped, so that nobody who writes to a
// topic can stop the platform. What a message's body says is for its reader to judge.
//
// # Topics
//
// [EnsureTopics] creates what is missing and refuses what would lose the trail.
package kafka
