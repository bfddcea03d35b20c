package config_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/cartulary/cartulary/config"
)

// Secrets as the recommended commands draw them.
const (
	base64Secret = "3Qb0vY0mPq7cV6kqkq3mXhJ1sT8eYw2uRr9oLz5nFdGxAaBvHcKjNiMtOuPyQwEr"
	hexSecret    = "9f86d081884c7d659a2feaa0c55ad015"
	shortSecret  = "kT9w-Vx2q.LmZ4"
)

// hardened is a production that has nothing to hide.
func hardened() map[string]string {
	return map[string]string{
		"APP_ENV":                 "production",
		"DATABASE_URL":            "postgresql://user:" + shortSecret + "@db.example.org/saas_platform?sslmode=verify-full",
		"JWT_SECRET_KEY":          base64Secret,
		"KAFKA_BOOTSTRAP_SERVERS": "one.example.org:9093",
		"KAFKA_TLS":               "true",
		"KAFKA_SASL_MECHANISM":    "SCRAM-SHA-512",
		"KAFKA_SASL_USERNAME":     "cartulary",
		"KAFKA_SASL_PASSWORD":     shortSecret,
		"S3_ENDPOINT":             "https://s3.example.org",
		"S3_ACCESS_KEY":           "access",
		"S3_SECRET_KEY":           hexSecret,
		"S3_BUCKET":               "documents",
		"REDIS_URL":               "rediss://:" + shortSecret + "@redis.example.org:6379/0",
	}
}

func TestProductionThatIsWellSetUp(t *testing.T) {
	t.Parallel()
	if _, err := config.Load(env(hardened()), all); err != nil {
		t.Error(err)
	}
	local := hardened()
	local["DATABASE_URL"] = "postgresql://user@localhost/saas_platform"
	local["KAFKA_BOOTSTRAP_SERVERS"], local["KAFKA_TLS"] = "127.0.0.1:9092,[::1]:9092", "false"
	local["S3_ENDPOINT"], local["REDIS_URL"] = "http://localhost:7070", "redis://127.0.0.1:6379/0"
	if _, err := config.Load(env(local), all); err != nil {
		t.Errorf("links within the machine: %v", err)
	}
}

func TestProductionRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ variable, value, says string }{
		"no limit":                  {"RATE_LIMIT_PER_HOUR", "0", "production"},
		"repeated characters":       {"JWT_SECRET_KEY", strings.Repeat("k", 64), "guessed"},
		"a repeated word":           {"JWT_SECRET_KEY", strings.Repeat("xyzzy-plugh ", 6), "guessed"},
		"counting":                  {"JWT_SECRET_KEY", "fghijklmnopqrstuvwxyz6789fghijklmnopqrstuvwxyz", "guessed"},
		"two characters":            {"JWT_SECRET_KEY", "ABBABAABBAABABBABAABABBAABBABAAB", "guessed"},
		"the contract's example":    {"JWT_SECRET_KEY", "your-secret-key-your-secret-key-your", "guessed"},
		"short":                     {"JWT_SECRET_KEY", hexSecret[:31], "at least 32 bytes"},
		"a previous key":            {"JWT_PREVIOUS_SECRET_KEYS", strings.Repeat("k", 64), "guessed"},
		"change-me":                 {"S3_SECRET_KEY", "change-me-s3", "change-me"},
		"one's own name":            {"DATABASE_URL", "postgresql://u:Cartulary-9f86d08188@localhost/x", "cartulary"},
		"a short password":          {"DATABASE_URL", "postgresql://u:x9f2@localhost/x", "guessed"},
		"a word":                    {"KAFKA_SASL_PASSWORD", "hunter2", "guessed"},
		"an open Redis":             {"REDIS_URL", "rediss://:redis@localhost/0", "guessed"},
		"one secret for two":        {"S3_SECRET_KEY", base64Secret, "same as another"},
		"PostgreSQL in the clear":   {"DATABASE_URL", "postgresql://u:" + shortSecret + "@db.example.org/x", "ALLOW_PLAINTEXT=postgres"},
		"PostgreSQL's owner":        {"MIGRATE_DATABASE_URL", "postgresql://o:change-me-owner@localhost/x", "change-me"},
		"the owner in the clear":    {"MIGRATE_DATABASE_URL", "postgresql://o:" + shortSecret + "@db.example.org/x", "ALLOW_PLAINTEXT=postgres"},
		"PostgreSQL, if it must":    {"DATABASE_URL", "postgresql://u:" + shortSecret + "@db.example.org/x?sslmode=prefer", "ALLOW_PLAINTEXT=postgres"},
		"PostgreSQL, another host":  {"DATABASE_URL", "postgresql://u:" + shortSecret + "@localhost/x?host=db.example.org", "ALLOW_PLAINTEXT=postgres"},
		"Kafka in the clear":        {"KAFKA_TLS", "false", "ALLOW_PLAINTEXT=kafka"},
		"S3 in the clear":           {"S3_ENDPOINT", "http://s3.example.org", "ALLOW_PLAINTEXT=s3"},
		"links in the clear":        {"S3_PUBLIC_ENDPOINT", "http://s3.example.org", "ALLOW_PLAINTEXT=s3"},
		"Redis in the clear":        {"REDIS_URL", "redis://10.0.0.1:6379/0", "ALLOW_PLAINTEXT=redis"},
		"a link that nobody has":    {"ALLOW_PLAINTEXT", "postgres,mysql", "must be a list of"},
		"authentication, nameless":  {"KAFKA_SASL_USERNAME", "", "is missing"},
		"an unknown authentication": {"KAFKA_SASL_MECHANISM", "GSSAPI", "must be one of"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := hardened()
			settings[test.variable] = test.value
			_, err := config.Load(env(settings), all)
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("got %v, want %q", err, test.says)
			}
			if test.variable != "S3_SECRET_KEY" && test.variable != "KAFKA_TLS" && !strings.Contains(err.Error(), "\n  "+test.variable+" ") {
				t.Errorf("%s is not named in %v", test.variable, err)
			}
			for _, secret := range []string{base64Secret, hexSecret, shortSecret, "hunter2"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("a secret is repeated in %v", err)
				}
			}
			settings["APP_ENV"] = "development"
			_, err = config.Load(env(settings), all)
			if strings.Contains(test.says, "guessed") || strings.Contains(test.says, "ALLOW_") {
				if err != nil {
					t.Errorf("development: %v", err)
				}
			}
		})
	}
}

func TestPlaintextThatIsAllowed(t *testing.T) {
	t.Parallel()
	open := hardened()
	maps.Copy(open, map[string]string{
		"DATABASE_URL":    "postgresql://u:" + shortSecret + "@postgresql:5432/saas_platform",
		"KAFKA_TLS":       "false",
		"S3_ENDPOINT":     "http://s3:7070",
		"REDIS_URL":       "redis://redis:6379/0",
		"ALLOW_PLAINTEXT": "postgres, kafka,s3",
	})
	_, err := config.Load(env(open), all)
	if err == nil || strings.Count(err.Error(), "ALLOW_PLAINTEXT=") != 1 || !strings.Contains(err.Error(), "ALLOW_PLAINTEXT=redis") {
		t.Errorf("all but Redis are allowed: %v", err)
	}
	open["ALLOW_PLAINTEXT"] += ",redis"
	if _, err := config.Load(env(open), all); err != nil {
		t.Error(err)
	}
}

func TestNamesThatAreNoSettings(t *testing.T) {
	t.Parallel()
	environ := []string{
		"APP_ENV=production", "PATH=/bin", "HTTP_PROXY=http://proxy", "HOME=/", "DATABASE_PASSWORD=x", "POSTGRES_PASSWORD=y",
		"KAFKA_SERVICE_HOST=10.0.0.1", "KAFKA_SERVICE_PORT_CLIENT=9092", "REDIS_PORT=tcp://10.0.0.2:6379", "S3_PORT_7070_TCP_ADDR=10.0.0.3",
		"JWT_SECRET_KEY=" + base64Secret,
	}
	if err := config.CheckEnviron(environ); err != nil {
		t.Errorf("what others set: %v", err)
	}
	environ = append(environ, "FLASK_ENV=production", "FLASK_PORT=4999", "DATABSE_URL=1", "DATABASE_POOLSIZE=20", "S3_SECRET=x", "KAFKA_LINGER_FOREVER=1",
		"JWT_SECRET_KEYS=hunter2", "LOG_LEVEL=loud")
	err := config.CheckEnviron(environ)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, line := range []string{
		"FLASK_ENV is not a setting; set APP_ENV", "FLASK_PORT is not a setting; set PORT",
		"DATABASE_POOLSIZE is not a setting; did you mean DATABASE_POOL_SIZE?", "S3_SECRET is not a setting; did you mean S3_SECRET_KEY?", "DATABSE_URL is not a setting; did you mean DATABASE_URL?",
		"JWT_SECRET_KEYS is not a setting; did you mean JWT_SECRET_KEY?", "KAFKA_LINGER_FOREVER is not a setting; remove it", "LOG_LEVEL must be",
	} {
		if !strings.Contains(err.Error(), "\n  "+line) {
			t.Errorf("%q is not in %v", line, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("a value is repeated")
	}
	environ[0] = "APP_ENV=development"
	if err := config.CheckEnviron(environ); err != nil {
		t.Errorf("development: %v", err)
	}
}
