package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/cartulary/cartulary/config"
)

// healthTimeout bounds the question whether an API is ready.
const healthTimeout = 3 * time.Second

// checkHealth fails unless the API that the settings describe is ready. It is what
// a container's health check runs, where there is no other program.
func checkHealth(ctx context.Context, cfg config.HTTP) error {
	if cfg.Host == "0.0.0.0" || cfg.Host == "::" {
		cfg.Host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+cfg.Address()+"/readyz", http.NoBody)
	if err != nil {
		return fmt.Errorf("health check: %w", err)
	}
	response, err := new(http.Client).Do(request)
	if err != nil {
		return fmt.Errorf("health check: %w", err)
	}
	if err := response.Body.Close(); err != nil {
		return fmt.Errorf("health check: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("health check: %s was answered %s", request.URL, response.Status)
	}
	return nil
}
