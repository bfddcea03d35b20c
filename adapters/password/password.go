package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"runtime"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// Bounds of a password that can be hashed.
const (
	MinCharacters = 8
	MaxBytes      = 1024
)

const (
	saltBytes = 16
	hashBytes = 32
)

// ErrBusy says that there are too many passwords to hash. Nothing was looked at.
var ErrBusy = errors.New("too many passwords to hash")

// ErrLength says that a password is shorter than [MinCharacters] or longer than
// [MaxBytes].
var ErrLength = errors.New("the password is too short or too long")

// Config says how hard hashing is. Its zero value is OWASP's recommendation.
type Config struct {
	MemoryKiB  uint32 // 19456 (19 MiB) if zero
	Iterations uint32 // 2 if zero
	Parallel   uint8  // 1 if zero
	Concurrent int    // hashes computed at once; GOMAXPROCS if zero
	Waiting    int    // that wait for their turn; 64 for each computed at once if zero

	Patience time.Duration // how long one waits; 2 s if zero
}

// Hasher hashes and verifies passwords.
type Hasher struct {
	cost  cost
	slots chan struct{}
	queue chan struct{} // those under way included

	patience time.Duration
	decoy    string // the hash of a password that nobody knows
}

// New returns a hasher.
func New(cfg Config) (*Hasher, error) {
	c := cost{memory: cfg.MemoryKiB, iterations: cfg.Iterations, parallel: cfg.Parallel}
	if c.memory == 0 {
		c.memory = 19 * 1024
	}
	if c.iterations == 0 {
		c.iterations = 2
	}
	if c.parallel == 0 {
		c.parallel = 1
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("password: %w", err)
	}
	if cfg.Concurrent <= 0 {
		cfg.Concurrent = runtime.GOMAXPROCS(0)
	}
	if cfg.Waiting <= 0 {
		cfg.Waiting = 64 * cfg.Concurrent
	}
	if cfg.Patience <= 0 {
		cfg.Patience = 2 * time.Second
	}
	h := &Hasher{
		cost: c, slots: make(chan struct{}, cfg.Concurrent), queue: make(chan struct{}, cfg.Concurrent+cfg.Waiting), patience: cfg.Patience,
	}
	h.decoy = phc{cost: c, salt: random(saltBytes), hash: random(hashBytes)}.String()
	return h, nil
}

// Hash returns the PHC string of a password; [ErrLength] if it is none that
// could be set.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	password = norm.NFC.String(password)
	if utf8.RuneCountInString(password) < MinCharacters || len(password) > MaxBytes {
		return "", ErrLength
	}
	p := phc{cost: h.cost, salt: random(saltBytes)}
	var err error
	if p.hash, err = h.derive(ctx, password, p.cost, p.salt, hashBytes); err != nil {
		return "", err
	}
	return p.String(), nil
}

// Verify reports whether password is the one that encoded was made of. It fails
// if encoded is not a PHC string of this package, or when ctx ends first.
func (h *Hasher) Verify(ctx context.Context, password, encoded string) (bool, error) {
	p, err := parsePHC(encoded)
	if err != nil {
		return false, err
	}
	if password = norm.NFC.String(password); len(password) > MaxBytes {
		password = ""
	}
	hash, err := h.derive(ctx, password, p.cost, p.salt, len(p.hash))
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(hash, p.hash) == 1 && password != "", nil
}

// VerifyNothing does the work of [Hasher.Verify] for an account that does not
// exist.
func (h *Hasher) VerifyNothing(ctx context.Context, password string) error {
	_, err := h.Verify(ctx, password, h.decoy)
	return err
}

func (h *Hasher) derive(ctx context.Context, password string, c cost, salt []byte, length int) ([]byte, error) {
	if err := h.enter(ctx); err != nil {
		return nil, err
	}
	defer h.leave()
	return argon2.IDKey([]byte(password), salt, c.iterations, c.memory, c.parallel, uint32(length)), nil //nolint:gosec // at most 64
}

// enter waits for a turn; leave must follow if it succeeds.
func (h *Hasher) enter(ctx context.Context) error {
	select {
	case h.queue <- struct{}{}:
	default:
		return ErrBusy
	}
	timer := time.NewTimer(h.patience)
	defer timer.Stop()
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-timer.C:
		<-h.queue
		return ErrBusy
	case <-ctx.Done():
		<-h.queue
		return fmt.Errorf("wait to hash a password: %w", ctx.Err())
	}
}

func (h *Hasher) leave() {
	<-h.slots
	<-h.queue
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand aborts the program instead
	return b
}
