package main

import (
	"context"
	"errors"
	"net/http"
	"runtime"

	"golang.org/x/crypto/argon2"
)

// loginsAtOnce is how many clients sign in at a time.
const loginsAtOnce = 8

// prepareLogins measures logins a second over HTTP, each recorded in the trail, beside
// bare Argon2id with the platform's parameters on all cores.
func prepareLogins(ctx context.Context, b *bench) (_ contest, err error) {
	platform, err := b.startStandalone(ctx)
	if err != nil {
		return contest{}, err
	}
	account, err := openAccount(ctx, platform.address, 0)
	if err != nil {
		return contest{}, errors.Join(err, platform.stop())
	}
	reference := func(ctx context.Context) (float64, error) {
		salt := make([]byte, 16)
		return rate(ctx, runtime.GOMAXPROCS(0), b.duration(), func(context.Context, int) error {
			argon2.IDKey([]byte(password), salt, 2, 19*1024, 1, 32)
			return nil
		})
	}
	product := func(ctx context.Context) (float64, error) {
		defer account.client.CloseIdleConnections()
		return rate(ctx, loginsAtOnce, b.duration(), func(ctx context.Context, _ int) error {
			return account.signIn(ctx)
		})
	}
	return contest{reference: reference, product: product, close: platform.stop}, nil
}

// signIn begins another session.
func (a *account) signIn(ctx context.Context) error {
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
