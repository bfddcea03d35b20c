package postgres_test

import (
	"testing"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/command/ledgertest"
)

func TestLedger(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]postgres.Options{
		"defaults":      {},
		"one at a time": {Writers: 1, MaxBatch: 1},
		"more writers":  {Writers: 4, MaxBatch: 7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, _ := setup(t, options)
			ledgertest.Run(t, func(*testing.T) command.Ledger { return l })
		})
	}
	t.Run("several processes", func(t *testing.T) {
		t.Parallel()
		first, pool := setup(t, postgres.Options{})
		p := &processes{ledgers: []*postgres.Ledger{first}}
		for range 2 {
			p.ledgers = append(p.ledgers, openLedger(t, pool, postgres.Options{}))
		}
		ledgertest.Run(t, func(*testing.T) command.Ledger { return p })
	})
}
