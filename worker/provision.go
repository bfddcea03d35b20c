package worker

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// Provision does for a tenant what the message that it was made gives cause to, should
// that message have gone astray.
func (w *Worker) Provision(ctx context.Context, tenant uuid.UUID) error {
	created, err := w.cfg.App.Creation(ctx, tenant)
	if err != nil {
		return fmt.Errorf("load tenant %s: %w", tenant, err)
	}
	return w.provision(ctx, created)
}
