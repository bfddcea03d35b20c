package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// cost is what one hash takes.
type cost struct {
	memory     uint32 // KiB
	iterations uint32
	parallel   uint8
}

// Bounds of a cost, so that a stored string can't ask for all memory.
const (
	maxMemoryKiB  = 1 << 20
	maxIterations = 64
	maxParallel   = 16
)

func (c cost) check() error {
	if c.iterations < 1 || c.iterations > maxIterations || c.parallel < 1 || c.parallel > maxParallel ||
		c.memory < 8*uint32(c.parallel) || c.memory > maxMemoryKiB {
		return errors.New("the cost of hashing is out of bounds")
	}
	return nil
}

// phc is a hash with all that is needed to verify it.
type phc struct {
	cost cost
	salt []byte
	hash []byte
}

// String encodes p as in $argon2id$v=19$m=19456,t=2,p=1$salt$hash, base64
// without padding (the PHC string format).
func (p phc) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		p.cost.memory, p.cost.iterations, p.cost.parallel, b64.EncodeToString(p.salt), b64.EncodeToString(p.hash))
}

// errPHC never repeats what it complains about.
var errPHC = errors.New("not an argon2id hash in PHC form")

func parsePHC(s string) (phc, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return phc{}, errPHC
	}
	var p phc
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.cost.memory, &p.cost.iterations, &p.cost.parallel); err != nil {
		return phc{}, errPHC
	}
	b64 := base64.RawStdEncoding.Strict()
	var err1, err2 error
	p.salt, err1 = b64.DecodeString(parts[4])
	p.hash, err2 = b64.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(p.salt) < 8 || len(p.salt) > 64 || len(p.hash) < 16 || len(p.hash) > 64 {
		return phc{}, errPHC
	}
	if err := p.cost.check(); err != nil {
		return phc{}, err
	}
	if p.String() != s {
		return phc{}, errPHC
	}
	return p, nil
}
