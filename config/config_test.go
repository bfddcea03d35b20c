package config_test

import (
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cartulary/cartulary/config"
)

var all = config.Needs{Database: true, JWT: true, Kafka: true, S3: true}

func env(pairs map[string]string) func(string) string {
	return func(name string) string { return pairs[name] }
}

func complete() map[string]string {
	return map[string]string{
		"DATABASE_URL":            "postgresql://user:pass@localhost/saas_platform",
		"JWT_SECRET_KEY":          strings.Repeat("k", 32),
		"KAFKA_BOOTSTRAP_SERVERS": "one:9092, two:9092",
		"S3_ENDPOINT":             "https://s3.example.org",
		"S3_ACCESS_KEY":           "access",
		"S3_SECRET_KEY":           "secret",
		"S3_BUCKET":               "documents",
	}
}

func TestLoadFillsDefaults(t *testing.T) {
	t.Parallel()
	got, err := config.Load(env(complete()), all)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{
		Environment: config.Development,
		LogLevel:    slog.LevelInfo,
		HTTP:        config.HTTP{Host: "127.0.0.1", Port: 4999, RatePerHour: 1000, Docs: true},
		Database:    config.Database{URL: "postgresql://user:pass@localhost/saas_platform", PoolSize: 10},
		JWT: config.JWT{
			Secret: strings.Repeat("k", 32), AccessExpires: 15 * time.Minute, RefreshExpires: 7 * 24 * time.Hour,
		},
		Kafka: config.Kafka{Brokers: []string{"one:9092", "two:9092"}},
		S3: config.S3{
			Endpoint: "https://s3.example.org", AccessKey: "access", SecretKey: "secret",
			Bucket: "documents", Region: "eu-west-1", PathStyle: true, CreateBucket: true,
		},
		Audit: config.Audit{Every: 5 * time.Second},
		Demo:  true,
		Grace: config.Grace{Tenant: 30 * 24 * time.Hour, File: 24 * time.Hour},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestLoadNamesEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	_, err := config.Load(env(map[string]string{
		"APP_ENV":            "staging",
		"LOG_LEVEL":          "loud",
		"PORT":               "0",
		"DATABASE_URL":       "mysql://user:hunter2@localhost/x",
		"DATABASE_POOL_SIZE": "many",
		"JWT_SECRET_KEY":     "short",

		"JWT_PREVIOUS_SECRET_KEYS": strings.Repeat("k", 32) + ",hunter2",
		"TRUSTED_PROXIES":          "everyone",
		"REDIS_URL":                "localhost:6379",
		"S3_PATH_STYLE":            "maybe",
		"S3_CREATE_BUCKET":         "maybe",
		"S3_SSE":                   "rot13",
		"S3_SSE_KMS_KEY_ID":        "alias/documents",
		"DOCS_ENABLED":             "perhaps",
		"DEMO_ENABLED":             "perhaps",
	}), all)
	if _, ok := errors.AsType[*config.Error](err); !ok {
		t.Fatalf("got %v, want a *config.Error", err)
	}
	for _, name := range []string{
		"APP_ENV", "LOG_LEVEL", "PORT", "DATABASE_URL", "DATABASE_POOL_SIZE", "JWT_SECRET_KEY", "JWT_PREVIOUS_SECRET_KEYS", "TRUSTED_PROXIES",
		"KAFKA_BOOTSTRAP_SERVERS", "S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_BUCKET", "S3_PATH_STYLE", "S3_CREATE_BUCKET", "S3_SSE", "S3_SSE_KMS_KEY_ID", "REDIS_URL",
		"DOCS_ENABLED", "DEMO_ENABLED",
	} {
		if !strings.Contains(err.Error(), "\n  "+name+" ") {
			t.Errorf("%s is not named in:\n%s", name, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a password is repeated in:\n%s", err)
	}
}

func TestProductionNeedsASigningKey(t *testing.T) {
	t.Parallel()
	pairs := complete()
	pairs["APP_ENV"] = config.Production
	_, err := config.Load(env(pairs), config.Needs{Database: true, SigningKey: true})
	if err == nil || !strings.Contains(err.Error(), "\n  AUDIT_SIGNING_KEY ") {
		t.Errorf("got %v, want AUDIT_SIGNING_KEY named", err)
	}
}

func TestLoadAsksOnlyForWhatIsNeeded(t *testing.T) {
	t.Parallel()
	_, err := config.Load(env(map[string]string{"DATABASE_URL": "postgres://localhost/saas_platform"}), config.Needs{Database: true})
	if err != nil {
		t.Errorf("migrations need the database alone, got %v", err)
	}
}

func TestTheContractIsShownInDevelopmentOnlyUnlessSaidSo(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		environment, enabled string
		want                 bool
	}{
		{"development", "", true}, {"production", "", false}, {"production", "true", true}, {"development", "false", false},
	} {
		settings := hardened()
		settings["APP_ENV"], settings["DOCS_ENABLED"] = test.environment, test.enabled
		got, err := config.Load(env(settings), config.Needs{})
		if err != nil || got.HTTP.Docs != test.want {
			t.Errorf("APP_ENV=%s DOCS_ENABLED=%s: %v, %v", test.environment, test.enabled, got.HTTP.Docs, err)
		}
	}
}

func TestEarlierSecretsAreAList(t *testing.T) {
	t.Parallel()
	pairs := complete()
	pairs["JWT_PREVIOUS_SECRET_KEYS"] = strings.Repeat("a", 32) + ", " + strings.Repeat("b", 40)
	got, err := config.Load(env(pairs), all)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{strings.Repeat("a", 32), strings.Repeat("b", 40)}, got.JWT.Previous); diff != "" {
		t.Errorf("secrets (-want +got):\n%s", diff)
	}
}

func TestOriginsAreExact(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		environment, origins string
		ok                   bool
	}{
		{"production", "", true},
		{"production", "https://app.example.org, http://localhost:5173", true},
		{"production", "*", false},
		{"development", "*", true},
		{"development", "https://*.example.org", false},
		{"development", "https://app.example.org/", false},
		{"development", "https://App.example.org", false},
		{"development", "app.example.org", false},
		{"development", "https://u:p@app.example.org", false},
		{"development", "null", false},
		{"development", "https://a.example.org,", false},
	} {
		settings := map[string]string{"APP_ENV": test.environment, "CORS_ALLOWED_ORIGINS": test.origins}
		_, err := config.Load(env(settings), config.Needs{})
		if (err == nil) != test.ok || err != nil && !strings.Contains(err.Error(), "CORS_ALLOWED_ORIGINS ") {
			t.Errorf("%s %q: %v", test.environment, test.origins, err)
		}
	}
}

func TestTheDemoIsOnInDevelopmentOnlyUnlessSaidSo(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		environment, enabled string
		want                 bool
	}{
		{"development", "", true}, {"production", "", false}, {"production", "true", true}, {"development", "false", false},
	} {
		settings := hardened()
		settings["APP_ENV"], settings["DEMO_ENABLED"] = test.environment, test.enabled
		got, err := config.Load(env(settings), config.Needs{})
		if err != nil || got.Demo != test.want {
			t.Errorf("APP_ENV=%s DEMO_ENABLED=%s: %v, %v", test.environment, test.enabled, got.Demo, err)
		}
	}
}
