package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

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
	missing, ledger := a.notReady(c.Request.Context())
	if len(missing) > 0 {
		p := &problem{
			status: http.StatusServiceUnavailable, code: CodeNotReady, message: "Not ready.", retryAfter: 1,
			details: ErrorDetails{NotReady: &missing},
		}
		if ledger != nil {
			p.message = "Not ready: " + ledger.Error() + "."
			p.details.Ledger = &LedgerMismatch{ID: ledger.Ledger, Events: ledger.Events, Published: ledger.Published}
		}
		a.fail(c, p)
		return
	}
	answer(a, c, http.StatusOK, Health{Status: "ready"}, "Ready")
}

// MismatchError is how a [Check] says which ledger is not what was published of it.
// Everybody may know this much.
type MismatchError struct {
	Ledger    uuid.UUID
	Events    int64 // of the ledger
	Published int64 // events of its last published checkpoint; 0 if that can't be trusted
	Cause     error // for the log alone
}

func (e *MismatchError) Error() string {
	switch {
	case e.Published == 0:
		return fmt.Sprintf("the last published checkpoint of ledger %s is not signed by a key that the database knows", e.Ledger)
	case e.Events < e.Published:
		return fmt.Sprintf("ledger %s holds %d events, and is behind its last published checkpoint, of %d", e.Ledger, e.Events, e.Published)
	default:
		return fmt.Sprintf("ledger %s, of %d events, is not what was published of its first %d", e.Ledger, e.Events, e.Published)
	}
}

func (e *MismatchError) Unwrap() error { return e.Cause }

// notReady names what the process lacks, and the ledger that is not what was published;
// nil if that is not the reason.
func (a *API) notReady(ctx context.Context) (missing []string, ledger *MismatchError) {
	if a.stopping.Load() {
		return []string{"api"}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	failures := make([]error, len(a.cfg.Checks))
	var wg sync.WaitGroup
	for i, check := range a.cfg.Checks {
		wg.Go(func() { failures[i] = check.Run(ctx) })
	}
	wg.Wait()
	for i, err := range failures {
		a.readiness[i].tell(ctx, a.cfg.Logger, a.cfg.Checks[i].Name, err)
		if err != nil {
			missing = append(missing, a.cfg.Checks[i].Name)
		}
		if m, ok := errors.AsType[*MismatchError](err); ok {
			ledger = m
		}
	}
	slices.Sort(missing)
	return missing, ledger
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
