package httpapi

import (
	"crypto/md5" //nolint:gosec // what Content-MD5 is made of
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"io"
	"strings"

	"github.com/cartulary/cartulary/command"
)

const (
	headerDigest = "Content-Digest"
	headerMD5    = "Content-Md5"
)

// digestWanted is what a client says that its bytes hash to, in hexadecimal; ""
// where it does not say.
type digestWanted struct{ md5, sha256 string }

// expectedDigest reads Content-Digest (RFC 9530), of which it knows sha-256, and
// Content-MD5 (RFC 1864).
func expectedDigest(header func(string) string) (digestWanted, error) {
	var want digestWanted
	for member := range strings.SplitSeq(header(headerDigest), ",") {
		algorithm, value, _ := strings.Cut(strings.TrimSpace(member), "=")
		if algorithm != "sha-256" {
			continue
		}
		encoded, opened := strings.CutPrefix(strings.TrimSpace(value), ":")
		encoded, closed := strings.CutSuffix(encoded, ":")
		b, err := base64.StdEncoding.DecodeString(encoded)
		if !opened || !closed || err != nil || len(b) != sha256.Size {
			return want, invalidField("Content-Digest", "must be sha-256=:…: with 32 bytes in base64 between the colons (RFC 9530)")
		}
		want.sha256 = hex.EncodeToString(b)
	}
	if text := strings.TrimSpace(header(headerMD5)); text != "" {
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(b) != md5.Size {
			return want, invalidField("Content-MD5", "must be 16 bytes in base64 (RFC 1864)")
		}
		want.md5 = hex.EncodeToString(b)
	}
	return want, nil
}

// check fails if the bytes are not what was wanted.
func (w digestWanted) check(got command.Digest) error {
	switch {
	case w.sha256 != "" && w.sha256 != got.SHA256:
		return errDigest("Content-Digest")
	case w.md5 != "" && w.md5 != got.MD5:
		return errDigest("Content-MD5")
	default:
		return nil
	}
}

// hashedBody is a whole body on its way in, hashed if anything is wanted of it.
type hashedBody struct {
	io.Reader

	want        digestWanted
	md5, sha256 hash.Hash
}

// hashing returns body, to be verified when it was read.
func (w digestWanted) hashing(body io.Reader) *hashedBody {
	if w == (digestWanted{}) {
		return &hashedBody{Reader: body}
	}
	h := &hashedBody{want: w, md5: md5.New(), sha256: sha256.New()} //nolint:gosec // as above
	h.Reader = io.TeeReader(body, io.MultiWriter(h.md5, h.sha256))
	return h
}

// verify reads what is left of the body, and fails if it was not what was wanted.
func (h *hashedBody) verify() error {
	if h.md5 == nil {
		return nil
	}
	if _, err := io.Copy(io.Discard, h); err != nil {
		return readProblem(err, maxUpload)
	}
	return h.want.check(command.Digest{
		MD5: hex.EncodeToString(h.md5.Sum(nil)), SHA256: hex.EncodeToString(h.sha256.Sum(nil)),
	})
}
