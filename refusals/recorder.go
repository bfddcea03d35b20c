package refusals

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// Recording records a refusal: [command.App.RecordRefusal].
type Recording func(ctx context.Context, meta command.Meta, c command.RecordRefusal) (command.Receipt, error)

// Config says what a recorder works with. Zero durations and numbers mean the
// defaults.
type Config struct {
	Record Recording
	// Exists reports whether a tenant exists and is open.
	Exists func(ctx context.Context, tenant uuid.UUID) (bool, error)
	Logger *slog.Logger

	Window  time.Duration // in which equal refusals become one event; default 1 minute
	Queue   int           // refusals that wait to be recorded; default 1,024
	Kinds   int           // different refusals that are told apart at once; default 10,000
	Timeout time.Duration // of recording one, and of finishing at the end; default 5 s
}

func (c Config) withDefaults() Config {
	if c.Window <= 0 {
		c.Window = time.Minute
	}
	if c.Queue <= 0 {
		c.Queue = 1024
	}
	if c.Kinds <= 0 {
		c.Kinds = 10_000
	}
	if c.Timeout <= 0 {
		c.Timeout = 5 * time.Second
	}
	return c
}

// Recorder records refusals. See the package for what it promises.
type Recorder struct {
	cfg   Config
	queue chan refusal

	mu      sync.Mutex
	windows map[kind]*window
	lost    int // that did not fit since the log last told
}

// refusal is what one event will tell.
type refusal struct {
	meta command.Meta
	what command.RecordRefusal
}

// kind is what equal refusals have in common.
type kind struct {
	user, tenant  uuid.UUID
	method, route string
	reason        events.Refusal
	status        int
}

// window is the time after a refusal was recorded.
type window struct {
	ends time.Time
	more int     // equal ones since
	last refusal // of them
}

// New returns a recorder. [Recorder.Run] must run beside it.
func New(cfg Config) *Recorder {
	cfg = cfg.withDefaults()
	return &Recorder{cfg: cfg, queue: make(chan refusal, cfg.Queue), windows: make(map[kind]*window)}
}

// Refused notes one refusal; c.Count is not read.
func (r *Recorder) Refused(meta command.Meta, c command.RecordRefusal) {
	k := kind{meta.Actor, c.TenantID, c.Method, c.Route, c.Reason, c.Status}
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if w, ok := r.windows[k]; ok && now.Before(w.ends) {
		w.more++
		w.last = refusal{meta, c}
		return
	} else if ok {
		c.Count = w.more // of the window that has just ended
	} else if len(r.windows) >= r.cfg.Kinds {
		r.lost++
		return
	}
	c.Count++
	r.open(k, refusal{meta, c}, now)
}

// open queues what is to be recorded and begins a window after it.
func (r *Recorder) open(k kind, what refusal, now time.Time) {
	select {
	case r.queue <- what:
		r.windows[k] = &window{ends: now.Add(r.cfg.Window)}
	default:
		r.lost += what.what.Count
		delete(r.windows, k)
	}
}

// turn ends the windows that are over at now, and queues what came in them.
func (r *Recorder) turn(now time.Time) (lost int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, w := range r.windows {
		switch {
		case now.Before(w.ends):
		case w.more == 0:
			delete(r.windows, k)
		default:
			w.last.what.Count = w.more
			r.open(k, w.last, now)
		}
	}
	lost, r.lost = r.lost, 0
	return lost
}
