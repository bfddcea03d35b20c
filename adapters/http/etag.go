package httpapi

import (
	"hash/crc32"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/query"
)

// versionTag returns the entity tag of a thing at a version.
func versionTag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// documentTag returns the entity tag of a document that is shown with its file's
// status. The file goes on by itself: until it is ready, the status is told apart, and
// the failure if there is one, so that two answers that differ never have one tag.
func documentTag(version int64, status string, failure *string) string {
	if status == query.StatusReady {
		return versionTag(version)
	}
	tag := strconv.FormatInt(version, 10) + "-" + status
	if failure != nil {
		tag += "-" + strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(*failure))), 16)
	}
	return `"` + tag + `"`
}

// versionOf returns the version that an entity tag names; false if the tag is not
// one of this platform's.
func versionOf(tag string) (int64, bool) {
	text := strings.Trim(tag, `"`)
	text, _, _ = strings.Cut(text, "-")
	version, err := strconv.ParseInt(text, 10, 64)
	return version, err == nil && version > 0
}

// entityTag is an element of If-Match or If-None-Match.
type entityTag struct {
	weak bool
	tag  string // with its quotes
}

// entityTags reads such a header, whose form the contract has checked. It reports
// whether the header was *.
func entityTags(header string) (tags []entityTag, anything bool) {
	rest := strings.Trim(header, " \t")
	if rest == "*" {
		return nil, true
	}
	for {
		rest = strings.TrimLeft(rest, ", \t")
		text, weak := strings.CutPrefix(rest, "W/")
		if !strings.HasPrefix(text, `"`) {
			return tags, false
		}
		end := strings.IndexByte(text[1:], '"') + 2
		if end < 2 {
			return tags, false
		}
		tags = append(tags, entityTag{weak, text[:end]})
		rest = text[end:]
	}
}

// ifMatch returns the versions that a command's If-Match names; nil without one. A
// weak tag names none: the comparison is strong (RFC 9110 §13.1.1).
func ifMatch(c *gin.Context) *command.Match {
	header := c.GetHeader("If-Match")
	if header == "" || !callOf(c).route.takes("If-Match") {
		return nil
	}
	tags, anything := entityTags(header)
	match := &command.Match{Any: anything}
	for _, t := range tags {
		if version, ok := versionOf(t.tag); ok && !t.weak {
			match.Versions = append(match.Versions, version)
		}
	}
	return match
}

// has reports whether an If-None-Match names a tag: the comparison is weak (RFC
// 9110 §13.1.2).
func has(header, tag string) bool {
	if header == "" {
		return false
	}
	tags, anything := entityTags(header)
	return anything || slices.ContainsFunc(tags, func(t entityTag) bool { return t.tag == tag })
}

// answerTagged answers one thing, with its entity tag; without its body if the
// client has it already.
func answerTagged[T any](a *API, c *gin.Context, status int, tag string, data T, message string) {
	c.Writer.Header().Set("Etag", tag)
	if c.Request.Method == http.MethodGet && has(c.GetHeader("If-None-Match"), tag) {
		c.Writer.WriteHeader(http.StatusNotModified)
		return
	}
	answer(a, c, status, data, message)
}
