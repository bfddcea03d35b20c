package kafka

import (
	"time"

	"github.com/IBM/sarama"
)

const (
	dialTimeout    = 3 * time.Second
	produceTimeout = 10 * time.Second // how long a broker waits for its replicas
	netTimeout     = 15 * time.Second // more than any answer takes: produceTimeout, long polls
)

// clientConfig is what all of the platform's connections to Kafka have in common.
// The protocol version is the oldest that the platform supports; brokers that
// speak less or more are met half-way.
func clientConfig(clientID string, security Security) *sarama.Config {
	cfg := sarama.NewConfig()
	cfg.ClientID = clientID
	cfg.Version = sarama.V3_0_0_0
	cfg.Net.DialTimeout = dialTimeout
	cfg.Net.ReadTimeout = netTimeout
	cfg.Net.WriteTimeout = netTimeout
	cfg.Metadata.Full = false
	cfg.Metadata.AllowAutoTopicCreation = false
	cfg.Metadata.Retry.Max = 0
	cfg.Metadata.RefreshFrequency = time.Minute
	security.sarama(cfg)
	return cfg
}
