package ratelimit

import "time"

// Rate is an allowance: so many requests in a window.
type Rate struct {
	Requests int
	Window   time.Duration
}

// cost is the time over which one request comes back.
func (r Rate) cost() time.Duration { return r.Window / time.Duration(r.Requests) }

// room returns how many requests are left of an allowance of which debt is spent.
func (r Rate) room(debt time.Duration) int {
	return min(r.Requests, max(0, int((r.Window-debt)/r.cost())))
}

// verdict tells a caller with this much debt where he stands.
func (r Rate) verdict(allowed bool, debt time.Duration) Verdict {
	v := Verdict{Allowed: allowed, Remaining: r.room(debt), Reset: max(0, debt)}
	if !allowed {
		v.RetryAfter = max(0, debt+r.cost()-r.Window)
	}
	return v
}

// Verdict says whether a request is within its caller's allowance.
type Verdict struct {
	Allowed    bool
	Remaining  int           // requests that would be allowed now
	Reset      time.Duration // until the whole allowance is back
	RetryAfter time.Duration // until a request would be allowed; 0 if this one is
}

// account is what a process knows of a caller.
type account struct {
	spent  time.Time // when nothing will be spent any more (GCRA's theoretical arrival time), or earlier
	held   int       // requests taken in advance
	asked  time.Time // when some were last taken
	atOnce int       // how many were taken then
}

// debt is how much of the window is spent, at least.
func (a *account) debt(now time.Time) time.Duration { return max(0, a.spent.Sub(now)) }

// take takes one request, if there is room.
func (a *account) take(now time.Time, r Rate) Verdict {
	debt := a.debt(now)
	if r.room(debt) == 0 {
		return r.verdict(false, debt)
	}
	debt += r.cost()
	a.spent = now.Add(debt)
	return r.verdict(true, debt)
}

// often is how soon after another a question is one too many.
const often = time.Second

// maxAtOnce bounds what is taken in advance.
const maxAtOnce = 1000

// want returns how many requests to take: more each time, for callers who come
// often, up to a hundredth of the allowance.
func (a *account) want(now time.Time, r Rate) int {
	if a.atOnce == 0 || now.Sub(a.asked) > often {
		return 1
	}
	return min(2*a.atOnce, max(1, r.Requests/100), maxAtOnce)
}
