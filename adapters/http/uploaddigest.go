package httpapi

import (
	"crypto/md5" //nolint:gosec // what Content-MD5 is made of
	"crypto/sha256"
	"crypto/sha512"
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
type digestWanted struct{ md5, sha256, sha512 string }

// expectedDigest reads Content-Digest (RFC 9530), of which it knows the algorithms that
// its registry calls active, sha-256 and sha-512, and Content-MD5 (RFC 1864).
func expectedDigest(header func(string) []string) (digestWanted, error) {
	var want digestWanted
	for member := range strings.SplitSeq(strings.Join(header(headerDigest), ","), ",") {
		algorithm, value, _ := strings.Cut(strings.TrimSpace(member), "=")
		var err error
		switch algorithm {
		case "sha-256":
			want.sha256, err = digestMember(algorithm, value, sha256.Size)
		case "sha-512":
			want.sha512, err = digestMember(algorithm, value, sha512.Size)
		}
		if err != nil {
			return want, err
		}
	}
	if text := strings.TrimSpace(strings.Join(header(headerMD5), ",")); text != "" {
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(b) != md5.Size {
			return want, invalidField("Content-MD5", "must be 16 bytes in base64 (RFC 1864)")
		}
		want.md5 = hex.EncodeToString(b)
	}
	return want, nil
}

// digestMember reads the value of a member of Content-Digest, of so many bytes.
func digestMember(algorithm, value string, size int) (string, error) {
	encoded, opened := strings.CutPrefix(strings.TrimSpace(value), ":")
	encoded, closed := strings.CutSuffix(encoded, ":")
	b, err := base64.StdEncoding.DecodeString(encoded)
	if !opened || !closed || err != nil || len(b) != size {
		return "", invalidField("Content-Digest", "must be %s=:…: with %d bytes in base64 between the colons (RFC 9530)", algorithm, size)
	}
	return hex.EncodeToString(b), nil
}

// check fails if the bytes are not what was wanted, but for sha-512.
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

// wantedFile is a file on its way in. Whoever stores it makes its other digests; sha-512
// is made here, and only if it is wanted.
type wantedFile struct {
	io.Reader

	want   digestWanted
	sha512 hash.Hash // nil if it is not wanted
}

// of returns file, to be checked when it was read.
func (w digestWanted) of(file io.Reader) *wantedFile {
	if w.sha512 == "" {
		return &wantedFile{Reader: file, want: w}
	}
	sum := sha512.New()
	return &wantedFile{Reader: io.TeeReader(file, sum), want: w, sha512: sum}
}

// check fails if the file is not what was wanted. got is what else it hashes to.
func (f *wantedFile) check(got command.Digest) error {
	if f.sha512 != nil && f.want.sha512 != hex.EncodeToString(f.sha512.Sum(nil)) {
		return errDigest("Content-Digest")
	}
	return f.want.check(got)
}

// hashedBody is a whole body on its way in, hashed if anything is wanted of it.
type hashedBody struct {
	*wantedFile

	md5, sha256 hash.Hash
}

// hashing returns body, to be verified when it was read.
func (w digestWanted) hashing(body io.Reader) *hashedBody {
	if w == (digestWanted{}) {
		return &hashedBody{wantedFile: w.of(body)}
	}
	h := &hashedBody{wantedFile: w.of(body), md5: md5.New(), sha256: sha256.New()} //nolint:gosec // as above
	h.Reader = io.TeeReader(h.Reader, io.MultiWriter(h.md5, h.sha256))
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
	return h.check(command.Digest{
		MD5: hex.EncodeToString(h.md5.Sum(nil)), SHA256: hex.EncodeToString(h.sha256.Sum(nil)),
	})
}
