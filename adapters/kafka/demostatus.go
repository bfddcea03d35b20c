package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
)

// DemoStatus is what the demo's consumer is doing: the group as the broker has it,
// and what this member has consumed.
type DemoStatus struct {
	State      string
	Members    map[string][]int32 // partitions by the member's id
	Partitions []DemoPartition
	Consumed   int64         // since this member started
	Recent     []DemoMessage // the last 20, the newest first
}

// DemoPartition is how far the group has got with a partition.
type DemoPartition struct {
	Partition int32
	Committed int64 // -1 if the group has committed nothing
	End       int64
	Lag       int64
}

// Status asks the broker. It fails with [ErrDemoUnavailable].
func (d *Demo) Status(ctx context.Context) (DemoStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, demoPatience)
	defer cancel()
	status, err := d.describe(ctx)
	if err != nil {
		return DemoStatus{}, fmt.Errorf("%w: %w", ErrDemoUnavailable, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	status.Consumed, status.Recent = d.consumed, slices.Clone(d.recent)
	return status, nil
}

func (d *Demo) describe(ctx context.Context) (DemoStatus, error) {
	starts, err := d.admin.ListStartOffsets(ctx, DemoTopic)
	if err = errors.Join(err, starts.Error()); err != nil {
		return DemoStatus{}, err
	}
	groups, err := d.admin.DescribeGroups(ctx, DemoGroup)
	if err = errors.Join(err, groups.Error()); err != nil {
		return DemoStatus{}, err
	}
	committed, err := d.admin.FetchOffsets(ctx, DemoGroup)
	if err = errors.Join(err, committed.Error()); err != nil {
		return DemoStatus{}, err
	}
	ends, err := d.admin.ListEndOffsets(ctx, DemoTopic)
	if err = errors.Join(err, ends.Error()); err != nil {
		return DemoStatus{}, err
	}
	group := groups[DemoGroup]
	status := DemoStatus{State: group.State, Members: make(map[string][]int32)}
	for _, m := range group.Members {
		status.Members[m.MemberID] = assigned(m)
	}
	ends.Each(func(end kadm.ListedOffset) {
		p := DemoPartition{Partition: end.Partition, Committed: -1, End: end.Offset}
		next := int64(0)
		if start, ok := starts.Lookup(end.Topic, end.Partition); ok {
			next = start.Offset
		}
		if at, ok := committed.Lookup(end.Topic, end.Partition); ok && at.At >= 0 {
			p.Committed, next = at.At, max(next, at.At)
		}
		p.Lag = max(0, p.End-next)
		status.Partitions = append(status.Partitions, p)
	})
	slices.SortFunc(status.Partitions, func(a, b DemoPartition) int { return cmp.Compare(a.Partition, b.Partition) })
	return status, nil
}

func assigned(m kadm.DescribedGroupMember) []int32 {
	partitions := []int32{}
	if a, ok := m.Assigned.AsConsumer(); ok {
		for _, t := range a.Topics {
			partitions = append(partitions, t.Partitions...)
		}
	}
	slices.Sort(partitions)
	return partitions
}
