package main

import "context"

// figure is something to measure.
type figure struct {
	name          string
	unit          string
	aim           float64 // of product / reference
	lowerIsBetter bool
	prepare       func(ctx context.Context, b *bench) (contest, error)
}

// contest measures one figure, as often as asked.
type contest struct {
	reference func(ctx context.Context) (float64, error)
	product   func(ctx context.Context) (float64, error)
	close     func() error // may be nil
}

// figures lists everything that is measured.
func figures() []figure {
	return []figure{
		appends("append, 32 in flight, 1 tenant", 1.2, 32, 1),
		appends("append, 32 in flight, 64 tenants", 1.2, 32, 64),
		appends("append, 256 in flight, 1 tenant", 2.2, 256, 1),
		appends("append, 256 in flight, 64 tenants", 2.2, 256, 64),
		{name: "append with its tree, 256 in flight, 1 tenant", unit: "1/s", aim: 0.95, prepare: prepareTrees},
		{name: "rename over HTTP, 128 connections", unit: "1/s", aim: 0.6, prepare: prepareRenames},
		{name: "lone rename over HTTP, p50", unit: "ms", aim: 6, lowerIsBetter: true, prepare: prepareLatency},
		{name: "login over HTTP, 8 connections", unit: "1/s", aim: 0.85, prepare: prepareLogins},
		reads("document over HTTP, 8 connections", false),
		reads("page of 50 documents over HTTP, 8 connections", true),
		uploads("upload of 100 MB as the body", 0.75, asBody),
		uploads("upload of 100 MB as a form", 0.6, asFormOf),
		uploads("upload of 100 MB to the store", 0.95, toStore),
		crowds("16 uploads of 100 MB at once, as bodies", 0.75, asBody),
		crowds("16 uploads of 100 MB at once, as forms", 0.6, asFormOf),
		crowdMemory("memory for 16 uploads of 100 MB, as bodies", asBody),
		crowdMemory("memory for 16 uploads of 100 MB, as forms", asFormOf),
		{name: "uploads of 10 KB until they are ready, 16 connections", unit: "1/s", aim: 0.4, prepare: prepareSmalls},
		{name: "upload of 100 MB beside PocketBase", unit: "MB/s", aim: 2, prepare: prepareLargeRivals},
		{name: "uploads of 10 KB beside PocketBase, 16 connections", unit: "1/s", aim: 1.2, prepare: prepareSmallRivals},
		{name: "relay of a backlog", unit: "events/s", aim: 0.7, prepare: prepareRelay},
		{name: "projection of a backlog", unit: "rows/s", aim: 0.35, prepare: prepareProjection},
		audits("audit of a ledger", 0.4, (*trail).readLedger, (*trail).auditLedger),
		audits("audit of a bundle", 0.4, (*trail).readBundle, (*trail).auditBundle),
		replays("replay of one tenant", 1),
		replays("replay of 100 tenants", manyTenants),
		{name: "replay of ten times the events, time", unit: "s", aim: 11, lowerIsBetter: true, prepare: prepareReplayGrowth},
		{name: "replay of ten times the events, memory", unit: "MiB", aim: 1.2, lowerIsBetter: true, prepare: prepareReplayMemory},
		lags("lag of other tenants during a replay, p50", 0.50),
		lags("lag of other tenants during a replay, p99", 0.99),
	}
}
