package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// Demo sends messages through Kafka and back. What it can't do for now fails with
// one of [Config.Unavailable], within 2 seconds.
type Demo interface {
	// Produce returns where the message lies once the broker has it.
	Produce(ctx context.Context, message ProduceDemoRequest) (DemoRecord, error)
	// Status returns what the consumer is doing.
	Status(ctx context.Context) (DemoStatus, error)
}

// demoPath is what the demo's routes begin with.
const demoPath = "/api/demo/"

// hidden reports whether a route is one of the demo's, and there is none.
func (a *API) hidden(r *route) bool { return a.cfg.Demo == nil && strings.HasPrefix(r.path, demoPath) }

// ProduceDemo sends a message to the demo's topic.
func (a *API) ProduceDemo(c *gin.Context, _ ProduceDemoParams) {
	request, err := decode[ProduceDemoRequest](c)
	if err != nil {
		a.fail(c, err)
		return
	}
	record, err := a.cfg.Demo.Produce(c.Request.Context(), request)
	if err != nil {
		a.fail(c, err)
		return
	}
	answer(a, c, http.StatusCreated, record, "Message produced")
}

// DemoStatus answers what the demo's consumer is doing.
func (a *API) DemoStatus(c *gin.Context, _ DemoStatusParams) {
	status, err := a.cfg.Demo.Status(c.Request.Context())
	if err != nil {
		a.fail(c, err)
		return
	}
	answer(a, c, http.StatusOK, status, "Consumer described")
}
