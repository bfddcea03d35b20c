package load

import (
	"context"
	"crypto/md5" //nolint:gosec // what the platform's rows hold
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/chaos/journal"
)

// Config says what clients do.
type Config struct {
	Base    string // URL of the API
	Journal *journal.Writer
	Ops     int // operations in all
	Clients int // that work at the same time
	Tenants int
	Seed    uint64

	// Gate returns when operation op, counted from 0, may begin. It may be nil.
	Gate func(ctx context.Context, op int) error
	// Answered is told of each acknowledgement, concurrently. It may be nil.
	Answered func(Answer)
}

// Load is a set of clients.
type Load struct {
	cfg      Config
	accounts []*account
	next     atomic.Int64
	acked    atomic.Int64
	retries  atomic.Int64
}

// New opens the accounts that the clients use.
func New(ctx context.Context, cfg Config) (*Load, error) {
	l := &Load{cfg: cfg}
	c := &client{
		base: cfg.Base,
		http: &http.Client{
			Transport:     &http.Transport{MaxIdleConnsPerHost: cfg.Clients},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		answered: func(a Answer) {
			if cfg.Answered != nil {
				cfg.Answered(a)
			}
		},
		retries: func() { l.retries.Add(1) },
	}
	for number := range cfg.Tenants {
		a, err := c.open(ctx, number)
		if err != nil {
			return nil, fmt.Errorf("open account %d: %w", number, err)
		}
		l.accounts = append(l.accounts, a)
	}
	return l, nil
}

// Acknowledged returns how many operations have been acknowledged.
func (l *Load) Acknowledged() int { return int(l.acked.Load()) }

// Retries returns how many requests had to be sent again.
func (l *Load) Retries() int { return int(l.retries.Load()) }

// Run performs all operations. It ends early, with an error, when ctx does or when
// something is refused that should not be.
func (l *Load) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for number := range l.cfg.Clients {
		w := &worker{
			load: l, account: l.accounts[number%len(l.accounts)],
			rand: rand.New(rand.NewPCG(l.cfg.Seed, uint64(number))), //nolint:gosec // repeatable on purpose
		}
		group.Go(func() error { return w.run(ctx) })
	}
	return group.Wait()
}

// worker is one client. It renames documents of its own only, so that it knows
// what each must be called in the end.
type worker struct {
	load      *Load
	account   *account
	rand      *rand.Rand
	documents []uuid.UUID
}

func (w *worker) run(ctx context.Context) error {
	for {
		op := int(w.load.next.Add(1)) - 1
		if op >= w.load.cfg.Ops {
			return nil
		}
		if w.load.cfg.Gate != nil {
			if err := w.load.cfg.Gate(ctx, op); err != nil {
				return err
			}
		}
		act := w.upload
		if len(w.documents) > 0 && w.rand.IntN(2) == 0 {
			act = w.rename
		}
		if err := act(ctx, op); err != nil {
			return fmt.Errorf("operation %d: %w", op, err)
		}
	}
}

// intent returns what all operations have.
func (w *worker) intent(op int, kind journal.Kind) journal.Intent {
	return journal.Intent{
		Op: op, Kind: kind, Tenant: w.account.tenant, User: w.account.user,
		Key: uuid.NewString(), Filename: fmt.Sprintf("%s %d – Été.bin", kind, op),
	}
}

func (w *worker) path() string { return "/api/tenants/" + w.account.tenant.String() + "/documents" }

func (w *worker) upload(ctx context.Context, op int) error {
	content := w.content()
	sum5, sum256 := md5.Sum(content), sha256.Sum256(content) //nolint:gosec // MD5 is what the platform's rows hold
	intent := w.intent(op, journal.Upload)
	intent.MD5, intent.SHA256, intent.Size = hex.EncodeToString(sum5[:]), hex.EncodeToString(sum256[:]), int64(len(content))
	r, err := asUpload(w.path(), intent.Key, intent.Filename, content)
	if err != nil {
		return err
	}
	document, err := w.perform(ctx, intent, r)
	if err != nil {
		return err
	}
	w.documents = append(w.documents, document)
	return nil
}

func (w *worker) rename(ctx context.Context, op int) error {
	intent := w.intent(op, journal.Rename)
	intent.Document = w.documents[w.rand.IntN(len(w.documents))]
	r, err := asJSON(http.MethodPut, w.path()+"/"+intent.Document.String(), intent.Key, map[string]string{"filename": intent.Filename})
	if err != nil {
		return err
	}
	_, err = w.perform(ctx, intent, r)
	return err
}

// perform writes the intent, asks until there is an answer, and writes that.
func (w *worker) perform(ctx context.Context, intent journal.Intent, r request) (document uuid.UUID, err error) {
	if err := w.load.cfg.Journal.Intend(intent); err != nil {
		return uuid.Nil, err
	}
	got, err := w.account.client.insist(ctx, r, w.account.current, w.account.login)
	if err != nil {
		return uuid.Nil, err
	}
	err = w.load.cfg.Journal.Acknowledge(journal.Ack{
		Op: intent.Op, Document: got.data.ID, Status: got.status, Attempts: got.attempts, At: time.Now().UTC(),
	})
	w.load.acked.Add(1)
	return got.data.ID, err
}

// content returns the bytes of an upload: mostly new ones, of up to 64 KiB, which are
// stored at once, or so many that the worker has to store them; at times some that
// another client of the tenant uploads, too, or none at all.
func (w *worker) content() []byte {
	switch w.rand.IntN(10) {
	case 0:
		return nil
	case 1:
		return fmt.Appendf(nil, "the same bytes, number %d", w.rand.IntN(20))
	}
	content := make([]byte, 1+w.rand.IntN(64<<10)+w.rand.IntN(2)*(256<<10))
	for i := 0; i+8 <= len(content); i += 8 {
		binary.LittleEndian.PutUint64(content[i:], w.rand.Uint64())
	}
	return content
}
