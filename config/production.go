package config

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Links that [Config.AllowPlaintext] may name.
const (
	linkPostgres = "postgres"
	linkKafka    = "kafka"
	linkS3       = "s3"
	linkRedis    = "redis"
)

func links() []string { return []string{linkPostgres, linkKafka, linkS3, linkRedis} }

// Bits that a secret must have, as [strength] estimates them.
const (
	keyBits      = 96 // signs tokens, and can be guessed at offline
	passwordBits = 48 // to servers that stand on a network of ours
)

// production refuses what only development may do.
func (r *reader) production(c Config) {
	if c.HTTP.RatePerHour == 0 {
		r.fail("RATE_LIMIT_PER_HOUR", "must not be 0 in production; 1000 is the default")
	}
	r.strong("JWT_SECRET_KEY", c.JWT.Secret, keyBits)
	for _, previous := range c.JWT.Previous {
		r.strong("JWT_PREVIOUS_SECRET_KEYS", previous, keyBits)
	}
	r.strong("S3_SECRET_KEY", c.S3.SecretKey, passwordBits)
	r.strong("DATABASE_URL", passwordIn(c.Database.URL), passwordBits)
	r.strong("MIGRATE_DATABASE_URL", passwordIn(c.Database.MigrateURL), passwordBits)
	r.strong("KAFKA_SASL_PASSWORD", c.Kafka.Password, passwordBits)
	r.strong("REDIS_URL", passwordIn(c.RedisURL), passwordBits)
	if c.JWT.Secret != "" && (c.JWT.Secret == c.S3.SecretKey || c.JWT.Secret == passwordIn(c.Database.URL)) {
		r.fail("JWT_SECRET_KEY", "must not be the same as another secret")
	}
	r.plaintext(c)
}

// strong refuses a secret that can be guessed. None is no secret.
func (r *reader) strong(name, secret string, bits float64) {
	if secret == "" {
		return
	}
	const remedy = "; make one with: openssl rand -base64 48"
	if word, found := placeholder(secret); found {
		r.fail(name, "holds a secret with %q in it, which can be guessed%s", word, remedy)
		return
	}
	if strength(secret) < bits {
		r.fail(name, "holds a secret that can be guessed: it is too short, or repeats itself%s", remedy)
	}
}

// passwordIn returns the password of a URL.
func passwordIn(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.User == nil {
		return ""
	}
	password, _ := u.User.Password()
	return password
}

// plaintext refuses links to other machines that are not encrypted, unless they
// are allowed by name.
func (r *reader) plaintext(c Config) {
	check := func(link, name, remedy string, plain bool) {
		if plain && !slices.Contains(c.AllowPlaintext, link) {
			r.fail(name, "is a link to another machine that is not encrypted; %s, or allow it on a network of yours with ALLOW_PLAINTEXT=%s", remedy, link)
		}
	}
	check(linkPostgres, "DATABASE_URL", "add sslmode=verify-full", plainPostgres(c.Database.URL))
	check(linkPostgres, "MIGRATE_DATABASE_URL", "add sslmode=verify-full", plainPostgres(c.Database.MigrateURL))
	check(linkKafka, "KAFKA_BOOTSTRAP_SERVERS", "set KAFKA_TLS=true", !c.Kafka.TLS && slices.ContainsFunc(c.Kafka.Brokers, remote))
	check(linkS3, "S3_ENDPOINT", "use https://", plainURL(c.S3.Endpoint, "http"))
	check(linkS3, "S3_PUBLIC_ENDPOINT", "use https://", plainURL(c.S3.PublicEndpoint, "http"))
	check(linkRedis, "REDIS_URL", "use rediss://", plainURL(c.RedisURL, "redis"))
}

// plainPostgres reports whether a connection may go to another machine without TLS.
// Without sslmode libpq's clients fall back to that.
func plainPostgres(text string) bool {
	u, err := url.Parse(text)
	if err != nil || text == "" {
		return false
	}
	host := u.Hostname()
	if named := u.Query().Get("host"); named != "" {
		host = named
	}
	if host == "" || strings.HasPrefix(host, "/") || local(host) {
		return false
	}
	return !slices.Contains([]string{"require", "verify-ca", "verify-full"}, u.Query().Get("sslmode"))
}

func plainURL(text, scheme string) bool {
	u, err := url.Parse(text)
	return err == nil && text != "" && u.Scheme == scheme && !local(u.Hostname())
}

// remote reports whether a host with a port is another machine.
func remote(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && !local(host)
}

// local reports whether a host is this machine.
func local(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}
