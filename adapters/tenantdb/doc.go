// Package tenantdb holds the tenants' own databases: it makes and migrates them,
// keeps connections to them, brings events into their read models and those of
// the main database, and knows how far these are.
package tenantdb
