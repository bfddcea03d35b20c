package httpapi

import (
	"bytes"
	"crypto/md5"  //nolint:gosec // one of those that tus knows
	"crypto/sha1" //nolint:gosec // the one that tus asks for
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"net/http"
	"strings"
)

const (
	tusChecksums = "md5,sha1,sha256"

	// maxChecked is the longest body, in bytes, that a checksum or digest can be given
	// for. It has to be in memory until it is verified.
	maxChecked = 8 << 20
)

// statusChecksum is the status of a body that differs (tus 1.0.0, checksum).
const statusChecksum = 460

const headerChecksum = "Upload-Checksum"

// checkOf returns what verifies a body of that length, which has to be handed over in
// one piece, against what its headers say; nil if they say nothing.
func checkOf(header http.Header, checksum *string, length int64) (func(body []byte) error, error) {
	want, err := expectedDigest(header.Values)
	if err != nil {
		return nil, err
	}
	sum, err := readChecksum(checksum)
	if err != nil {
		return nil, err
	}
	var name string
	switch {
	case sum != nil:
		name = headerChecksum
	case want.sha256 != "" || want.sha512 != "":
		name = "Content-Digest"
	case want.md5 != "":
		name = "Content-MD5"
	default:
		return nil, nil //nolint:nilnil // nothing to verify
	}
	switch {
	case length < 0:
		return nil, invalidField(name, "needs a Content-Length")
	case length > maxChecked:
		limit := int64(maxChecked)
		return nil, &problem{
			status: http.StatusRequestEntityTooLarge, code: CodePayloadTooLarge, details: ErrorDetails{Limit: &limit},
			message: "A body with " + name + " has at most 8388608 bytes. Send the file in smaller chunks, or without it.",
		}
	}
	return func(body []byte) error {
		switch {
		case sum != nil && (int64(len(body)) != length || !sum.fits(body)):
			return &problem{
				status: statusChecksum, code: CodeDigestMismatch,
				message: "What arrived is not what Upload-Checksum says. Send it again.",
			}
		case int64(len(body)) != length:
			return errDigest(name)
		default:
			return want.hashing(bytes.NewReader(body)).verify()
		}
	}, nil
}

// checksum is what a client of tus says that a body hashes to.
type checksum struct {
	hash hash.Hash
	want []byte
}

// readChecksum reads an Upload-Checksum header; nil if there is none.
func readChecksum(header *string) (*checksum, error) {
	if header == nil {
		return nil, nil //nolint:nilnil // nothing to verify
	}
	algorithm, encoded, _ := strings.Cut(*header, " ")
	var c checksum
	switch algorithm {
	case "md5":
		c.hash = md5.New() //nolint:gosec // as above
	case "sha1":
		c.hash = sha1.New() //nolint:gosec // as above
	case "sha256":
		c.hash = sha256.New()
	default:
		return nil, invalidField(headerChecksum, "must be made with one of "+tusChecksums)
	}
	var err error
	if c.want, err = base64.StdEncoding.DecodeString(encoded); err != nil || len(c.want) != c.hash.Size() {
		return nil, invalidField(headerChecksum, "must be an algorithm, a space, and %d bytes in base64", c.hash.Size())
	}
	return &c, nil
}

// fits reports whether body is what the checksum was made of. It can be asked once.
func (c *checksum) fits(body []byte) bool {
	c.hash.Write(body)
	return bytes.Equal(c.hash.Sum(nil), c.want)
}
