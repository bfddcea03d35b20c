// Package kafka runs a broker that speaks the Kafka protocol inside the process,
// for the standalone program and for tests.
//
// With a directory it keeps topics, messages and consumer groups' offsets: what
// was acknowledged survives the death of the process and, if Durable is set,
// that of the machine. One directory has one owner at a time. Only topics that
// were created explicitly are there; it makes none by itself.
package kafka
