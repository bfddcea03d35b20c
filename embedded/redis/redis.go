// Package redis runs a Redis server inside the process, for the standalone
// program. It forgets everything when the process ends, as the platform allows
// Redis to do at any time.
package redis

import (
	"fmt"

	"github.com/alicebob/miniredis/v2"
)

// Server is a running Redis server.
type Server struct{ mini *miniredis.Miniredis }

// Start runs a server on a free port of the loopback address.
func Start() (*Server, error) {
	mini := miniredis.NewMiniRedis()
	if err := mini.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("start embedded Redis: %w", err)
	}
	return &Server{mini}, nil
}

// URL returns the server's connection string.
func (s *Server) URL() string { return "redis://" + s.mini.Addr() + "/0" }

// Close ends the server and all connections to it.
func (s *Server) Close() { s.mini.Close() }
