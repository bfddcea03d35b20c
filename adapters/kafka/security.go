package kafka

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"fmt"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
	xdgscram "github.com/xdg-go/scram"
)

// How a client proves who it is.
const (
	SASLPlain    = sarama.SASLTypePlaintext
	SASLScram256 = sarama.SASLTypeSCRAMSHA256
	SASLScram512 = sarama.SASLTypeSCRAMSHA512
)

// Security says how brokers are talked to. Its zero value is in the clear and
// without a name.
type Security struct {
	TLS       bool
	Mechanism string // [SASLPlain], [SASLScram256] or [SASLScram512]; no authentication if empty
	Username  string
	Password  string

	roots *tls.Config // for tests, whose brokers no authority knows
}

func (s Security) tls() *tls.Config {
	if s.roots != nil {
		return s.roots
	}
	return &tls.Config{MinVersion: tls.VersionTLS12}
}

// sarama makes a consumer's or administrator's client secure.
func (s Security) sarama(cfg *sarama.Config) {
	if s.TLS {
		cfg.Net.TLS.Enable, cfg.Net.TLS.Config = true, s.tls()
	}
	if s.Mechanism == "" {
		return
	}
	cfg.Net.SASL.Enable = true
	cfg.Net.SASL.Mechanism = sarama.SASLMechanism(s.Mechanism)
	cfg.Net.SASL.User, cfg.Net.SASL.Password = s.Username, s.Password
	hash := xdgscram.HashGeneratorFcn(sha256.New)
	if s.Mechanism == SASLScram512 {
		hash = sha512.New
	}
	cfg.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &conversation{hash: hash} }
}

// options makes a producer's client, or a replay's, secure.
func (s Security) options() ([]kgo.Opt, error) {
	var options []kgo.Opt
	if s.TLS {
		options = append(options, kgo.DialTLSConfig(s.tls()))
	}
	var mechanism sasl.Mechanism
	switch s.Mechanism {
	case "":
		return options, nil
	case SASLPlain:
		mechanism = plain.Auth{User: s.Username, Pass: s.Password}.AsMechanism()
	case SASLScram256:
		mechanism = scram.Auth{User: s.Username, Pass: s.Password}.AsSha256Mechanism()
	case SASLScram512:
		mechanism = scram.Auth{User: s.Username, Pass: s.Password}.AsSha512Mechanism()
	default:
		return nil, fmt.Errorf("there is no SASL mechanism %q", s.Mechanism)
	}
	return append(options, kgo.SASL(mechanism)), nil
}

// conversation is SCRAM (RFC 5802) as sarama wants it.
type conversation struct {
	hash xdgscram.HashGeneratorFcn
	*xdgscram.ClientConversation
}

// Begin implements [sarama.SCRAMClient].
func (c *conversation) Begin(username, password, authorization string) error {
	client, err := c.hash.NewClient(username, password, authorization)
	if err != nil {
		return err
	}
	c.ClientConversation = client.NewConversation()
	return nil
}
