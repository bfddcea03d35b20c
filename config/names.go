package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// CheckEnviron refuses, in production, what the variables of a process (as
// [os.Environ] has them) say wrong, whichever role they are for: values that can't
// be, and names that look like settings and are none. It fails with an [*Error].
func CheckEnviron(environ []string) error {
	values := make(map[string]string, len(environ))
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = value
	}
	known := map[string]bool{ // read by docker compose, which shares the file
		"POSTGRES_PASSWORD": true, "DATABASE_PASSWORD": true, "DATABASE_OWNER_PASSWORD": true,
	}
	_, err := Load(func(name string) string {
		known[name] = true
		return values[name]
	}, Needs{})
	if values["APP_ENV"] != Production {
		return nil
	}
	wrong := &Error{}
	if found, ok := errors.AsType[*Error](err); ok {
		wrong.Problems = append(wrong.Problems, found.Problems...)
	}
	for name := range values {
		if known[name] || injected(name) {
			continue
		}
		meant, distance := nearest(name, known)
		if ours(name) || distance <= typo && len(name) > 2*typo {
			wrong.Problems = append(wrong.Problems, name+" is not a setting"+remedy(name, meant))
		}
	}
	if len(wrong.Problems) == 0 {
		return nil
	}
	slices.Sort(wrong.Problems)
	return wrong
}

// typo is how many letters may be wrong in what was meant to be a setting.
const typo = 2

// ours reports whether a name begins as settings do.
func ours(name string) bool {
	prefix, _, found := strings.Cut(name, "_")
	return found && slices.Contains([]string{
		"ALLOW", "APP", "AUDIT", "CARTULARY", "CORS", "DATABASE", "DOCS", "FLASK", "JWT", "KAFKA", "LOG", "MIGRATE", "RATE", "REDIS", "S3", "TENANT", "TRUSTED",
	}, prefix)
}

// injected reports whether a name is one of those under which Kubernetes and Docker
// hand out the addresses of services, whatever these are called.
func injected(name string) bool {
	return name != "FLASK_PORT" && regexp.MustCompile(`_SERVICE_(HOST|PORT(_.*)?)$|_PORT(_[0-9]+_(TCP|UDP)(_.*)?)?$`).MatchString(name)
}

// nearest returns the setting that is most like a name, and how many letters
// differ. One that the name is the beginning of, or the other way round, is near.
func nearest(name string, known map[string]bool) (best string, distance int) {
	distance = len(name)
	for other := range known {
		d := edits(name, other)
		if ours(name) && (strings.HasPrefix(name, other) || strings.HasPrefix(other, name)) {
			d = min(d, typo)
		}
		if d < distance || d == distance && other < best {
			best, distance = other, d
		}
	}
	if distance > 2*typo {
		return "", distance
	}
	return best, distance
}

// remedy says what to do about a name that is no setting.
func remedy(name, meant string) string {
	switch {
	case name == "FLASK_ENV":
		return "; set APP_ENV"
	case name == "FLASK_PORT":
		return "; set PORT"
	case meant == "":
		return "; remove it (.env.example lists all settings)"
	default:
		return fmt.Sprintf("; did you mean %s?", meant)
	}
}

// edits counts the letters to insert, remove or replace to make b of a.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := corner
			if a[i] != b[j] {
				cost++
			}
			corner = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
