// Package stack runs the whole platform as it runs in production, as separate
// processes on one machine: Apache Kafka, PostgreSQL, an S3 server, Redis, and one
// process for each role of the product. Everything listens on the loopback
// address and keeps its data and logs in one directory.
//
// All processes die with the one that started them, even when that is killed.
package stack
