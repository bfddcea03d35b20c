package roles

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/cartulary/cartulary/adapters/kafka"
	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/config"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/identity"
	"github.com/cartulary/cartulary/notary"
	"github.com/cartulary/cartulary/proof"
)

const (
	// notaryLeadership names the lock of which one notary at a time is the holder.
	notaryLeadership = "notary"

	// signingKey names the secret that signs checkpoints where none was configured.
	signingKey = "audit_signing_key"

	// guardEvery is how often ledgers are compared with what was published.
	guardEvery = time.Minute
)

// openNotary returns what signs checkpoints, whenever it leads, until ctx ends.
func (p *Platform) openNotary(ctx context.Context, store *s3.Store) (func(context.Context) error, error) {
	key, err := p.openKey(ctx)
	if err != nil {
		return nil, err
	}
	own, err := proof.ParseKeys(key.Public())
	if err != nil {
		return nil, err
	}
	proofs := postgres.NewProofs(p.main)
	if err := proofs.AddKey(ctx, key.Public()); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		publisher := kafka.NewPublisher(kafka.PublisherConfig{Brokers: p.cfg.Kafka.Brokers, Security: p.kafkaSecurity()})
		defer closing(ctx, p.logger, "kafka publisher", publisher)
		n := notary.New(notary.Config{
			Ledgers: proofs, Objects: store, Signer: key, Keys: own, Every: p.cfg.Audit.Every, Logger: p.logger,
			Publish:   func(ctx context.Context, list []proof.Signed) error { return publishCheckpoints(ctx, publisher, list) },
			Rewritten: postgres.ErrRewritten, NotFound: s3.ErrNotFound, Differs: s3.ErrDiffers,
		})
		return postgres.Lead(ctx, p.main, notaryLeadership, p.logger, func(ctx context.Context, l *postgres.Leadership) error {
			n.Run(ctx, l.Valid)
			return nil
		})
	}, nil
}

// openKey returns the key that signs checkpoints: the configured one or, in
// development, one that is drawn once and kept.
func (p *Platform) openKey(ctx context.Context) (proof.Key, error) {
	return SigningKey(ctx, p.cfg, postgres.NewSecrets(p.main))
}

// SigningKey returns the key that signs checkpoints: the configured one or, outside
// production, the one that is kept in the database, which is drawn when it is first
// asked for.
func SigningKey(ctx context.Context, cfg config.Config, secrets *postgres.Secrets) (proof.Key, error) {
	text := cfg.Audit.SigningKey
	if text == "" && cfg.Environment == config.Production {
		return proof.Key{}, errors.New("AUDIT_SIGNING_KEY is missing; make one with: cartulary audit newkey")
	}
	if text == "" {
		kept, err := secrets.Secret(ctx, signingKey)
		if errors.Is(err, identity.ErrNotFound) {
			var drawn string
			if drawn, err = proof.DrawKey(); err != nil {
				return proof.Key{}, err
			}
			kept, err = secrets.Keep(ctx, signingKey, []byte(drawn))
		}
		if err != nil {
			return proof.Key{}, err
		}
		text = string(kept)
	}
	key, err := proof.ParseKey(text)
	if err != nil {
		return proof.Key{}, fmt.Errorf("AUDIT_SIGNING_KEY %w", err)
	}
	return key, nil
}

// publishCheckpoints puts checkpoints on Kafka, keyed by their ledgers.
func publishCheckpoints(ctx context.Context, publisher *kafka.Publisher, list []proof.Signed) error {
	messages := make([]*message.Message, len(list))
	for i, s := range list {
		id := s.Ledger.String()
		m := message.NewMessage(fmt.Sprintf("%s@%d", id, s.Size), s.Note)
		m.Metadata[kafka.MetadataKey] = id
		m.Metadata["content-type"] = "text/plain; charset=utf-8"
		m.Metadata["ce_type"] = events.TopicCheckpoint
		m.Metadata["ce_source"] = "/ledgers/" + id
		m.Metadata["ce_sequence"] = strconv.FormatInt(s.Size, 10)
		messages[i] = m
	}
	return publisher.PublishAll(ctx, kafka.Parcel{Topic: events.TopicCheckpoint, Messages: messages})
}

// openGuard returns what compares the ledgers with what was published of them.
func (p *Platform) openGuard(store *s3.Store) (*notary.Guard, error) {
	var keys proof.Keys
	if p.cfg.Audit.SigningKey != "" {
		key, err := proof.ParseKey(p.cfg.Audit.SigningKey)
		if err != nil {
			return nil, fmt.Errorf("AUDIT_SIGNING_KEY %w", err)
		}
		if keys, err = proof.ParseKeys(key.Public()); err != nil {
			return nil, err
		}
	}
	return notary.NewGuard(published{store}, postgres.NewProofs(p.main), keys, guardEvery, p.logger), nil
}

// published is the object store as the guard sees it.
type published struct{ *s3.Store }

func (s published) List(ctx context.Context, prefix string, found func(key, tag string) error) error {
	return s.Store.List(ctx, prefix, func(o s3.Object) error { return found(o.Key, o.MD5) })
}
