// Package query is the read side: plain SQL over the read models, one function a
// question.
//
// Tenancy is the database that a function is handed: the functions of
// users.go, tenants.go and members.go ask the main database, those of documents.go
// and files.go a
// tenant's own. Nothing here knows events or commands, and nothing writes.
//
// Lists are keyset pages, newest first: reading on costs the same at any depth,
// and rows that arrive meanwhile neither repeat nor hide others. A single row
// that is not there is [ErrNotFound]. All times are UTC. Errors of the database
// come back wrapped with the question that was asked.
package query
