package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// pollEvery is how often the API is asked whether it is ready.
const pollEvery = 20 * time.Millisecond

// whenReady calls ready once the API says that everything it needs is there.
func whenReady(ctx context.Context, address string, ready func()) error {
	client := http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		if answers(ctx, &client, "http://"+address+"/readyz") {
			ready()
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func answers(ctx context.Context, client *http.Client, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// greet says where the platform listens and how to begin.
func greet(w io.Writer, address string, took time.Duration) {
	_, _ = fmt.Fprintf(w, `Cartulary is ready at http://%s (started in %s). Stop it with Ctrl-C.

Open an account:

  curl -s http://%s/api/auth/register -H 'Content-Type: application/json' \
    -d '{"email":"ada@example.org","password":"correct horse battery","first_name":"Ada","last_name":"Lovelace"}'

`, address, took.Round(10*time.Millisecond), address)
}
