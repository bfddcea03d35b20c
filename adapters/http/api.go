package httpapi

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/erasure"
	"github.com/cartulary/cartulary/identity"
	"github.com/cartulary/cartulary/internal/ttlcache"
	"github.com/cartulary/cartulary/query"
)

// Databases hands out the read models.
type Databases interface {
	// Platform returns the main database.
	Platform() query.DB
	// Tenant returns a tenant's own database, to be released after use. It fails
	// with [Config.NotProvisioned] if there is none yet.
	Tenant(ctx context.Context, tenant uuid.UUID) (db query.DB, release func(), err error)
}

// Objects is the store of documents' bytes.
type Objects interface {
	// PutSized stores a body of exactly size bytes and returns what that was. When body
	// fails, or holds less or more, nothing is left behind.
	PutSized(ctx context.Context, key, contentType string, body io.Reader, size int64) (command.Digest, error)
	// PutLikely stores a body of at most limit bytes in the same way. It does best if
	// that has exactly size bytes; what it has less may be sent, and cut off afterwards.
	PutLikely(ctx context.Context, key, contentType string, body io.Reader, size, limit int64) (command.Digest, error)
	// PutVerified stores data, whose digest is d, and makes sure that this is what has
	// arrived. What was there before it replaces; what it fails at may be there.
	PutVerified(ctx context.Context, key, contentType string, data []byte, d command.Digest) error
	// PresignPut returns a link that stores one object of exactly size bytes under key
	// while ttl has not passed, and the headers that it takes. md5, in hexadecimal, may
	// be empty.
	PresignPut(ctx context.Context, key, contentType string, size int64, md5 string, ttl time.Duration) (string, http.Header, error)
	// BeginParts begins an object that is stored in parts, and names that upload.
	BeginParts(ctx context.Context, key, contentType string) (string, error)
	// PresignPart is PresignPut for a part, counted from 1.
	PresignPart(ctx context.Context, key, upload string, number int, size int64, ttl time.Duration) (string, http.Header, error)
	// CompleteParts makes the object of its parts, which have these entity tags.
	CompleteParts(ctx context.Context, key, upload string, tags []string) error
	// AbortParts removes an upload's parts; it is no error if there are none.
	AbortParts(ctx context.Context, key, upload string) error
	// Adopt copies an object of exactly size bytes to another key and returns what is
	// there then. One of another size it leaves alone: the digest is that size.
	Adopt(ctx context.Context, from, to string, size int64) (command.Digest, error)
	// Chunks returns where the chunks under prefix, which hold a file's beginning, begin,
	// and where the last one ends; ended is why they count no more, "" while they do.
	Chunks(ctx context.Context, prefix string) (bounds []int64, ended string, err error)
	// AppendChunks stores a body as chunks, from an offset on. check sees each before it
	// is stored. free is false if others were faster; what was stored by then counts.
	AppendChunks(ctx context.Context, prefix string, offset int64, body io.Reader, check func(chunk []byte) error) (stored int64, free bool, err error)
	// OpenChunks returns what the chunks with these bounds hold.
	OpenChunks(ctx context.Context, prefix string, bounds []int64) io.ReadCloser
	// EndChunks says, for good, why the chunks under prefix count no more, and removes them.
	EndChunks(ctx context.Context, prefix, why string) error
	// Intact reports whether the store, which is not asked for what an object holds, says
	// nothing of it that d does not: that there is none, or one of another size or MD5.
	Intact(ctx context.Context, key string, d command.Digest) (bool, error)
	// Copy copies an object over whatever stands under to.
	Copy(ctx context.Context, from, to string) error
	// Verify reads an object and returns what it holds.
	Verify(ctx context.Context, key string) (command.Digest, error)
	// Delete removes an object; it is no error if there is none.
	Delete(ctx context.Context, key string) error
	// PresignGet returns a link to an object that is good for ttl and makes
	// browsers save it under filename.
	PresignGet(ctx context.Context, key, filename, contentType string, ttl time.Duration) (string, error)
	// PresignInline is PresignGet for what browsers are to show.
	PresignInline(ctx context.Context, key, filename, contentType string, ttl time.Duration) (string, error)
	// PresignHead returns a link to an object for the method HEAD.
	PresignHead(ctx context.Context, key string, ttl time.Duration) (string, error)
	// Open returns what an object holds.
	Open(ctx context.Context, key string) (io.ReadCloser, error)
}

// Awaiter waits for read models.
type Awaiter interface {
	// Await returns once all read models of a database hold a ledger up to and
	// including seq, or fails when ctx ends.
	Await(ctx context.Context, database string, ledger uuid.UUID, seq int64) error
}

// InFlight knows which requests with an Idempotency-Key are under way.
type InFlight interface {
	// Begin notes that the request with an id is, until end is called. It returns
	// false, and no end, if it is already, here or in another process.
	Begin(ctx context.Context, id uuid.UUID) (end func(), free bool)
}

// Check is something that the process can't serve without.
type Check struct {
	Name string // as /readyz names it
	Run  func(context.Context) error
}

// Config is what the interface stands on.
type Config struct {
	App       *command.App
	Identity  *identity.Service
	Databases Databases
	Objects   Objects
	Awaiter   Awaiter
	InFlight  InFlight
	Keys      Keys
	Eraser    *erasure.Eraser
	Logger    *slog.Logger
	Proofs    Proofs

	// Head returns the sequence number of a ledger's last event; 0 if there is none.
	Head func(ctx context.Context, ledger uuid.UUID) (int64, error)

	// Demo sends messages through Kafka and back; its paths are unknown if nil.
	Demo Demo

	// Limiter, if set, bounds how many requests a caller may make.
	Limiter Limiter

	// OnRefused, if set, is told who was kept from what in a tenant that may not even
	// exist. It must not block.
	OnRefused func(command.Meta, command.RecordRefusal)

	// TicketKey, 32 bytes, seals what uploads are known by that take several requests.
	// Processes that share it go on with each other's; if empty, one is drawn for this
	// process.
	TicketKey []byte

	PlatformDatabase string // the main database's name, as Awaiter knows it; saas_platform if empty
	NotProvisioned   error  // what Databases.Tenant fails with while a tenant has no database

	// Unavailable lists more errors after which the same request may succeed later:
	// they are answered 503 instead of 500.
	Unavailable []error

	AllowedOrigins []string // of pages that may use the interface from browsers; none if empty

	Docs bool // whether there is a page at /docs that shows the contract

	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed; nobody's if empty
	Checks         []Check        // for /readyz

	MaxConnections int // that are open; 10,000 if zero
	MaxRequests    int // under way but for uploads and exports, and as many waiting for at most half a second; 1,024 if zero
	MaxUploads     int // as above; 64 if zero
	MaxExports     int // as above, pages of what can be exported included; 32 if zero

	ProjectionWait time.Duration // how long a command waits for its read models; 5 s if zero
	ProvisionWait  time.Duration // how long a new tenant is waited for; 10 s if zero
	HeaderTimeout  time.Duration // how long a request's header may take to arrive; 5 s if zero
	BodyTimeout    time.Duration // how long a body may take to arrive that is no upload; 10 s if zero
	RequestTimeout time.Duration // of everything but uploads; 30 s if zero
	UploadIdle     time.Duration // how long an upload may stand still; 30 s if zero
	ShutdownDelay  time.Duration // between saying that it is not ready and refusing connections; none if zero
	ShutdownGrace  time.Duration // how long requests under way may take to finish; 25 s if zero
}

func (c *Config) setDefaults() {
	if c.PlatformDatabase == "" {
		c.PlatformDatabase = "saas_platform"
	}
	for _, n := range []struct {
		value    *int
		fallback int
	}{{&c.MaxConnections, 10_000}, {&c.MaxRequests, 1024}, {&c.MaxUploads, 64}, {&c.MaxExports, 32}} {
		if *n.value == 0 {
			*n.value = n.fallback
		}
	}
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&c.ProjectionWait, 5 * time.Second},
		{&c.ProvisionWait, 10 * time.Second},
		{&c.HeaderTimeout, 5 * time.Second},
		{&c.BodyTimeout, 10 * time.Second},
		{&c.RequestTimeout, 30 * time.Second},
		{&c.UploadIdle, 30 * time.Second},
		{&c.ShutdownGrace, 25 * time.Second},
	} {
		if *d.value == 0 {
			*d.value = d.fallback
		}
	}
}

func (c *Config) validate() error {
	if c.App == nil || c.Identity == nil || c.Databases == nil || c.Objects == nil || c.Awaiter == nil || c.InFlight == nil || c.Keys == nil ||
		c.Eraser == nil || c.Logger == nil || c.Proofs == nil {
		return errors.New("http: App, Identity, Databases, Objects, Awaiter, InFlight, Keys, Eraser, Logger and Proofs are needed")
	}
	return nil
}

// API is the platform's HTTP interface.
type API struct {
	cfg      Config
	routes   map[string]*route // by method and gin's path template
	members  *ttlcache.Cache[membershipKey, query.Access]
	gates    gates
	secure   http.Header // in every answer
	docs     map[string]docsFile
	tickets  cipher.AEAD // seals the ids of uploads to the store
	handler  http.Handler
	stopping atomic.Bool

	readiness []readiness // of Config.Checks
}

var _ ServerInterface = (*API)(nil)

// New returns the interface, or an error that says how contract and code differ.
func New(cfg Config) (*API, error) {
	cfg.setDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	routes, err := compileRoutes(rules())
	if err != nil {
		return nil, fmt.Errorf("http: %w", err)
	}
	a := &API{
		cfg: cfg, routes: routes, gates: newGates(cfg), secure: secureHeaders(), readiness: make([]readiness, len(cfg.Checks)),
		members: ttlcache.New[membershipKey, query.Access](membershipTTL, rememberedMemberships),
	}
	if a.tickets, err = newTickets(cfg.TicketKey); err != nil {
		return nil, fmt.Errorf("http: %w", err)
	}
	if cfg.Docs {
		if a.docs, err = loadDocs(); err != nil {
			return nil, fmt.Errorf("http: %w", err)
		}
	}
	engine, err := a.engine()
	if err != nil {
		return nil, fmt.Errorf("http: %w", err)
	}
	a.handler = headAsGet(withoutTrailingSlash(engine))
	return a, nil
}

// Handler returns the interface as a handler.
func (a *API) Handler() http.Handler { return a.handler }

func (a *API) engine() (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.HandleMethodNotAllowed = true
	engine.RedirectTrailingSlash = false
	engine.RedirectFixedPath = false
	proxies := make([]string, len(a.cfg.TrustedProxies))
	for i, p := range a.cfg.TrustedProxies {
		proxies[i] = p.String()
	}
	if err := engine.SetTrustedProxies(proxies); err != nil {
		return nil, fmt.Errorf("trusted proxies: %w", err)
	}
	engine.Use(a.observe, crossOrigin(a.cfg.AllowedOrigins))
	engine.NoRoute(func(c *gin.Context) { a.fail(c, errNoRoute()) })
	engine.NoMethod(a.otherMethod)
	RegisterHandlersWithOptions(engine.Group("", a.guard), a, GinServerOptions{
		ErrorHandler: func(c *gin.Context, err error, _ int) { a.fail(c, badRequest(err)) },
	})
	for _, r := range engine.Routes() {
		if _, ok := a.routes[routeKey(r.Method, r.Path)]; !ok {
			return nil, fmt.Errorf("route %s %s has no policy", r.Method, r.Path)
		}
	}
	return engine, nil
}

// withoutTrailingSlash serves /api/tenants/ like /api/tenants.
func withoutTrailingSlash(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := len(r.URL.Path); n > 1 && r.URL.Path[n-1] == '/' {
			u := *r.URL
			u.Path, u.RawPath = u.Path[:n-1], ""
			trimmed := *r
			trimmed.URL = &u
			r = &trimmed
		}
		next.ServeHTTP(w, r)
	})
}
