// Package config reads the platform's settings from environment variables
// (requirements §12.1). What is missing or wrong is reported all at once, each
// with its variable and its remedy.
package config

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Environments.
const (
	Development = "development"
	Production  = "production"
)

// Config is every setting of every role.
type Config struct {
	Environment string // APP_ENV: Development or Production
	LogLevel    slog.Level

	// AllowPlaintext names the links to other machines that production lets go
	// unencrypted: postgres, kafka, s3, redis (ALLOW_PLAINTEXT).
	AllowPlaintext []string

	HTTP     HTTP
	Database Database
	JWT      JWT
	Kafka    Kafka
	S3       S3
	Audit    Audit
	Grace    Grace
	Demo     bool   // DEMO_ENABLED: whether /api/demo is there; by default in development only
	RedisURL string // REDIS_URL; empty for a single process, which needs no hints from others
}

// HTTP says where the API listens.
type HTTP struct {
	Host           string         // HOST
	Port           int            // PORT
	RatePerHour    int            // RATE_LIMIT_PER_HOUR: requests of one user, or of one address that is not signed in; 0 for no limit
	TrustedProxies []netip.Prefix // TRUSTED_PROXIES: whose X-Forwarded-For is believed
	AllowedOrigins []string       // CORS_ALLOWED_ORIGINS: of pages that may use the API from browsers
	Docs           bool           // DOCS_ENABLED: whether /docs shows the contract; by default in development only
}

// Database is the PostgreSQL server.
type Database struct {
	URL        string // DATABASE_URL: the main database, saas_platform
	MigrateURL string // MIGRATE_DATABASE_URL: the same database, as its owner; URL if empty
	PoolSize   int    // DATABASE_POOL_SIZE: connections of one process to the main database; as many again to tenants' databases
}

// JWT says how tokens are signed and how long they live.
type JWT struct {
	Secret         string        // JWT_SECRET_KEY
	Previous       []string      // JWT_PREVIOUS_SECRET_KEYS: whose tokens are still good
	AccessExpires  time.Duration // JWT_ACCESS_TOKEN_EXPIRES, in seconds
	RefreshExpires time.Duration // JWT_REFRESH_TOKEN_EXPIRES, in seconds
}

// Kafka is the message broker.
type Kafka struct {
	Brokers   []string // KAFKA_BOOTSTRAP_SERVERS
	TLS       bool     // KAFKA_TLS
	Mechanism string   // KAFKA_SASL_MECHANISM: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; no authentication if empty
	Username  string   // KAFKA_SASL_USERNAME
	Password  string   // KAFKA_SASL_PASSWORD
}

// Audit says how checkpoints of the trail are signed.
type Audit struct {
	SigningKey string        // AUDIT_SIGNING_KEY: a note signer key; drawn once and kept in the database if empty
	Every      time.Duration // AUDIT_CHECKPOINT_INTERVAL, in seconds
	KeepFor    time.Duration // AUDIT_RETENTION_DAYS: how long nobody can remove a published checkpoint; 0: not locked
}

// S3 is the object store.
type S3 struct {
	Endpoint       string // S3_ENDPOINT
	PublicEndpoint string // S3_PUBLIC_ENDPOINT: as clients reach it; Endpoint if empty
	AccessKey      string // S3_ACCESS_KEY
	SecretKey      string // S3_SECRET_KEY
	Bucket         string // S3_BUCKET
	Region         string // S3_REGION
	PathStyle      bool   // S3_PATH_STYLE: the bucket stands in the path, not in the host name
	CreateBucket   bool   // S3_CREATE_BUCKET: make the bucket if there is none
	SSE            string // S3_SSE: how the store encrypts, AES256 or aws:kms; empty for none
	KMSKey         string // S3_SSE_KMS_KEY_ID: for aws:kms; the bucket's if empty
}

// Grace says how long the worker leaves alone what nobody needs any more.
type Grace struct {
	Tenant time.Duration // TENANT_GRACE_PERIOD, in seconds: what a closed tenant leaves
	File   time.Duration // FILE_GRACE_PERIOD, in seconds: files on which no document stands
}

// DefaultTenantGrace is how long the data of a closed tenant is kept: 30 days.
const DefaultTenantGrace = 30 * 24 * time.Hour

// DefaultFileGrace is how long a file without documents is kept: a day.
const DefaultFileGrace = 24 * time.Hour

// Needs says which settings a role can't do without.
type Needs struct {
	Database, JWT, Kafka, S3 bool

	SigningKey bool // in production; in development one is drawn
}

// Error lists everything that is wrong with the settings.
type Error struct {
	Problems []string // each begins with the variable's name
}

func (e *Error) Error() string {
	return "configuration:\n  " + strings.Join(e.Problems, "\n  ")
}

// Load reads the settings through getenv; what needs does not name may be
// missing. It fails with an [*Error].
func Load(getenv func(string) string, needs Needs) (Config, error) {
	r := reader{getenv: getenv}
	c := Config{
		Environment: r.oneOf("APP_ENV", Development, Development, Production),
		LogLevel:    r.level("LOG_LEVEL"),

		AllowPlaintext: r.anyOf("ALLOW_PLAINTEXT", links()...),

		HTTP: HTTP{
			Host:           r.text("HOST", "127.0.0.1"),
			Port:           r.number("PORT", 4999, 1, 65535),
			RatePerHour:    r.number("RATE_LIMIT_PER_HOUR", 1000, 0, 1_000_000_000),
			TrustedProxies: r.prefixes("TRUSTED_PROXIES"),
		},
		Database: Database{
			URL:        r.url("DATABASE_URL", needs.Database, "postgres", "postgresql"),
			MigrateURL: r.url("MIGRATE_DATABASE_URL", false, "postgres", "postgresql"),
			PoolSize:   r.number("DATABASE_POOL_SIZE", 10, 2, 1000),
		},
		JWT: JWT{
			Secret:         r.secret("JWT_SECRET_KEY", needs.JWT),
			Previous:       r.secrets("JWT_PREVIOUS_SECRET_KEYS"),
			AccessExpires:  r.seconds("JWT_ACCESS_TOKEN_EXPIRES", 900, 60, 3600),
			RefreshExpires: r.seconds("JWT_REFRESH_TOKEN_EXPIRES", 604800, 3600, 90*86400),
		},
		Kafka: Kafka{
			Brokers:   r.addresses("KAFKA_BOOTSTRAP_SERVERS", needs.Kafka),
			TLS:       r.oneOf("KAFKA_TLS", "false", "true", "false") == "true",
			Mechanism: r.oneOf("KAFKA_SASL_MECHANISM", "", "", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"),
			Username:  r.required("KAFKA_SASL_USERNAME", r.getenv("KAFKA_SASL_MECHANISM") != ""),
			Password:  r.required("KAFKA_SASL_PASSWORD", r.getenv("KAFKA_SASL_MECHANISM") != ""),
		},
		S3: S3{
			Endpoint:       r.url("S3_ENDPOINT", needs.S3, "http", "https"),
			PublicEndpoint: r.url("S3_PUBLIC_ENDPOINT", false, "http", "https"),
			AccessKey:      r.required("S3_ACCESS_KEY", needs.S3),
			SecretKey:      r.required("S3_SECRET_KEY", needs.S3),
			Bucket:         r.required("S3_BUCKET", needs.S3),
			Region:         r.text("S3_REGION", "eu-west-1"),
			PathStyle:      r.oneOf("S3_PATH_STYLE", "true", "true", "false") == "true",
			CreateBucket:   r.oneOf("S3_CREATE_BUCKET", "true", "true", "false") == "true",
			SSE:            strings.TrimPrefix(r.oneOf("S3_SSE", "none", "none", "AES256", "aws:kms"), "none"),
			KMSKey:         r.text("S3_SSE_KMS_KEY_ID", ""),
		},
		Audit: Audit{
			SigningKey: r.required("AUDIT_SIGNING_KEY", needs.SigningKey && r.getenv("APP_ENV") == Production),
			Every:      r.seconds("AUDIT_CHECKPOINT_INTERVAL", 5, 1, 3600),
			KeepFor:    time.Duration(r.number("AUDIT_RETENTION_DAYS", 0, 0, 36500)) * 24 * time.Hour,
		},
		Grace: Grace{
			Tenant: r.seconds("TENANT_GRACE_PERIOD", int(DefaultTenantGrace/time.Second), 0, 10*365*86400),
			File:   r.seconds("FILE_GRACE_PERIOD", int(DefaultFileGrace/time.Second), 0, 10*365*86400),
		},
		RedisURL: r.url("REDIS_URL", false, "redis", "rediss"),
	}
	c.HTTP.AllowedOrigins = r.origins("CORS_ALLOWED_ORIGINS", c.Environment == Development)
	c.HTTP.Docs = r.oneOf("DOCS_ENABLED", strconv.FormatBool(c.Environment == Development), "true", "false") == "true"
	c.Demo = r.oneOf("DEMO_ENABLED", strconv.FormatBool(c.Environment == Development), "true", "false") == "true"
	if c.S3.KMSKey != "" && c.S3.SSE != "aws:kms" {
		r.fail("S3_SSE_KMS_KEY_ID", "is for S3_SSE=aws:kms only")
	}
	if c.Environment == Production {
		r.production(c)
	}
	if len(r.problems) > 0 {
		return Config{}, &Error{Problems: r.problems}
	}
	return c, nil
}

// Address returns what the API listens on.
func (h HTTP) Address() string { return fmt.Sprintf("%s:%d", h.Host, h.Port) }
