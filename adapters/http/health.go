package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	cartulary "github.com/cartulary/cartulary"
)

// checkTimeout bounds each check of readiness.
const checkTimeout = 2 * time.Second

// Healthz answers as long as the process lives.
func (a *API) Healthz(c *gin.Context) {
	answer(a, c, http.StatusOK, Health{Status: "ok"}, "Alive")
}

// Readyz answers whether everything is there that the process needs.
func (a *API) Readyz(c *gin.Context) {
	missing := a.notReady(c.Request.Context())
	if len(missing) > 0 {
		a.fail(c, &problem{
			status: http.StatusServiceUnavailable, code: CodeNotReady, message: "Not ready.", retryAfter: 1,
			details: ErrorDetails{NotReady: &missing},
		})
		return
	}
	answer(a, c, http.StatusOK, Health{Status: "ready"}, "Ready")
}

// notReady names what the process lacks.
func (a *API) notReady(ctx context.Context) []string {
	if a.stopping.Load() {
		return []string{"api"}
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	failures := make([]error, len(a.cfg.Checks))
	var wg sync.WaitGroup
	for i, check := range a.cfg.Checks {
		wg.Go(func() { failures[i] = check.Run(ctx) })
	}
	wg.Wait()
	var missing []string
	for i, err := range failures {
		a.readiness[i].tell(ctx, a.cfg.Logger, a.cfg.Checks[i].Name, err)
		if err != nil {
			missing = append(missing, a.cfg.Checks[i].Name)
		}
	}
	slices.Sort(missing)
	return missing
}

// readiness is what a check said last. It is logged when it changes, since whoever
// asks does so every few seconds, or faster.
type readiness struct {
	mu      sync.Mutex
	failure string
}

func (r *readiness) tell(ctx context.Context, logger *slog.Logger, check string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	said := ""
	if err != nil {
		said = err.Error()
	}
	switch {
	case said == r.failure:
		return
	case err != nil:
		logger.LogAttrs(ctx, slog.LevelWarn, "not ready", slog.String("check", check), slog.Any("error", err))
	default:
		logger.LogAttrs(ctx, slog.LevelInfo, "ready again", slog.String("check", check))
	}
	r.failure = said
}

// Contract answers swagger.yaml.
func (a *API) Contract(c *gin.Context) {
	c.Data(http.StatusOK, "application/yaml; charset=utf-8", []byte(cartulary.Contract()))
}
