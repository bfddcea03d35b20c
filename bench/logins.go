package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"time"

	"golang.org/x/crypto/argon2"
)

// loginsAtOnce is how many users sign in at a time, over and over.
const loginsAtOnce = 8

// prepareLogins measures logins a second over HTTP, each recorded in the trail, beside
// bare Argon2id with the platform's parameters on all cores.
func prepareLogins(ctx context.Context, b *bench) (_ contest, err error) {
	platform, err := b.startStandalone(ctx)
	if err != nil {
		return contest{}, err
	}
	users := &account{
		base:   "http://" + platform.address,
		client: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: loginsAtOnce}},
	}
	for n := range loginsAtOnce {
		person := map[string]string{"email": clerk(n), "password": password, "first_name": "Ada", "last_name": "Clerk"}
		if err := users.post(ctx, "/api/auth/register", person, nil); err != nil {
			return contest{}, errors.Join(err, platform.stop())
		}
	}
	reference := func(ctx context.Context) (float64, error) {
		salt := make([]byte, 16)
		return rate(ctx, runtime.GOMAXPROCS(0), b.duration(), func(context.Context, int) error {
			argon2.IDKey([]byte(password), salt, 2, 19*1024, 1, 32)
			return nil
		})
	}
	product := func(ctx context.Context) (float64, error) {
		defer users.client.CloseIdleConnections()
		return rate(ctx, loginsAtOnce, b.duration(), func(ctx context.Context, n int) error {
			return users.signIn(ctx, clerk(n))
		})
	}
	return contest{reference: reference, product: product, close: platform.stop}, nil
}

// clerk returns the address of one of several users.
func clerk(n int) string { return fmt.Sprintf("clerk-%d@example.org", n) }

// signIn begins another session.
func (a *account) signIn(ctx context.Context, email string) error {
	var session struct {
		AccessToken string `json:"access_token"`
	}
	if err := a.post(ctx, "/api/auth/login", map[string]string{"email": email, "password": password}, &session); err != nil {
		return err
	}
	if session.AccessToken == "" {
		return errors.New(http.MethodPost + " /api/auth/login: no access token")
	}
	return nil
}
