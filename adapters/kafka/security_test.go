package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/cartulary/cartulary/events"
)

// certified returns how a broker on this machine shows who it is, and who believes
// that.
func certified(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates, MinVersion: tls.VersionTLS12}, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// Both clients talk to brokers that want TLS and a password.
func TestBrokersThatWantToKnowWhoAsks(t *testing.T) {
	const user, password = "cartulary", "correct horse"
	for _, mechanism := range []string{SASLPlain, SASLScram256, SASLScram512} {
		t.Run(mechanism, func(t *testing.T) {
			t.Parallel()
			server, client := certified(t)
			broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.TLS(server), kfake.EnableSASL(), kfake.Superuser(mechanism, user, password))
			if err != nil {
				t.Fatal(err)
			}
			defer broker.Close()
			good := Security{TLS: true, Mechanism: mechanism, Username: user, Password: password, roots: client}
			if err := EnsureTopics(t.Context(), TopicsConfig{Brokers: broker.ListenAddrs(), Security: good, Partitions: 1}); err != nil {
				t.Fatalf("sarama: %v", err)
			}
			if err := publishOne(t, broker, good); err != nil {
				t.Errorf("franz-go: %v", err)
			}
			log, err := OpenLog(t.Context(), broker.ListenAddrs(), good, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Errorf("audit.log: %v", err)
			} else {
				log.Close()
			}
			wrong, stranger, plain := good, good, good
			wrong.Password, stranger.roots, plain.TLS = "wrong", nil, false
			for name, bad := range map[string]Security{"a wrong password": wrong, "nobody's certificate": stranger, "in the clear": plain} {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				if err := EnsureTopics(ctx, TopicsConfig{Brokers: broker.ListenAddrs(), Security: bad, Partitions: 1}); err == nil {
					t.Errorf("%s: sarama got in", name)
				}
				cancel()
				if err := publishOne(t, broker, bad); err == nil {
					t.Errorf("%s: franz-go got in", name)
				}
			}
		})
	}
}

func publishOne(t *testing.T, broker *kfake.Cluster, security Security) error {
	t.Helper()
	p := NewPublisher(PublisherConfig{Brokers: broker.ListenAddrs(), Security: security})
	defer func() { _ = p.Close() }()
	return p.Publish(events.TopicAudit, message.NewMessage(uuid.NewString(), []byte("{}")))
}
