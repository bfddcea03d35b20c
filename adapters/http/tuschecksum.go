package httpapi

import (
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

	// maxChecked is the longest body, in bytes, that a checksum can be given for. It has
	// to be in memory until it is verified.
	maxChecked = 8 << 20
)

// statusChecksum is the status of a body that differs (tus 1.0.0, checksum).
const statusChecksum = 460

// checksumOf reads an Upload-Checksum header and returns what verifies a body of that
// length, which has to be handed over in one piece; nil if there is no header.
func checksumOf(header *string, length int64) (func(body []byte) error, error) {
	if header == nil {
		return nil, nil //nolint:nilnil // nothing to verify
	}
	algorithm, encoded, _ := strings.Cut(*header, " ")
	var sum hash.Hash
	switch algorithm {
	case "md5":
		sum = md5.New() //nolint:gosec // as above
	case "sha1":
		sum = sha1.New() //nolint:gosec // as above
	case "sha256":
		sum = sha256.New()
	default:
		return nil, invalidField("Upload-Checksum", "must be made with one of "+tusChecksums)
	}
	want, err := base64.StdEncoding.DecodeString(encoded)
	switch {
	case err != nil || len(want) != sum.Size():
		return nil, invalidField("Upload-Checksum", "must be an algorithm, a space, and %d bytes in base64", sum.Size())
	case length < 0:
		return nil, invalidField("Upload-Checksum", "needs a Content-Length")
	case length > maxChecked:
		limit := int64(maxChecked)
		return nil, &problem{
			status: http.StatusRequestEntityTooLarge, code: CodePayloadTooLarge, details: ErrorDetails{Limit: &limit},
			message: "A body with Upload-Checksum has at most 8388608 bytes. Send the file in smaller chunks, or without it.",
		}
	}
	return func(body []byte) error {
		sum.Write(body)
		if int64(len(body)) != length || string(sum.Sum(nil)) != string(want) {
			return &problem{
				status: statusChecksum, code: CodeDigestMismatch,
				message: "What arrived is not what Upload-Checksum says. Send it again.",
			}
		}
		return nil
	}, nil
}
