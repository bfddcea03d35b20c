package s3

import (
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
)

const (
	smallSize = 256 << 10 // bytes; what is no longer never takes up a part
	partSize  = 8 << 20   // bytes of every part but the last
)

func (s *Store) getSmall() *[]byte { return s.small.Get().(*[]byte) } //nolint:errcheck // New makes no other
func (s *Store) getLarge() *[]byte { return s.large.Get().(*[]byte) } //nolint:errcheck // as above

// fill reads until b is full. It returns io.EOF, itself, only if r ended in good
// order: unlike io.ReadFull's, its io.ErrUnexpectedEOF is always r's own, and
// means that a request's body was cut off.
func fill(r io.Reader, b []byte) (int, error) {
	const patience = 100 // empty reads in a row
	n, empty := 0, 0
	for n < len(b) {
		m, err := r.Read(b[n:])
		n += m
		switch {
		case err != nil:
			return n, err
		case m > 0:
			empty = 0
		default:
			if empty++; empty == patience {
				return n, io.ErrNoProgress
			}
		}
	}
	return n, nil
}

// capped fails with ErrTooLarge when its reader holds more than left bytes.
type capped struct {
	r    io.Reader
	left int64
}

func (c *capped) Read(b []byte) (int, error) {
	if int64(len(b)) > c.left+1 {
		b = b[:c.left+1]
	}
	n, err := c.r.Read(b)
	c.left -= int64(n)
	if c.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}

// partNumber is the number of a part, as the client wants it.
func partNumber(n int) *int32 { return aws.Int32(int32(n)) } //nolint:gosec // at most 10,000
