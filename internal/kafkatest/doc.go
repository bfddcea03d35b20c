// Package kafkatest runs tests on a Kafka broker that each has to itself. The
// environment variable CARTULARY_TEST_KAFKA says which: "embedded" (the default),
// the broker in process that the standalone program uses, or "apache", Apache
// Kafka as scripts/kafka runs it.
//
// Apache Kafka is started once a test binary, and wiped before each test; it dies
// with the binary, whatever ends it. So tests that use this package must not run in
// parallel within one binary.
package kafkatest
