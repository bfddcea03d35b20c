package s3

import (
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const (
	maxIdleConns   = 128
	headersTimeout = 30 * time.Second // from the last byte of a request to the first of its answer
)

// Config says where the store is and who asks.
type Config struct {
	Endpoint       string // URL; "": AWS itself
	PublicEndpoint string // URL of the store as browsers reach it; "": Endpoint
	AccessKey      string
	SecretKey      string
	Bucket         string
	Region         string
	PathStyle      bool // the bucket stands in the path, not in the host name
}

func (c Config) validate() error {
	switch {
	case c.Bucket == "":
		return errors.New("no bucket given")
	case c.Region == "":
		return errors.New("no region given")
	case c.AccessKey == "" || c.SecretKey == "":
		return errors.New("no credentials given")
	}
	return nil
}

// client returns a client of the store as reached under endpoint.
func (c Config) client(endpoint string) *s3.Client {
	options := s3.Options{
		Region:       c.Region,
		Credentials:  credentials.NewStaticCredentialsProvider(c.AccessKey, c.SecretKey, ""),
		UsePathStyle: c.PathStyle,
		HTTPClient: awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns, t.MaxIdleConnsPerHost = maxIdleConns, maxIdleConns
			t.ResponseHeaderTimeout = headersTimeout
			t.DisableCompression = true
		}),
		// Every object is hashed on its way in and verified before it counts, so
		// a checksum per request would only be a third one; not every store knows
		// them either.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	}
	if endpoint != "" {
		options.BaseEndpoint = aws.String(endpoint)
	}
	return s3.New(options)
}
