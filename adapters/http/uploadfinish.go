package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
)

const (
	// slowestStore is how many bytes a second a store has to move, at least, for what was
	// sent to it to become a document.
	slowestStore = 256 << 10

	// finishPause is how long who waits for an upload to be finished waits before he asks
	// again.
	finishPause = 100 * time.Millisecond
)

// finishTime is how long it may take to make a document of so many bytes that the store
// has: it moves them several times.
func (a *API) finishTime(size int64) time.Duration {
	return a.cfg.RequestTimeout + time.Duration(size/slowestStore)*time.Second
}

// finishing lets a request go on to make a document of what was sent before. That takes
// as long as an upload: so it is done among the uploads, within finishTime, by one
// request at a time, and to the end even if the client leaves. The request has the
// context that is returned until end is called.
func (a *API) finishing(
	ctx context.Context, c *gin.Context, tenant, upload uuid.UUID, size int64,
) (lasting context.Context, end func(), err error) {
	finished, err := a.alone(ctx, upload)
	if err != nil {
		return nil, nil, err
	}
	if err := a.moveToUploads(ctx, c, tenant); err != nil {
		finished()
		return nil, nil, err
	}
	limit := a.finishTime(size)
	control, deadline := http.NewResponseController(c.Writer), time.Now().Add(limit+writeSlack)
	// Where connections know no deadlines the context has to do.
	_ = control.SetReadDeadline(deadline)
	_ = control.SetWriteDeadline(deadline)
	before := c.Request
	lasting, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	c.Request = before.WithContext(lasting)
	return lasting, func() {
		c.Request = before
		cancel()
		finished()
	}, nil
}

// alone returns once no other request, in whichever process, finishes an upload. Who has
// waited for one should look first what came of it.
func (a *API) alone(ctx context.Context, upload uuid.UUID) (end func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.RequestTimeout)
	defer cancel()
	id := derivedID("cartulary finishes an upload", upload[:])
	ticker := time.NewTicker(finishPause)
	defer ticker.Stop()
	for {
		if end, free := a.cfg.InFlight.Begin(ctx, id); free {
			return end, nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil, errOverloaded("The upload is still being made a document. Ask again in a moment.")
		}
	}
}

// moveToUploads has a request count among the uploads from now on.
func (a *API) moveToUploads(ctx context.Context, c *gin.Context, tenant uuid.UUID) error {
	known := callOf(c)
	if known.gate == a.gates.uploads {
		return nil
	}
	if !a.gates.uploads.enter(ctx) {
		return errOverloaded("The service has more uploads than it can carry. Try again in a moment.")
	}
	known.release()
	known.gate = a.gates.uploads
	if err := a.claimCaller(c); err != nil {
		return err
	}
	return a.claimTenant(c, tenant)
}
