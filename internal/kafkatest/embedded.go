package kafkatest

import (
	"context"
	"net"
	"strconv"
	"testing"

	"github.com/cartulary/cartulary/embedded/kafka"
)

type embeddedServer struct {
	dir    string
	port   int
	broker *kafka.Broker
}

func startEmbedded(t testing.TB) *Broker {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatalf("kafkatest: %v", err)
	}
	s := &embeddedServer{dir: t.TempDir(), port: port}
	if err := s.start(t.Context()); err != nil {
		t.Fatalf("kafkatest: start broker: %v", err)
	}
	t.Cleanup(func() { _ = s.kill() })
	return &Broker{server: s}
}

func (s *embeddedServer) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

func (s *embeddedServer) start(context.Context) (err error) {
	s.broker, err = kafka.Start(kafka.Config{Dir: s.dir, Port: s.port})
	return err
}

func (s *embeddedServer) kill() error {
	if s.broker != nil {
		s.broker.Close()
		s.broker = nil
	}
	return nil
}
