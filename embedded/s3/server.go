package s3

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"

	"github.com/cartulary/cartulary/internal/dirlock"
)

const (
	loopback       = "127.0.0.1"
	maxConnections = 4096
	maxRequests    = 1024
	maxParts       = 10_000  // of one upload, as on AWS
	maxCopy        = 5 << 30 // bytes, as on AWS
	healthPath     = "/-/healthy"
	pollInterval   = 5 * time.Millisecond
)

// Config says where a server lives and who may use it.
type Config struct {
	Dir       string // made if missing
	Port      int    // on the loopback address; 0: a free one
	AccessKey string
	SecretKey string
	Bucket    string // made if missing; three characters at least
	Region    string // "": us-east-1
	Domain    string // buckets are found as its subdomains, too; "": in paths only
}

// Server is a running S3 server.
type Server struct {
	endpoint string
	cancel   context.CancelFunc
	done     chan struct{} // closed when the server has ended
	err      error         // why it ended; read it after done
	lock     *dirlock.Lock
}

// Start runs a server and returns when it answers. ctx bounds the start only. It
// fails with dirlock.ErrHeld while another process runs one on the same
// directory.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	s, err := start(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("start embedded S3: %w", err)
	}
	return s, nil
}

func start(ctx context.Context, cfg Config) (_ *Server, err error) {
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, err
	}
	s := &Server{done: make(chan struct{})}
	if s.lock, err = dirlock.Acquire(dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = s.lock.Release()
		}
	}()
	files, err := openFiles(dir, cfg.Bucket)
	if err != nil {
		return nil, err
	}
	if cfg.Port == 0 {
		if cfg.Port, err = freePort(ctx); err != nil {
			files.Shutdown()
			return nil, err
		}
	}
	address := net.JoinHostPort(loopback, strconv.Itoa(cfg.Port))
	s.endpoint = "http://" + address
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	go func() {
		defer close(s.done)
		s.err = embedgw.RunVersityGW(running, wholeFiles{files}, &embedgw.Config{
			RootUserAccess: cfg.AccessKey, RootUserSecret: cfg.SecretKey,
			IAMService: auth.NewIAMServiceSingle(auth.Account{
				Access: cfg.AccessKey, Secret: cfg.SecretKey, Role: auth.RoleAdmin,
			}),
			Region: cfg.Region, Ports: []string{address},
			MaxConnections: maxConnections, MaxRequests: maxRequests, MultipartMaxParts: maxParts,
			VirtualDomain: cfg.Domain, HealthPath: healthPath, KeepAlive: true, Quiet: true,
		})
	}()
	if err := s.awaitReady(ctx); err != nil {
		cancel()
		<-s.done
		return nil, errors.Join(err, s.err)
	}
	return s, nil
}

// openFiles opens the store of objects below dir. What S3 knows of an object
// besides its bytes stands in extended attributes or, where the file system has
// none, in files beside; a store stays with what it began with.
func openFiles(dir, bucket string) (*posix.Posix, error) {
	objects, beside := filepath.Join(dir, "objects"), filepath.Join(dir, "metadata")
	if err := os.MkdirAll(filepath.Join(objects, bucket), 0o700); err != nil {
		return nil, err
	}
	_, err := os.Stat(beside)
	var attributes meta.MetadataStorer = meta.XattrMeta{}
	if err == nil || (meta.XattrMeta{}).Test(objects) != nil {
		if err := os.MkdirAll(beside, 0o700); err != nil {
			return nil, err
		}
		if attributes, err = meta.NewSideCar(beside); err != nil {
			return nil, err
		}
	}
	return posix.New(objects, attributes, posix.PosixOpts{CopyObjectThreshold: maxCopy})
}

func (s *Server) awaitReady(ctx context.Context) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		if healthy(ctx, client, s.endpoint+healthPath) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.done:
			return errors.New("the server gave up")
		case <-tick.C:
		}
	}
}

func healthy(ctx context.Context, client *http.Client, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// Endpoint returns the server's URL.
func (s *Server) Endpoint() string { return s.endpoint }

// Done is closed when the server has ended, whoever ended it.
func (s *Server) Done() <-chan struct{} { return s.done }

// Close ends the server once the requests that it is at are answered.
func (s *Server) Close() error {
	s.cancel()
	<-s.done
	if err := errors.Join(s.err, s.lock.Release()); err != nil {
		return fmt.Errorf("close embedded S3: %w", err)
	}
	return nil
}

func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil //nolint:errcheck // a TCP listener
}
