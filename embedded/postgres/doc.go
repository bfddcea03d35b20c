// Package postgres runs a private PostgreSQL cluster in a directory, for the
// standalone program and for tests.
//
// Invariants:
//
//   - One directory has one cluster, and at most one live owner: a second Start
//     fails with dirlock.ErrHeld while the first owner lives.
//   - The cluster listens on the loopback address only, and every connection
//     needs the superuser's random password, which lies beside the data (0600).
//   - PostgreSQL never runs as root. Under root it runs as the owner of the data,
//     or as "postgres" or "nobody".
//
// What happens on failure:
//
//   - The owner is killed: on Linux the kernel tells the cluster to shut down;
//     elsewhere it goes on. The next Start waits for it, or stops it, first.
//   - The cluster is killed: [Server.Done] is closed. The next Start, or
//     [Server.Restart], waits while PostgreSQL recovers.
//   - The owner is killed while it initialises: the next Start begins anew.
//
// With Durable unset, what was committed survives the death of any process but
// not that of the machine.
package postgres
