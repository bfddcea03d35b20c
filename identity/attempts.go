package identity

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/cartulary/cartulary/command"
)

// How many failures are too many, and what is remembered for how long.
const (
	maxFailures   = 10
	failureWindow = 15 * time.Minute
	knownFor      = 30 * 24 * time.Hour

	// pendingFor is how long an attempt may take. One whose process died is a
	// failure from then on.
	pendingFor = time.Minute
)

// AttemptKey names, without giving it away, what attempts are counted for.
type AttemptKey [sha256.Size]byte

// Attempt is a try to prove to be the owner of an account.
type Attempt struct {
	Account AttemptKey
	Client  AttemptKey // the network address that it comes from
	Pair    AttemptKey // both
}

// Keys returns the attempt's keys.
func (a Attempt) Keys() [3]AttemptKey { return [3]AttemptKey{a.Account, a.Client, a.Pair} }

// Attempts counts attempts, durably and for all processes together.
type Attempts interface {
	// Begin takes note of an attempt, if [Admit] lets it through.
	Begin(ctx context.Context, a Attempt) (Admission, error)
	// End takes note of how an admitted attempt ended. It returns how many attempts
	// on the account were refused since that was last asked, when this one failed.
	End(ctx context.Context, a Attempt, at time.Time, o Outcome) (refused int64, err error)
	// Refuse counts a refused attempt, for the key that refused it. Once in 15
	// minutes it returns how many were counted since it last did; else 0.
	Refuse(ctx context.Context, key AttemptKey) (report int64, err error)
	// Know takes note that a client is the account's owner.
	Know(ctx context.Context, a Attempt) error
}

// Outcome is how an attempt ended.
type Outcome int

// The outcomes of attempts.
const (
	Proven    Outcome = iota // it was the owner
	Failed                   // it was not, as far as anybody knows
	Abandoned                // nobody knows: it counts for nothing
)

// Tally is what is remembered for one key.
type Tally struct {
	Failed     []time.Time // when failures began, in order
	Pending    []time.Time // when attempts began whose outcome is not known
	Refused    int64
	KnownUntil time.Time // of a pair; zero if it never proved anything
}

// Admission says whether an attempt may go on.
type Admission struct {
	Admitted bool
	At       time.Time // names the attempt, if it may

	Busy       bool          // too many are under way; it may once they have ended
	Full       AttemptKey    // what had too many failures, if it may not
	RetryAfter time.Duration // when it may again, if it may not
}

// Admit decides about an attempt:
//
//   - A client has 10 failures in any 15 minutes, whatever the accounts.
//   - An account has 10 failures in any 15 minutes, whatever the clients; except
//     that a client that proved to be its owner in the last 30 days is held to its
//     own 10 alone. So whoever uses up an account's failures from elsewhere does not
//     lock out its owner.
//   - Attempts under way count as failures until they have ended, so that many at
//     once are no more than many in a row.
//   - A refused attempt counts for nothing: no lock is ever prolonged.
func Admit(now time.Time, a Attempt, account, client, pair Tally) Admission {
	held := []struct {
		key AttemptKey
		Tally
	}{{a.Client, client}, {a.Account, account}}
	if pair.KnownUntil.After(now) {
		held = held[:1]
	}
	admission := Admission{Admitted: true, At: now}
	for _, h := range held {
		failed, pending := h.live(now)
		switch {
		case len(failed) >= maxFailures:
			retry := failed[len(failed)-maxFailures].Add(failureWindow).Sub(now)
			if retry > admission.RetryAfter {
				admission = Admission{Full: h.key, RetryAfter: retry}
			}
		case len(failed)+len(pending) >= maxFailures && admission.RetryAfter == 0:
			admission = Admission{Busy: true}
		}
	}
	if admission.Admitted {
		for _, t := range []Tally{account, client, pair} {
			for _, taken := range slices.Concat(t.Failed, t.Pending) {
				if !admission.At.After(taken) { // two attempts never have one name
					admission.At = taken.Add(time.Microsecond)
				}
			}
		}
	}
	return admission
}

// live returns the failures and the attempts under way that count, in order.
func (t Tally) live(now time.Time) (failed, pending []time.Time) {
	for _, at := range t.Pending {
		if now.Sub(at) < pendingFor {
			pending = append(pending, at)
		} else {
			failed = append(failed, at)
		}
	}
	failed = append(failed, t.Failed...)
	failed = slices.DeleteFunc(failed, func(at time.Time) bool { return now.Sub(at) >= failureWindow })
	slices.SortFunc(failed, time.Time.Compare)
	return failed, pending
}

// Begun returns the tally with an attempt under way.
func (t Tally) Begun(at time.Time) Tally {
	t.Failed, t.Pending = t.live(at)
	t.Pending = append(t.Pending, at)
	return t
}

// Ended returns the tally after an attempt. A proof forgives the failures of the
// client with the account, which pair lists, and no others.
func (t Tally) Ended(now, at time.Time, o Outcome, pair Tally) Tally {
	is := func(other time.Time) bool { return other.Equal(at) }
	if !slices.ContainsFunc(t.Pending, is) {
		return t
	}
	t.Pending = slices.DeleteFunc(slices.Clone(t.Pending), is)
	t.Failed, t.Pending = t.live(now)
	switch o {
	case Failed:
		t.Failed = append(t.Failed, at)
		slices.SortFunc(t.Failed, time.Time.Compare)
	case Proven:
		t.Failed = slices.DeleteFunc(t.Failed, func(failed time.Time) bool {
			return slices.ContainsFunc(pair.Failed, failed.Equal)
		})
	case Abandoned:
	}
	return t
}

// Known returns the tally of a client that has just proved to be an account's owner.
func (t Tally) Known(now time.Time) Tally {
	t.KnownUntil = now.Add(knownFor)
	return t
}

// Expires returns from when on nothing of the tally counts.
func (t Tally) Expires(now time.Time) time.Time {
	expires := now.Add(failureWindow)
	if t.KnownUntil.After(expires) {
		expires = t.KnownUntil
	}
	return expires
}

// ThrottledError says that there were too many failures, and when to try again.
type ThrottledError struct{ RetryAfter time.Duration }

func (e *ThrottledError) Error() string {
	return fmt.Sprintf("too many failed attempts; try again in %v", e.RetryAfter.Round(time.Second))
}

// login returns the attempt to sign in with an address from a network address.
func (s *Service) login(email, address string) Attempt {
	if normalized, ok := command.NormalizeEmail(email); ok {
		email = normalized
	}
	return s.attempt("account", email, "client", clientOf(address))
}

// confirmation returns the attempt to confirm a password in a session. It has
// tallies of its own, so that no stranger can use them up.
func (s *Service) confirmation(c Claims) Attempt {
	return s.attempt("password", c.UserID.String(), "session", c.SessionID.String())
}

func (s *Service) attempt(accountKind, account, clientKind, client string) Attempt {
	key := func(parts ...string) (k AttemptKey) {
		mac := hmac.New(sha256.New, s.cfg.AttemptKey)
		for _, p := range parts {
			_, _ = fmt.Fprintf(mac, "%d:%s", len(p), p) // a hash takes everything
		}
		mac.Sum(k[:0])
		return k
	}
	return Attempt{
		Account: key(accountKind, account),
		Client:  key(clientKind, client),
		Pair:    key(accountKind, account, clientKind, client),
	}
}

// clientOf returns what stands for a network address: of IPv6, the /64, all of
// which a single client has.
func clientOf(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return ip.String()
	}
	prefix, err := ip.Prefix(64)
	if err != nil {
		return address
	}
	return prefix.String()
}
