package tenantdb

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/projections"
)

// stretch is a run of events of one ledger without a gap.
type stretch struct {
	ledger   uuid.UUID
	from, to int64 // sequence numbers of the first and the last event
	messages []events.Message

	mu      sync.Mutex
	opened  bool
	decoded []events.Recorded // what could be decoded, from the first on
	poison  error             // why the next could not
	keys    events.Keys       // of the persons whom decoded speaks of
}

// cut sorts messages into stretches, ledger by ledger, in the order in which
// ledgers first come. What comes twice stays out.
func cut(messages []events.Message) [][]*stretch {
	var order []uuid.UUID
	byLedger := make(map[uuid.UUID][]events.Message, 1)
	for _, m := range messages {
		if _, ok := byLedger[m.Ledger]; !ok {
			order = append(order, m.Ledger)
		}
		byLedger[m.Ledger] = append(byLedger[m.Ledger], m)
	}
	cuts := make([][]*stretch, 0, len(order))
	for _, ledger := range order {
		cuts = append(cuts, stretches(byLedger[ledger]))
	}
	return cuts
}

// stretches cuts messages of one ledger at their gaps.
func stretches(list []events.Message) (cut []*stretch) {
	bySeq := func(a, b events.Message) int { return cmp.Compare(a.Seq, b.Seq) }
	if !slices.IsSortedFunc(list, bySeq) {
		slices.SortStableFunc(list, bySeq)
	}
	list = slices.CompactFunc(list, func(a, b events.Message) bool { return a.Seq == b.Seq })
	first := 0
	for i := range list {
		if i+1 == len(list) || list[i+1].Seq != list[i].Seq+1 {
			cut = append(cut, newStretch(list[first:i+1]))
			first = i + 1
		}
	}
	return cut
}

func newStretch(list []events.Message) *stretch {
	return &stretch{ledger: list[0].Ledger, from: list[0].Seq, to: list[len(list)-1].Seq, messages: list}
}

// concerns reports whether any of the projections has to see the stretch. A name
// that is not known may mean anything, and concerns them all.
func (s *stretch) concerns(list []projections.Projection) bool {
	for i := range s.messages {
		kind := events.KindOf(s.messages[i].Type)
		if kind == "" || slices.ContainsFunc(list, func(p projections.Projection) bool { return p.Answers(kind) }) {
			return true
		}
	}
	return false
}

// holds reports whether the stretch holds an event of a type.
func (s *stretch) holds(t events.Type) bool {
	return slices.ContainsFunc(s.messages, func(m events.Message) bool { return m.Type == t })
}

// open decodes the stretch and gets the keys of the persons it speaks of, unless
// that is done.
func (s *stretch) open(ctx context.Context, keys Keys) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened {
		return nil
	}
	s.decode()
	if persons := projections.Persons(s.decoded); len(persons) > 0 {
		if s.keys, err = keys.Keys(ctx, persons...); err != nil {
			return err
		}
	}
	s.opened = true
	return nil
}

// after returns the decoded events that come after seq, at most limit, and what
// kept the next from being decoded, if that is where they end. The stretch is open.
func (s *stretch) after(seq int64, limit int) ([]events.Recorded, error) {
	skip := min(max(0, seq+1-s.from), int64(len(s.decoded)))
	list := s.decoded[skip:]
	if len(list) > limit {
		return list[:limit], nil
	}
	return list, s.poison
}

// decodeAlone is how many events are not worth sharing out among processors.
const decodeAlone = 128

// decode decodes the messages, up to the first that can't be.
func (s *stretch) decode() {
	n := len(s.messages)
	recorded := make([]events.Recorded, n)
	workers := 1
	if n > decodeAlone {
		workers = min(runtime.GOMAXPROCS(0), 4)
	}
	type result struct {
		good   int
		poison error
	}
	results := make([]result, workers)
	var group sync.WaitGroup
	bound := func(w int) int { return n * w / workers }
	for w := range workers {
		work := func() {
			r := &results[w]
			for r.good = bound(w); r.good < bound(w+1); r.good++ {
				if recorded[r.good], r.poison = decode(s.messages[r.good]); r.poison != nil {
					return
				}
			}
		}
		if w+1 == workers {
			work()
			continue
		}
		group.Go(work)
	}
	group.Wait()
	for _, r := range results {
		s.decoded, s.poison = recorded[:r.good], r.poison
		if r.poison != nil {
			return
		}
	}
}

// decode decodes a message and checks that it says what it carries.
func decode(m events.Message) (events.Recorded, error) {
	r, err := events.Decode(m.Body)
	if err != nil {
		return events.Recorded{}, &poisonError{seq: m.Seq, err: err}
	}
	if r.Ledger != m.Ledger || r.Seq != m.Seq || r.Type != m.Type {
		return events.Recorded{}, &poisonError{seq: m.Seq, err: fmt.Errorf(
			"message says ledger %s, event %d, %q; its body says %s, %d, %q",
			m.Ledger, m.Seq, m.Type, r.Ledger, r.Seq, r.Type)}
	}
	return r, nil
}
