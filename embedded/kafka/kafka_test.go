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

// take reads n messages from where the group is, and commits how far it got.
func take(t *testing.T, addr string, n int) []string {
	t.Helper()
	client, err := sarama.NewClient([]string{addr}, settings())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = consumer.Close() }()
	next := committed(t, addr)
	partition, err := consumer.ConsumePartition(topic, 0, next)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = partition.Close() }()
	var taken []string
	for len(taken) < n {
		select {
		case message := <-partition.Messages():
			taken = append(taken, string(message.Value))
		case <-time.After(patience):
			t.Fatalf("took only %v", taken)
		}
	}
	commit(t, client, next+int64(n))
	return taken
}

// committed returns the group's offset; 0 if it has none.
func committed(t *testing.T, addr string) int64 {
	t.Helper()
	admin, err := sarama.NewClusterAdmin([]string{addr}, settings())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = admin.Close() }()
	offsets, err := admin.ListConsumerGroupOffsets(group, map[string][]int32{topic: {0}})
	if err != nil || offsets.GetBlock(topic, 0) == nil {
		return 0 // there is no such group yet
	}
	return max(0, offsets.GetBlock(topic, 0).Offset)
}

// commit sets the group's offset, which the broker must acknowledge.
func commit(t *testing.T, client sarama.Client, offset int64) {
	t.Helper()
	coordinator, err := client.Coordinator(group)
	if err != nil {
		t.Fatal(err)
	}
	request := &sarama.OffsetCommitRequest{
		Version: 2, ConsumerGroup: group, ConsumerGroupGeneration: sarama.GroupGenerationUndefined, RetentionTime: -1,
	}
	request.AddBlock(topic, 0, offset, 0, "")
	response, err := coordinator.CommitOffset(request)
	if err != nil {
		t.Fatal(err)
	}
	if code := response.Errors[topic][0]; code != sarama.ErrNoError {
		t.Fatal(code)
	}
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
