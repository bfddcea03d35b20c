package config

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// minSecretBytes is the shortest signing key: as long as HS256's hash (RFC 7518 §3.2).
const minSecretBytes = 32

// reader reads variables and collects what is wrong with them.
type reader struct {
	getenv   func(string) string
	problems []string
}

func (r *reader) fail(name, format string, args ...any) {
	r.problems = append(r.problems, name+" "+fmt.Sprintf(format, args...))
}

func (r *reader) text(name, fallback string) string {
	if v := r.getenv(name); v != "" {
		return v
	}
	return fallback
}

func (r *reader) required(name string, needed bool) string {
	v := r.getenv(name)
	if v == "" && needed {
		r.fail(name, "is missing")
	}
	return v
}

func (r *reader) oneOf(name, fallback string, allowed ...string) string {
	v := r.text(name, fallback)
	if !slices.Contains(allowed, v) {
		r.fail(name, "must be one of %s", strings.Join(allowed, ", "))
	}
	return v
}

// anyOf reads a list of words, separated by commas.
func (r *reader) anyOf(name string, allowed ...string) []string {
	v := r.getenv(name)
	if v == "" {
		return nil
	}
	words := strings.Split(v, ",")
	for i := range words {
		words[i] = strings.TrimSpace(words[i])
		if !slices.Contains(allowed, words[i]) {
			r.fail(name, "must be a list of %s, separated by commas", strings.Join(allowed, ", "))
			return nil
		}
	}
	return words
}

func (r *reader) number(name string, fallback, lowest, highest int) int {
	v := r.getenv(name)
	if v == "" {
		return fallback
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < lowest || n > highest {
		r.fail(name, "must be a whole number from %d to %d", lowest, highest)
	}
	return n
}

func (r *reader) seconds(name string, fallback, lowest, highest int) time.Duration {
	return time.Duration(r.number(name, fallback, lowest, highest)) * time.Second
}

func (r *reader) level(name string) slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(r.text(name, "INFO"))); err != nil {
		r.fail(name, "must be DEBUG, INFO, WARN or ERROR")
	}
	return level
}

// url never repeats a value it refuses, which may hold a password.
func (r *reader) url(name string, needed bool, schemes ...string) string {
	v := r.required(name, needed)
	if v == "" {
		return ""
	}
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme) {
		r.fail(name, "must be a URL that begins with %s://", strings.Join(schemes, ":// or "))
	}
	return v
}

func (r *reader) secret(name string, needed bool) string {
	v := r.required(name, needed)
	if v != "" && len(v) < minSecretBytes {
		r.fail(name, "must have at least %d bytes; make one with: openssl rand -base64 48", minSecretBytes)
	}
	return v
}

// secrets reads a list of secrets, which never need to be there.
func (r *reader) secrets(name string) []string {
	v := r.getenv(name)
	if v == "" {
		return nil
	}
	list := strings.Split(v, ",")
	for i := range list {
		if list[i] = strings.TrimSpace(list[i]); len(list[i]) < minSecretBytes {
			r.fail(name, "must be a list of secrets of at least %d bytes, separated by commas", minSecretBytes)
			return nil
		}
	}
	return list
}

func (r *reader) addresses(name string, needed bool) []string {
	v := r.required(name, needed)
	if v == "" {
		return nil
	}
	addresses := strings.Split(v, ",")
	for i, a := range addresses {
		addresses[i] = strings.TrimSpace(a)
		if _, _, err := net.SplitHostPort(addresses[i]); err != nil {
			r.fail(name, "must be a list of host:port, separated by commas")
			return nil
		}
	}
	return addresses
}

// origins reads a list of origins (RFC 6454 §6.2); * only if that is allowed.
func (r *reader) origins(name string, wildcard bool) []string {
	v := r.getenv(name)
	if v == "" {
		return nil
	}
	origins := strings.Split(v, ",")
	for i, origin := range origins {
		origins[i] = strings.TrimSpace(origin)
		u, err := url.Parse(origins[i])
		switch {
		case origins[i] == "*" && wildcard:
		case origins[i] == "*":
			r.fail(name, "must not be * in production; name each origin")
			return nil
		case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.Scheme+"://"+u.Host != origins[i],
			strings.Contains(u.Host, "*"), origins[i] != strings.ToLower(origins[i]):
			r.fail(name, "must be a list of origins such as https://app.example.org, in lower case and without path, separated by commas")
			return nil
		}
	}
	return origins
}

func (r *reader) prefixes(name string) []netip.Prefix {
	v := r.getenv(name)
	if v == "" {
		return nil
	}
	var prefixes []netip.Prefix
	for part := range strings.SplitSeq(v, ",") {
		prefix, err := netip.ParsePrefix(strings.TrimSpace(part))
		if err != nil {
			r.fail(name, "must be a list of networks such as 10.0.0.0/8, separated by commas")
			return nil
		}
		prefixes = append(prefixes, prefix)
	}
	return prefixes
}
