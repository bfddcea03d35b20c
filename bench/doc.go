// Command bench measures the platform beside yardsticks that run on the same
// machine in the same minute, and prints one table.
//
// Each figure is measured in rounds: first the yardstick, then the product, again
// and again. The ratio is taken within each round, so that a machine that is
// faster in one minute than in the next moves both sides of it; what is printed
// are medians over the rounds, and the range of the ratio.
//
// PostgreSQL is a private cluster whose commits are durable, the broker a private
// one whose writes are synced, both below one directory that must be on a disk.
// Yardstick and product use the same cluster settings and the same kind of
// broker. Between measurements the cluster is checkpointed, and tables are new or
// as they were.
//
// An error anywhere ends the run: there is no figure of something that failed.
package main
