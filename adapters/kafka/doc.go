// Package kafka carries events from the ledgers' outbox to Kafka and from Kafka
// to their readers.
//
// # Publishing
//
// [Producer] is the one way to the wire. It sends one produce request a leader,
// which holds at most one record batch a partition, waits for all in-sync
// replicas, and does not send a partition's next batch before its last one was
// acknowledged. A batch lands as a whole or not at all. So, on any partition, a
// record is only ever sent once all records before it have landed: whatever
// fails, times out, is retried or is sent by two producers at once, the first
// occurrences of records are in order. Producer ids and sequence numbers let the
// broker drop what arrives a second time after a lost answer.
//
// (Sarama's own asynchronous producer does not give that: when it gives a
// message up, the messages behind it on the same partition are still sent.)
//
// [Publisher] is a Watermill publisher over a [Producer]; [Relay] drains an
// outbox into one.
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
