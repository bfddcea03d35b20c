package kafka

import (
	"os"
	"testing"

	"github.com/cartulary/cartulary/internal/kafkatest"
)

func TestMain(m *testing.M) {
	if os.Getenv(victimVariable) != "" {
		os.Exit(victim())
	}
	kafkatest.Main(m)
}
