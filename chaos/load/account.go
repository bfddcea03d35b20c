package load

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strconv"
	"sync"
)

// session is an account's access token, renewed when it is refused.
type session struct {
	mu    sync.Mutex
	token string
}

func (a *account) current() string {
	a.session.mu.Lock()
	defer a.session.mu.Unlock()
	return a.session.token
}

// open makes the account: a user who is logged in, with a tenant that is ready.
func (c *client) open(ctx context.Context, number int) (*account, error) {
	a := &account{
		client: c, email: fmt.Sprintf("client-%d-%s@example.org", number, rand.Text()[:8]), password: rand.Text(),
	}
	nobody := func() string { return "" }
	register, err := asJSON(http.MethodPost, "/api/auth/register", rand.Text(), map[string]string{
		"email": a.email, "password": a.password, "first_name": "Client", "last_name": strconv.Itoa(number),
	})
	if err != nil {
		return nil, err
	}
	registered, err := c.insist(ctx, register, nobody, nil)
	if err != nil {
		return nil, fmt.Errorf("register: %w", err)
	}
	a.user = registered.data.ID
	if err := a.login(ctx); err != nil {
		return nil, err
	}
	create, err := asJSON(http.MethodPost, "/api/tenants", rand.Text(), map[string]string{"name": fmt.Sprintf("Tenant %d", number)})
	if err != nil {
		return nil, err
	}
	created, err := c.insist(ctx, create, a.current, a.login)
	if err != nil {
		return nil, fmt.Errorf("create tenant: %w", err)
	}
	a.tenant = created.data.ID
	return a, a.ready(ctx)
}

// login starts a session.
func (a *account) login(ctx context.Context) error {
	r, err := asJSON(http.MethodPost, "/api/auth/login", "", map[string]string{"email": a.email, "password": a.password})
	if err != nil {
		return err
	}
	r.patient = true
	got, err := a.client.insist(ctx, r, func() string { return "" }, nil)
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	a.session.mu.Lock()
	defer a.session.mu.Unlock()
	a.session.token = got.data.AccessToken
	return nil
}

// ready waits until the tenant's documents can be listed.
func (a *account) ready(ctx context.Context) error {
	r := request{method: http.MethodGet, path: "/api/tenants/" + a.tenant.String() + "/documents"}
	for attempt := 1; ; attempt++ {
		answer, body, err := a.client.send(ctx, r, a.current())
		if err == nil && answer.Status == http.StatusOK {
			return nil
		}
		if waited := pause(ctx, attempt); waited != nil {
			return fmt.Errorf("tenant %s never was ready: %d %s: %w", a.tenant, answer.Status, body, err)
		}
	}
}
