package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/goleak"

	"github.com/cartulary/cartulary/embedded/kafka"
	"github.com/cartulary/cartulary/internal/dirlock"
)

const (
	childVariable = "CARTULARY_KAFKA_DIR" // makes the test binary a broker that waits to be killed
	topic         = "audit.log"
	group         = "projector"
	patience      = 30 * time.Second
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		runUntilKilled(dir)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

func runUntilKilled(dir string) {
	broker, err := kafka.Start(kafka.Config{Dir: dir, Durable: true})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(broker.Addr())
	select {}
}

func settings() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.V3_6_0_0
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Idempotent = true
	c.Net.MaxOpenRequests = 1
	c.Producer.Return.Successes = true
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Consumer.Group.Session.Timeout = time.Second
	c.Consumer.Group.Heartbeat.Interval = 200 * time.Millisecond
	c.Consumer.MaxWaitTime = time.Second // which is also how long closing may take
	return c
}

func makeTopic(t *testing.T, addr string) {
	t.Helper()
	admin, err := sarama.NewClusterAdmin([]string{addr}, settings())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close() }()
	forever := "-1"
	err = admin.CreateTopic(topic, &sarama.TopicDetail{
		NumPartitions: 1, ReplicationFactor: 1, ConfigEntries: map[string]*string{"retention.ms": &forever},
	}, false)
	if err != nil {
		t.Fatal(err)
	}
}

func newProducer(t *testing.T, addr string) sarama.SyncProducer {
	t.Helper()
	producer, err := sarama.NewSyncProducer([]string{addr}, settings())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = producer.Close() })
	return producer
}

func send(t *testing.T, producer sarama.SyncProducer, values ...string) {
	t.Helper()
	for _, value := range values {
		if _, _, err := producer.SendMessage(&sarama.ProducerMessage{
			Topic: topic, Key: sarama.StringEncoder("tenant"), Value: sarama.StringEncoder(value),
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// taker is a member of the group that takes n messages, commits and goes.
type taker struct {
	n     int
	taken []string
	done  context.CancelFunc
}

func (*taker) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (*taker) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (k *taker) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case <-session.Context().Done():
			return nil
		case message, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			k.taken = append(k.taken, string(message.Value))
			session.MarkMessage(message, "")
			if len(k.taken) == k.n {
				session.Commit()
				k.done()
				return nil
			}
		}
	}
}

func take(t *testing.T, addr string, n int) []string {
	t.Helper()
	member, err := sarama.NewConsumerGroup([]string{addr}, group, settings())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = member.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	k := &taker{n: n, done: cancel}
	for ctx.Err() == nil {
		if err := member.Consume(ctx, []string{topic}, k); err != nil && ctx.Err() == nil {
			t.Fatal(err)
		}
	}
	return k.taken
}

func TestAcknowledgedMessagesAndOffsetsSurviveAKill(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0])
	child.Env = append(os.Environ(), childVariable+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var addr string
	if _, err := fmt.Fscanln(out, &addr); err != nil {
		t.Fatal(err)
	}
	makeTopic(t, addr)
	send(t, newProducer(t, addr), "1", "2", "3", "4", "5")
	if got, want := take(t, addr, 2), []string{"1", "2"}; !slices.Equal(got, want) {
		t.Fatalf("took %v, want %v", got, want)
	}
	_ = child.Process.Kill()
	_ = child.Wait() // says that it was killed

	var port int
	if _, err := fmt.Sscanf(addr[strings.LastIndexByte(addr, ':')+1:], "%d", &port); err != nil {
		t.Fatal(err)
	}
	broker, err := kafka.Start(kafka.Config{Dir: dir, Port: port, Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	if broker.Addr() != addr {
		t.Errorf("address %s, want %s", broker.Addr(), addr)
	}
	send(t, newProducer(t, addr), "6")
	if got, want := take(t, addr, 4), []string{"3", "4", "5", "6"}; !slices.Equal(got, want) {
		t.Errorf("after the kill took %v, want %v", got, want)
	}
}

func TestWaitingFetchReturnsAtOnce(t *testing.T) {
	broker, err := kafka.Start(kafka.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	makeTopic(t, broker.Addr())
	consumer, err := sarama.NewConsumer([]string{broker.Addr()}, settings())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = consumer.Close() }()
	partition, err := consumer.ConsumePartition(topic, 0, sarama.OffsetOldest)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = partition.Close() }()
	producer := newProducer(t, broker.Addr())
	var latencies []time.Duration
	for range 100 {
		begun := time.Now()
		send(t, producer, "x")
		select {
		case <-partition.Messages():
		case <-time.After(patience):
			t.Fatal("not delivered")
		}
		latencies = append(latencies, time.Since(begun))
	}
	slices.Sort(latencies)
	t.Logf("produce to deliver: p50 %v, max %v", latencies[50], latencies[99])
	if p50 := latencies[50]; p50 > settings().Consumer.MaxWaitTime/4 {
		t.Errorf("p50 %v: fetches wait in vain", p50)
	}
}

func TestOneOwnerAtATime(t *testing.T) {
	dir := t.TempDir()
	broker, err := kafka.Start(kafka.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	if _, err := kafka.Start(kafka.Config{Dir: dir}); !errors.Is(err, dirlock.ErrHeld) {
		t.Errorf("second owner: %v, want ErrHeld", err)
	}
}

func TestUnknownTopicIsNotMade(t *testing.T) {
	broker, err := kafka.Start(kafka.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	_, _, err = newProducer(t, broker.Addr()).SendMessage(&sarama.ProducerMessage{Topic: "unknown"})
	if !errors.Is(err, sarama.ErrUnknownTopicOrPartition) {
		t.Errorf("%v, want ErrUnknownTopicOrPartition", err)
	}
}
