package kafka

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/IBM/sarama"
)

// PartitionStatus is how far a subscriber has got with one of its partitions.
type PartitionStatus struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`     // of the next message to handle
	HighWater int64  `json:"high_water"` // where the partition ends
	Lag       int64  `json:"lag"`        // messages in between
}

// Status returns the partitions that the subscriber holds now, by topic and
// number.
func (s *Subscriber) Status() []PartitionStatus { return s.claims.status() }

type claimStatus struct {
	claim sarama.ConsumerGroupClaim
	next  atomic.Int64
}

func (c *claimStatus) handled(offset int64) { c.next.Store(offset + 1) }

// claims is the set of partitions being read.
type claims struct {
	mu  sync.Mutex
	all map[*claimStatus]struct{}
}

func (c *claims) add(claim sarama.ConsumerGroupClaim) *claimStatus {
	s := &claimStatus{claim: claim}
	s.next.Store(max(claim.InitialOffset(), 0))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = make(map[*claimStatus]struct{})
	}
	c.all[s] = struct{}{}
	return s
}

func (c *claims) remove(s *claimStatus) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.all, s)
}

func (c *claims) status() []PartitionStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]PartitionStatus, 0, len(c.all))
	for s := range c.all {
		next, end := s.next.Load(), s.claim.HighWaterMarkOffset()
		all = append(all, PartitionStatus{
			Topic: s.claim.Topic(), Partition: s.claim.Partition(),
			Offset: next, HighWater: end, Lag: max(0, end-next),
		})
	}
	slices.SortFunc(all, func(a, b PartitionStatus) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return all
}
