// Package roles puts adapters together into the processes of the platform: api,
// relay, projector, worker and migrate. Each role is a function that runs until
// its context ends; any number of roles may run in one process.
//
// Roles share nothing but PostgreSQL, Kafka, S3 and [Hints].
package roles
