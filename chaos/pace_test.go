package main

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cartulary/cartulary/chaos/check"
	"github.com/cartulary/cartulary/chaos/load"
)

// victim records what happens to it.
type victim struct {
	mu  sync.Mutex
	log []string
}

func (v *victim) Kill(role string) error    { return v.note("kill " + role) }
func (v *victim) Restart(role string) error { return v.note("start " + role) }
func (v *victim) Revive() error             { return nil }

func (v *victim) note(what string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.log = append(v.log, what)
	return nil
}

func TestFaultsFallAllOverTheLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const ops, faults = 100, 5
		p, v := newPace(ops, faults), &victim{}
		p.answered(load.Answer{Status: 201}) // of the preparation
		p.begin()
		var ackedAt []int // operations acknowledged at each restart
		var wg sync.WaitGroup
		wg.Go(func() {
			for op := range ops {
				if err := p.gate(t.Context(), op); err != nil {
					t.Error(err)
				}
				asked := time.Now()
				if err := sleep(t.Context(), 10*time.Millisecond); err != nil {
					t.Error(err)
				}
				p.answered(load.Answer{Asked: asked, Status: 200})
			}
		})
		recoveries, err := sabotage(t.Context(), v, p, 1, func(string, ...any) {
			p.mu.Lock()
			defer p.mu.Unlock()
			ackedAt = append(ackedAt, p.acked)
		})
		if err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		if len(recoveries) != faults || len(v.log) != 2*faults {
			t.Fatalf("%d recoveries and %v, want %d faults", len(recoveries), v.log, faults)
		}
		for n := range faults {
			role := strings.TrimPrefix(v.log[2*n], "kill ")
			if v.log[2*n+1] != "start "+role {
				t.Errorf("fault %d: %v", n, v.log[2*n:2*n+2])
			}
			if !slices.IsSorted(ackedAt) || ackedAt[n] < n*ops/faults {
				t.Errorf("fault %d came before its part of the load: %v", n, ackedAt)
			}
		}
	})
}

func TestRecoveryCountsFullAnswersToLaterRequestsOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPace(10, 1)
		before := time.Now()
		if err := sleep(t.Context(), time.Millisecond); err != nil {
			t.Fatal(err)
		}
		p.hit()
		if err := sleep(t.Context(), time.Second); err != nil {
			t.Fatal(err)
		}
		p.answered(load.Answer{Asked: before, Status: 200})     // asked before the kill
		p.answered(load.Answer{Asked: time.Now(), Status: 202}) // not readable yet
		expired, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if took, err := p.recovered(expired); err == nil {
			t.Fatalf("recovered after %v", took)
		}
		p.answered(load.Answer{Asked: time.Now(), Status: 201})
		took, err := p.recovered(t.Context())
		if err != nil || took != 2*time.Second {
			t.Errorf("recovered after %v, %v; want 2s", took, err)
		}
	})
}

func TestPrintFailsWhenAnythingIsWrong(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		result result
		line   string
		fails  bool
	}{
		"sound": {
			result{acknowledged: 7, recoveries: []time.Duration{3 * time.Second, time.Second}},
			"faults 2, acknowledged 7, lost 0, duplicated 0, skipped 0, wrong 0, crashed 0, recovery p50/p99/max 3000/3000/3000 ms", false,
		},
		"a loss":  {result{violations: []check.Violation{{Invariant: "I1", Kind: check.Lost}}}, "lost 1", true},
		"a crash": {result{crashes: []string{"relay ended by itself"}}, "crashed 1", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			err := tt.result.print(&out)
			if (err != nil) != tt.fails {
				t.Errorf("error %v", err)
			}
			if !strings.Contains(out.String(), tt.line) {
				t.Errorf("output lacks %q:\n%s", tt.line, out.String())
			}
		})
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	o, err := parse(nil, &out)
	if err != nil || o.ops != 2000 || o.faults != 20 || o.seed == 0 {
		t.Errorf("defaults: %+v, %v", o, err)
	}
	for _, args := range [][]string{{"--ops", "10"}, {"--clients", "0"}, {"--unknown"}, {"argument"}} {
		if _, err := parse(args, &out); err == nil {
			t.Errorf("%v: accepted", args)
		}
	}
}
