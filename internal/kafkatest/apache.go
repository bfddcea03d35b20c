package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

const dirPrefix = "cartulary-kafkatest-"

// quickStart makes the JVM start at the cost of its peak speed.
const quickStart = "-Xms128m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1"

// apacheServer is Apache Kafka in a process of its own.
type apacheServer struct {
	dir              string
	port, controller int
	process          *exec.Cmd // nil while it is down
}

// shared makes the one Apache Kafka of this test binary.
var shared = sync.OnceValues(newApache)

func newApache() (*apacheServer, error) {
	sweep()
	dir, err := os.MkdirTemp("", dirPrefix)
	if err != nil {
		return nil, err
	}
	// The directory says whose it is, so that a later run can remove it.
	if err := os.WriteFile(filepath.Join(dir, "owner"), []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		return nil, err
	}
	s := &apacheServer{dir: dir}
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	if s.controller, err = freePort(); err != nil {
		return nil, err
	}
	return s, nil
}

// sweep removes the directories of test binaries that are gone.
func sweep() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), dirPrefix+"*"))
	for _, dir := range dirs {
		text, err := os.ReadFile(filepath.Join(dir, "owner"))
		if err != nil {
			continue
		}
		if pid, err := strconv.Atoi(string(text)); err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = os.RemoveAll(dir) // another sweep may be at it too
		}
	}
}

func startApache(t testing.TB) *Broker {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatalf("kafkatest: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.start(ctx); err != nil {
		t.Fatalf("kafkatest: start Apache Kafka: %v", err)
	}
	if err := s.wipe(ctx); err != nil {
		t.Fatalf("kafkatest: wipe Apache Kafka: %v", err)
	}
	return &Broker{server: s}
}

func (s *apacheServer) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// start returns when the broker answers. It does nothing if it runs already. The
// process dies with the thread that started it, and Go keeps its threads.
func (s *apacheServer) start(ctx context.Context) error {
	if s.process != nil {
		return nil
	}
	output, err := os.Create(filepath.Join(s.dir, "output"))
	if err != nil {
		return err
	}
	defer func() { _ = output.Close() }()
	cmd := exec.Command(script(), "--port", strconv.Itoa(s.port), "--controller-port", strconv.Itoa(s.controller),
		"--dir", filepath.Join(s.dir, "data"))
	cmd.Stdout, cmd.Stderr = output, output
	cmd.Env = append(os.Environ(), "KAFKA_HEAP_OPTS="+quickStart)
	cmd.SysProcAttr = dieWithParent()
	if err := cmd.Start(); err != nil {
		return err
	}
	s.process = cmd
	if err := s.await(ctx); err != nil {
		_ = s.kill()
		text, _ := os.ReadFile(output.Name())
		return fmt.Errorf("%w; it said: %s", err, text)
	}
	return nil
}

// await polls until the broker answers, or is gone.
func (s *apacheServer) await(ctx context.Context) error {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	cfg := Config()
	cfg.Metadata.Retry.Max = 0
	cfg.Net.ReadTimeout = time.Second // it accepts connections before it answers
	for {
		client, err := sarama.NewClient([]string{s.addr()}, cfg)
		if err == nil {
			_, err = client.RefreshController()
			_ = client.Close()
			if err == nil {
				return nil
			}
		}
		if gone, e := syscall.Wait4(s.process.Process.Pid, nil, syscall.WNOHANG, nil); e == nil && gone != 0 {
			s.process = nil
			return errors.New("it ended")
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-ticker.C:
		}
	}
}

func (s *apacheServer) kill() error {
	if s.process == nil {
		return nil
	}
	_ = s.process.Process.Kill()
	_ = s.process.Wait() // says "killed"
	s.process = nil
	return nil
}

// wipe removes all topics and all groups.
func (s *apacheServer) wipe(ctx context.Context) error {
	admin, err := sarama.NewClusterAdmin([]string{s.addr()}, Config())
	if err != nil {
		return err
	}
	defer func() { _ = admin.Close() }()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		topics, err := admin.ListTopics()
		if err != nil {
			return err
		}
		left := 0
		for topic := range topics {
			if topic == "__consumer_offsets" {
				continue
			}
			left++
			if err := admin.DeleteTopic(topic); err != nil && !errors.Is(err, sarama.ErrUnknownTopicOrPartition) {
				return err
			}
		}
		if left == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// script returns the path of scripts/kafka.
func script() string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(here), "..", "..", "scripts", "kafka")
}
