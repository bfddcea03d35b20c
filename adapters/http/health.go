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
		if err != nil {
			missing = append(missing, a.cfg.Checks[i].Name)
			a.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "not ready",
				slog.String("check", a.cfg.Checks[i].Name), slog.Any("error", err))
		}
	}
	slices.Sort(missing)
	return missing
}

// Contract answers swagger.yaml.
func (a *API) Contract(c *gin.Context) {
	c.Data(http.StatusOK, "application/yaml; charset=utf-8", []byte(cartulary.Contract()))
}
