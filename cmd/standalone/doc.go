// Command standalone runs the whole platform in one process: every role of
// cartulary, over a private PostgreSQL, a Kafka-protocol broker, an S3 server and a
// Redis server that it brings along. What it stores lies in one directory and
// survives any end of the process.
package main
