package s3

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const (
	maxIdleConns    = 128
	defaultPatience = 30 * time.Second
)

// The ways in which a store may encrypt.
const (
	SSENone = ""        // as the bucket has it
	SSES3   = "AES256"  // with keys of the store's own
	SSEKMS  = "aws:kms" // with a key of a key management service
)

// Tries of a request whose body can be sent again, and the longest pause between two.
const (
	maxAttempts = 4
	maxBackoff  = 3 * time.Second
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
	CreateBucket   bool // make the bucket if there is none

	// SSE is how the store encrypts new objects: [SSENone], [SSES3] or [SSEKMS], the
	// latter with KMSKey unless that is "".
	SSE    string
	KMSKey string

	// KeepFor is how long nobody can remove what [Store.Keep] stores; not at all if 0.
	// It needs a bucket with object lock.
	KeepFor time.Duration

	// Patience is how long the store may stand still within a request, neither taking
	// nor giving a byte, until the request fails; 30 s if 0. It must be longer than the
	// store takes to copy an object, or to make one of its parts.
	Patience time.Duration
}

func (c Config) validate() error {
	switch {
	case c.Bucket == "":
		return errors.New("no bucket given")
	case c.Region == "":
		return errors.New("no region given")
	case c.AccessKey == "" || c.SecretKey == "":
		return errors.New("no credentials given")
	case c.SSE != SSENone && c.SSE != SSES3 && c.SSE != SSEKMS:
		return fmt.Errorf("no such encryption: %q", c.SSE)
	case c.KMSKey != "" && c.SSE != SSEKMS:
		return errors.New("a KMS key is for the encryption aws:kms only")
	}
	return nil
}

// client returns a client of the store as reached under endpoint.
func (c Config) client(endpoint string) *s3.Client {
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConns, t.MaxIdleConnsPerHost = maxIdleConns, maxIdleConns
		t.DisableCompression = true
	})
	options := s3.Options{
		Region:       c.Region,
		Credentials:  credentials.NewStaticCredentialsProvider(c.AccessKey, c.SecretKey, ""),
		UsePathStyle: c.PathStyle,
		HTTPClient:   impatient{client, cmp.Or(c.Patience, defaultPatience)},
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.MaxBackoff = maxAttempts, maxBackoff
			o.Retryables = slices.Concat([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(notHopeless)}, o.Retryables)
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
