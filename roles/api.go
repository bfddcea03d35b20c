package roles

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/google/uuid"

	httpapi "github.com/cartulary/cartulary/adapters/http"
	"github.com/cartulary/cartulary/adapters/kafka"
	"github.com/cartulary/cartulary/adapters/password"
	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/adapters/token"
	"github.com/cartulary/cartulary/config"
	"github.com/cartulary/cartulary/identity"
	"github.com/cartulary/cartulary/notary"
	"github.com/cartulary/cartulary/query"
)

// API serves HTTP on a listener until ctx ends; then it finishes the requests
// under way.
func (p *Platform) API(ctx context.Context, listener net.Listener) error {
	store, err := p.openObjects(ctx)
	if err != nil {
		return err
	}
	guard, err := p.openGuard(store)
	if err != nil {
		return err
	}
	ticketKey, err := p.ticketKey(ctx)
	if err != nil {
		return err
	}
	awaiter := tenantdb.NewAwaiter(p.pools)
	defer awaiter.Close()
	p.hints.OnProjected(awaiter.Projected)
	accounts, err := p.openIdentity(ctx)
	if err != nil {
		return err
	}
	p.hints.OnRevoked(accounts.Revoked)
	recorder, finish := p.recordRefusals(ctx)
	defer finish()
	limits, closeLimits, err := p.openLimiter()
	if err != nil {
		return err
	}
	defer closeLimits()
	inFlight := postgres.NewInFlight(p.main) //nolint:contextcheck // outlives requests; ended by Close
	defer inFlight.Close()
	demo, stopDemo, err := p.openDemo(ctx)
	if err != nil {
		return err
	}
	defer stopDemo()
	api, err := httpapi.New(httpapi.Config{ //nolint:contextcheck // compiles the contract, which takes no time
		App: p.app, Identity: accounts, Databases: databases{p.pools}, Objects: store, Awaiter: awaiter, InFlight: inFlight, Keys: p.keys, Eraser: p.newEraser(ctx), Logger: p.logger,
		Proofs: postgres.NewProofs(p.main), Head: p.ledger.Head,
		TicketKey: ticketKey, PlatformDatabase: tenantdb.PlatformDatabase, NotProvisioned: tenantdb.ErrNotProvisioned,
		Unavailable:    []error{password.ErrBusy, kafka.ErrDemoUnavailable, tenantdb.ErrBusy, tenantdb.ErrClosed, postgres.ErrClosed, s3.ErrAborted},
		TrustedProxies: p.cfg.HTTP.TrustedProxies, Checks: p.checks(store, guard),
		Demo: demo, OnRefused: recorder.Refused, Limiter: limits,
		Docs: p.cfg.HTTP.Docs, AllowedOrigins: p.cfg.HTTP.AllowedOrigins,
	})
	if err != nil {
		return fmt.Errorf("set up the API: %w", err)
	}
	watched, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { guard.Run(watched) })
	defer watch.Wait()
	defer stop()
	return api.Serve(ctx, listener)
}

// ticketKey returns the key that seals the ids of uploads, be they sent to the store or
// resumed: the same in every process, drawn by the first.
func (p *Platform) ticketKey(ctx context.Context) ([]byte, error) {
	drawn := make([]byte, 32)
	_, _ = rand.Read(drawn) // never fails
	key, err := postgres.NewSecrets(p.main).Keep(ctx, uploadTickets, drawn)
	if err != nil {
		return nil, fmt.Errorf("read the platform's secrets (was it migrated?): %w", err)
	}
	return key, nil
}

func (p *Platform) openIdentity(ctx context.Context) (*identity.Service, error) {
	passwords, err := password.New(password.Config{})
	if err != nil {
		return nil, fmt.Errorf("set up passwords: %w", err)
	}
	signer, err := token.New(token.Config{
		Secret: []byte(p.cfg.JWT.Secret), Previous: earlier(p.cfg.JWT), AccessExpires: p.cfg.JWT.AccessExpires, RefreshExpires: p.cfg.JWT.RefreshExpires,
	})
	if err != nil {
		return nil, fmt.Errorf("set up tokens: %w", err)
	}
	attemptKey, err := postgres.NewSecrets(p.main).Secret(ctx, loginAttempts)
	if err != nil {
		return nil, fmt.Errorf("read the platform's secrets (was it migrated?): %w", err)
	}
	return identity.New(identity.Config{
		Attempts: postgres.NewAttempts(p.main), AttemptKey: attemptKey,
		App: p.app, Accounts: accounts{p.main}, Credentials: postgres.NewCredentials(p.main),
		Sessions: postgres.NewSessions(p.main), Passwords: passwords, Signer: signer,
		OnRevoked: func(session uuid.UUID) { p.hints.Revoked(context.WithoutCancel(ctx), session) },
	}), nil
}

func earlier(cfg config.JWT) [][]byte {
	secrets := make([][]byte, len(cfg.Previous))
	for i, s := range cfg.Previous {
		secrets[i] = []byte(s)
	}
	return secrets
}

// accounts are the read model of users as signing in sees it.
type accounts struct{ db query.DB }

func (a accounts) AccountByEmail(ctx context.Context, email string) (identity.Account, error) {
	return accountOf(query.UserByEmail(ctx, a.db, email))
}

func (a accounts) AccountByID(ctx context.Context, user uuid.UUID) (identity.Account, error) {
	return accountOf(query.UserByID(ctx, a.db, user))
}

func accountOf(user query.User, err error) (identity.Account, error) {
	if errors.Is(err, query.ErrNotFound) {
		return identity.Account{}, identity.ErrNotFound
	}
	return identity.Account{
		ID: user.ID, Active: user.IsActive, Email: user.Email, FirstName: user.FirstName, LastName: user.LastName,
	}, err
}

// checks are what /readyz asks for.
func (p *Platform) checks(store *s3.Store, guard *notary.Guard) []httpapi.Check {
	return []httpapi.Check{
		{Name: "postgresql", Run: p.main.Ping},
		{Name: "kafka", Run: p.kafkaReachable},
		{Name: "s3", Run: store.Ready},
		{Name: "trail", Run: func(ctx context.Context) error { return publicly(guard.Verdict(ctx)) }},
	}
}

// publicly says of a guard's verdict what everybody may know.
func publicly(verdict error) error {
	d, ok := errors.AsType[*notary.DisagreementError](verdict)
	if !ok {
		return verdict
	}
	return &httpapi.MismatchError{Ledger: d.Ledger, Events: d.Held, Published: d.Size, Cause: d}
}

// kafkaReachable reports whether any of the brokers answers.
func (p *Platform) kafkaReachable(ctx context.Context) error {
	var failure error
	for _, broker := range p.cfg.Kafka.Brokers {
		dialer := net.Dialer{Timeout: time.Second}
		conn, err := dialer.DialContext(ctx, "tcp", broker)
		if err == nil {
			return conn.Close()
		}
		failure = err
	}
	return failure
}

// databases are the pools as the API sees them.
type databases struct{ pools *tenantdb.Pools }

func (d databases) Platform() query.DB { return d.pools.Platform() }

func (d databases) Tenant(ctx context.Context, tenant uuid.UUID) (query.DB, func(), error) {
	return d.pools.Tenant(ctx, tenant)
}
