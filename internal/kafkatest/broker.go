package kafkatest

import (
	"context"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

// patience bounds everything a test waits for here.
const patience = 3 * time.Minute

// Variable names the environment variable that picks the broker.
const Variable = "CARTULARY_TEST_KAFKA"

// Broker is a broker without topics.
type Broker struct {
	server server
}

// server is what can be stopped and started again, with its data, on its port.
type server interface {
	addr() string
	start(ctx context.Context) error
	kill() error
}

// Start returns a running broker. It ends with the test.
func Start(t testing.TB) *Broker {
	t.Helper()
	switch kind := os.Getenv(Variable); kind {
	case "", "embedded":
		return startEmbedded(t)
	case "apache":
		return startApache(t)
	default:
		t.Fatalf("kafkatest: %s=%q: want embedded or apache", Variable, kind)
		return nil
	}
}

// IsApache says whether tests run on Apache Kafka.
func IsApache() bool { return os.Getenv(Variable) == "apache" }

// Addrs returns the bootstrap addresses, which never change.
func (b *Broker) Addrs() []string { return []string{b.server.addr()} }

// Kill ends the broker as abruptly as its kind allows.
func (b *Broker) Kill(t testing.TB) {
	t.Helper()
	if err := b.server.kill(); err != nil {
		t.Fatalf("kafkatest: kill broker: %v", err)
	}
}

// Restart starts the broker again after [Broker.Kill], on its data.
func (b *Broker) Restart(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := b.server.start(ctx); err != nil {
		t.Fatalf("kafkatest: restart broker: %v", err)
	}
}

// Config returns a client configuration for tests' own readers and admins.
func Config() *sarama.Config {
	cfg := sarama.NewConfig()
	cfg.Version = sarama.V3_0_0_0
	cfg.Metadata.AllowAutoTopicCreation = false
	return cfg
}

// Admin returns a client that manages topics and groups. It is closed with the test.
func (b *Broker) Admin(t testing.TB) sarama.ClusterAdmin {
	t.Helper()
	admin, err := sarama.NewClusterAdmin(b.Addrs(), Config())
	if err != nil {
		t.Fatalf("kafkatest: %v", err)
	}
	t.Cleanup(func() { _ = admin.Close() })
	return admin
}

// freePort returns a port that nothing listens on.
func freePort() (int, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(port)
}
