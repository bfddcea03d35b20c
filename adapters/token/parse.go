package token

import (
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/identity"
)

// errHeader says that a token's header is not exactly {alg, typ}.
var errHeader = errors.New("the header has other members than alg and typ")

func (s *Signer) parse(token, typ string) (identity.Claims, error) {
	if len(token) > MaxLength {
		return identity.Claims{}, fmt.Errorf("%w: longer than %d bytes", identity.ErrTokenInvalid, MaxLength)
	}
	var c claims
	_, err := s.parser.ParseWithClaims(token, &c, s.key)
	switch {
	case err != nil && !onlyExpired(err):
		return identity.Claims{}, fmt.Errorf("%w: %w", identity.ErrTokenInvalid, err)
	case c.Type != typ:
		return identity.Claims{}, fmt.Errorf("%w: not of type %s", identity.ErrTokenInvalid, typ)
	case err != nil:
		return identity.Claims{}, identity.ErrTokenExpired
	case c.IssuedAt == nil:
		return identity.Claims{}, fmt.Errorf("%w: no iat", identity.ErrTokenInvalid)
	}
	return c.verified()
}

// key hands out the secrets for tokens whose header brings nothing of its own.
func (s *Signer) key(t *jwt.Token) (any, error) {
	if len(t.Header) != 2 || t.Header["typ"] != "JWT" {
		return nil, errHeader
	}
	return s.keys, nil
}

// onlyExpired reports whether a token's age is all that is wrong with it.
func onlyExpired(err error) bool {
	return errors.Is(err, jwt.ErrTokenExpired) &&
		!errors.Is(err, jwt.ErrTokenMalformed) && !errors.Is(err, jwt.ErrTokenUnverifiable) &&
		!errors.Is(err, jwt.ErrTokenSignatureInvalid) && !errors.Is(err, jwt.ErrTokenInvalidIssuer) &&
		!errors.Is(err, jwt.ErrTokenInvalidAudience) && !errors.Is(err, jwt.ErrTokenNotValidYet) &&
		!errors.Is(err, jwt.ErrTokenUsedBeforeIssued) && !errors.Is(err, jwt.ErrTokenRequiredClaimMissing)
}

// verified returns what c says; every id must be in its canonical form.
func (c claims) verified() (identity.Claims, error) {
	id, err1 := canonical(c.ID)
	user, err2 := canonical(c.Subject)
	session, err3 := canonical(c.SessionID)
	if err := errors.Join(err1, err2, err3); err != nil {
		return identity.Claims{}, fmt.Errorf("%w: %w", identity.ErrTokenInvalid, err)
	}
	return identity.Claims{ID: id, UserID: user, SessionID: session, ExpiresAt: c.ExpiresAt.Time}, nil
}

func canonical(s string) (uuid.UUID, error) {
	id, err := uuid.Parse(s)
	if err != nil || id == uuid.Nil || id.String() != s {
		return uuid.Nil, errors.New("an id is missing or malformed")
	}
	return id, nil
}
