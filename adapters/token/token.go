package token

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/identity"
)

// MaxLength is the longest token, in bytes, that is looked at.
const MaxLength = 2048

// leeway is how far the clocks of two servers may be apart.
const leeway = 5 * time.Second

const (
	typeAccess  = "access"
	typeRefresh = "refresh"
)

// Config says how tokens are made.
type Config struct {
	Secret         []byte        // at least 32 bytes
	Previous       [][]byte      // secrets that were used before, whose tokens are still good
	AccessExpires  time.Duration // 15 minutes if zero
	RefreshExpires time.Duration // 7 days if zero
	Issuer         string        // "cartulary" if empty; also the audience

	Now func() time.Time // time.Now if nil
}

// Signer makes and verifies tokens. It implements [identity.Signer].
type Signer struct {
	cfg    Config
	keys   jwt.VerificationKeySet
	parser *jwt.Parser
}

// claims are a token's. Their JSON names are those of RFC 7519 and of OpenID's
// session management (sid).
type claims struct {
	jwt.RegisteredClaims

	SessionID string `json:"sid"`
	Type      string `json:"typ"`
}

// New returns a signer.
func New(cfg Config) (*Signer, error) {
	keys := jwt.VerificationKeySet{}
	for _, secret := range append([][]byte{cfg.Secret}, cfg.Previous...) {
		if len(secret) < 32 {
			return nil, errors.New("token: a secret must have at least 32 bytes")
		}
		keys.Keys = append(keys.Keys, secret)
	}
	if cfg.AccessExpires == 0 {
		cfg.AccessExpires = 15 * time.Minute
	}
	if cfg.RefreshExpires == 0 {
		cfg.RefreshExpires = 7 * 24 * time.Hour
	}
	if cfg.Issuer == "" {
		cfg.Issuer = "cartulary"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Signer{cfg: cfg, keys: keys, parser: jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithStrictDecoding(),
		jwt.WithIssuer(cfg.Issuer),
		jwt.WithAudience(cfg.Issuer),
		jwt.WithExpirationRequired(),
		jwt.WithNotBeforeRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(leeway),
		jwt.WithTimeFunc(cfg.Now),
	)}, nil
}

// Issue implements [identity.Signer].
func (s *Signer) Issue(user, session uuid.UUID) (identity.Tokens, error) {
	now := s.cfg.Now()
	access, _, err := s.sign(typeAccess, user, session, now, s.cfg.AccessExpires)
	if err != nil {
		return identity.Tokens{}, err
	}
	refresh, id, err := s.sign(typeRefresh, user, session, now, s.cfg.RefreshExpires)
	if err != nil {
		return identity.Tokens{}, err
	}
	return identity.Tokens{
		Access: access, AccessExpiresIn: s.cfg.AccessExpires,
		Refresh: refresh, RefreshExpiresIn: s.cfg.RefreshExpires,
		RefreshID: id, RefreshExpiresAt: now.Add(s.cfg.RefreshExpires),
	}, nil
}

func (s *Signer) sign(
	typ string, user, session uuid.UUID, now time.Time, lifetime time.Duration,
) (signed string, id uuid.UUID, err error) {
	if id, err = uuid.NewRandom(); err != nil {
		return "", uuid.Nil, fmt.Errorf("token: draw an id: %w", err)
	}
	signed, err = jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			ID: id.String(), Subject: user.String(), Issuer: s.cfg.Issuer, Audience: jwt.ClaimStrings{s.cfg.Issuer},
			IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(lifetime)),
		},
		SessionID: session.String(), Type: typ,
	}).SignedString(s.cfg.Secret)
	if err != nil {
		return "", uuid.Nil, fmt.Errorf("token: sign: %w", err)
	}
	return signed, id, nil
}

// ParseAccess implements [identity.Signer].
func (s *Signer) ParseAccess(token string) (identity.Claims, error) {
	return s.parse(token, typeAccess)
}

// ParseRefresh implements [identity.Signer].
func (s *Signer) ParseRefresh(token string) (identity.Claims, error) {
	return s.parse(token, typeRefresh)
}
