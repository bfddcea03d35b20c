// Command chaos shows that the platform loses and doubles nothing when its
// processes are killed. It runs the whole platform as separate processes on Apache
// Kafka, has clients upload and rename documents, kills one role's process after
// the other at random (SIGKILL) and starts it again, waits until everything has
// settled, and then holds the clients' journal, the ledgers, the topics, the read
// models and the objects against each other.
//
// It prints one line that sums up and exits with 1 if anything was lost, doubled or
// skipped, if a process ended by itself, or if the operations did not all end in
// time.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}
