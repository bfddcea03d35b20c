package kafkatest

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// Main runs a package's tests, ends the broker they shared, if any, fails when
// goroutines are left over, and exits. A package that needs another Main can do
// without this one: the broker dies with the binary, and its directory is removed by the next run.
func Main(m *testing.M) {
	code := m.Run()
	if IsApache() {
		if s, err := shared(); err == nil {
			_ = s.kill()
			_ = os.RemoveAll(s.dir)
		}
	}
	if err := goleak.Find(Leaks()...); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "kafkatest:", err)
		code = 1
	}
	os.Exit(code)
}

// Leaks returns what goleak must overlook: the one goroutine of sarama's metrics,
// which never ends.
func Leaks() []goleak.Option {
	return []goleak.Option{goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick")}
}
