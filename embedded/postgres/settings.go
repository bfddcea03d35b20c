package postgres

import (
	"fmt"
	"net"
	"strconv"
)

const (
	superuser = "postgres"
	loopback  = "127.0.0.1"
)

// settings returns PostgreSQL's command line.
func settings(c Config, dataDir string, port int) []string {
	args := []string{"-D", dataDir}
	set := func(name, value string) { args = append(args, "-c", name+"="+value) }

	set("listen_addresses", loopback)
	set("port", strconv.Itoa(port))
	set("unix_socket_directories", "")
	set("max_connections", strconv.Itoa(c.MaxConnections))
	set("shared_buffers", "256MB")
	set("maintenance_work_mem", "128MB")
	set("random_page_cost", "1.1")
	set("jit", "off")
	set("timezone", "UTC")
	set("log_timezone", "UTC")
	set("synchronous_commit", "on")
	set("checkpoint_timeout", "15min")
	set("log_checkpoints", "off")
	// The values of a row that broke a constraint may be personal data.
	set("log_error_verbosity", "terse")
	set("log_min_error_statement", "panic")
	if c.Durable {
		set("max_wal_size", "4GB")
		set("wal_compression", "on")
		return args
	}
	set("fsync", "off")
	set("full_page_writes", "off")
	set("wal_level", "minimal")
	set("max_wal_size", "1GB") // it may lie in memory
	set("max_wal_senders", "0")
	return args
}

// freePort returns a port that nobody listens on right now.
func freePort() (int, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(loopback, "0")) //nolint:noctx // closed at once
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil //nolint:errcheck // a TCP listener
}
