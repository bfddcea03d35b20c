package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

// call is one produce request to one leader.
type call struct {
	leader  *sarama.Broker
	request *sarama.ProduceRequest
	lanes   []*lane
}

type answer struct {
	*call
	response *sarama.ProduceResponse
	err      error
}

// round sends the oldest chunk of each lane and waits for the answers. Lanes that fail keep their chunk.
func (p *Producer) round(ctx context.Context, b *batch, lanes []*lane) error {
	calls, err := p.calls(lanes)
	if err != nil {
		return err
	}
	answers := make(chan answer, len(calls))
	for _, c := range calls {
		go func() {
			response, err := c.leader.Produce(c.request)
			answers <- answer{call: c, response: response, err: err}
		}()
	}
	var errs []error
	for range calls {
		select {
		case a := <-answers:
			errs = append(errs, p.settle(a))
		case <-ctx.Done():
			b.abandoned = true // its bytes may still be read by the requests under way
			return ctx.Err()
		}
	}
	return errors.Join(errs...)
}

// calls groups the oldest chunks of the lanes by leader.
func (p *Producer) calls(lanes []*lane) ([]*call, error) {
	var calls []*call
	byLeader := make(map[*sarama.Broker]*call, 1)
	size := 0
	for _, l := range lanes {
		head := l.chunks[0]
		if size += head.size; size > maxRound && len(calls) > 0 {
			break
		}
		leader, err := p.client.Leader(l.topic, l.partition)
		if err != nil {
			p.stale[l.topic] = struct{}{}
			return nil, fmt.Errorf("leader of %s/%d: %w", l.topic, l.partition, err)
		}
		c, ok := byLeader[leader]
		if !ok {
			c = &call{leader: leader, request: &sarama.ProduceRequest{
				Version: 8, RequiredAcks: sarama.WaitForAll, Timeout: int32(produceTimeout / time.Millisecond),
			}}
			byLeader[leader] = c
			calls = append(calls, c)
		}
		p.session.stamp(l.topicPartition, head)
		c.request.AddBatch(l.topic, l.partition, head.RecordBatch)
		c.lanes = append(c.lanes, l)
	}
	return calls, nil
}

// settle takes what landed off its lanes and returns an error if anything did not.
func (p *Producer) settle(a answer) error {
	if a.err != nil {
		_ = a.leader.Close() // so that the next attempt opens it anew; it may be closed already
		for _, l := range a.lanes {
			p.stale[l.topic] = struct{}{}
		}
		return a.err
	}
	var errs []error
	for _, l := range a.lanes {
		block := a.response.GetBlock(l.topic, l.partition)
		if block == nil {
			errs = append(errs, fmt.Errorf("%s/%d: %w", l.topic, l.partition, sarama.ErrIncompleteResponse))
			continue
		}
		if err := p.settleLane(l, block); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (p *Producer) settleLane(l *lane, block *sarama.ProduceResponseBlock) error {
	switch block.Err {
	case sarama.ErrNoError, sarama.ErrDuplicateSequenceNumber:
		if p.session != nil {
			p.session.acknowledge(l.topicPartition, l.chunks[0])
		}
		l.chunks = l.chunks[1:]
		return nil
	case sarama.ErrOutOfOrderSequenceNumber, sarama.ErrUnknownProducerID, sarama.ErrInvalidProducerEpoch,
		sarama.ErrInvalidProducerIDMapping, sarama.ErrProducerFenced:
		p.session = nil // the broker lost or dropped it
	default:
		p.stale[l.topic] = struct{}{}
	}
	err := fmt.Errorf("%s/%d: %w", l.topic, l.partition, block.Err)
	if block.ErrorMessage != nil {
		err = fmt.Errorf("%w (%s)", err, *block.ErrorMessage)
	}
	return err
}
