package postgres_test

import (
	"testing"

	"github.com/cartulary/cartulary/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
