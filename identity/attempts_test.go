package identity

import (
	"testing"
	"time"
)

var (
	noon    = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	attempt = Attempt{Account: AttemptKey{1}, Client: AttemptKey{2}, Pair: AttemptKey{3}}
)

// failures returns n failures, one a second, the last of them so long before noon.
func failures(n int, ago time.Duration) []time.Time {
	list := make([]time.Time, n)
	for i := range list {
		list[i] = noon.Add(-ago - time.Duration(n-1-i)*time.Second)
	}
	return list
}

func TestAdmit(t *testing.T) {
	t.Parallel()
	known := Tally{KnownUntil: noon.Add(time.Hour)}
	for name, test := range map[string]struct {
		account, client, pair Tally
		want                  Admission
	}{
		"nothing was tried before": {want: Admission{Admitted: true, At: noon}},
		"nine failures": {
			account: Tally{Failed: failures(9, time.Second)}, client: Tally{Failed: failures(9, time.Second)},
			want: Admission{Admitted: true, At: noon},
		},
		"ten of the account": {
			account: Tally{Failed: failures(10, time.Minute)},
			want:    Admission{Full: attempt.Account, RetryAfter: 14*time.Minute - 9*time.Second},
		},
		"ten of the client": {
			client: Tally{Failed: failures(10, time.Minute)},
			want:   Admission{Full: attempt.Client, RetryAfter: 14*time.Minute - 9*time.Second},
		},
		"ten of both, the client's later": {
			account: Tally{Failed: failures(10, 2*time.Minute)}, client: Tally{Failed: failures(10, time.Minute)},
			want: Admission{Full: attempt.Client, RetryAfter: 14*time.Minute - 9*time.Second},
		},
		"ten, the first of them just old enough": {
			account: Tally{Failed: failures(10, 15*time.Minute-9*time.Second)},
			want:    Admission{Admitted: true, At: noon},
		},
		"ten of the account, the client is the owner's": {
			account: Tally{Failed: failures(10, time.Minute)}, pair: known,
			want: Admission{Admitted: true, At: noon},
		},
		"ten of the owner's client": {
			client: Tally{Failed: failures(10, time.Minute)}, pair: known,
			want: Admission{Full: attempt.Client, RetryAfter: 14*time.Minute - 9*time.Second},
		},
		"ten of the account, the client was the owner's long ago": {
			account: Tally{Failed: failures(10, time.Minute)}, pair: Tally{KnownUntil: noon},
			want: Admission{Full: attempt.Account, RetryAfter: 14*time.Minute - 9*time.Second},
		},
		"eight failures and two under way": {
			account: Tally{Failed: failures(8, time.Minute), Pending: failures(2, time.Second)},
			want:    Admission{Busy: true},
		},
		"eight failures, and two whose process died": {
			client: Tally{Failed: failures(8, 2*time.Minute), Pending: failures(2, time.Minute)},
			want:   Admission{Full: attempt.Client, RetryAfter: 13*time.Minute - 7*time.Second},
		},
		"one at the same instant": {
			client: Tally{Pending: []time.Time{noon}},
			want:   Admission{Admitted: true, At: noon.Add(time.Microsecond)},
		},
	} {
		if got := Admit(noon, attempt, test.account, test.client, test.pair); got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
}

func TestHowAttemptsEnd(t *testing.T) {
	t.Parallel()
	at := noon.Add(-time.Second)
	mine, theirs := failures(3, time.Minute), failures(2, 5*time.Minute)
	account := Tally{Failed: append(append([]time.Time{}, theirs...), mine...)}.Begun(at)
	pair := Tally{Failed: mine}.Begun(at)
	for outcome, want := range map[Outcome]int{Failed: 6, Proven: 2, Abandoned: 5} {
		got := account.Ended(noon, at, outcome, pair)
		if len(got.Failed) != want || len(got.Pending) != 0 {
			t.Errorf("outcome %d: %d failures, %d under way; want %d, 0", outcome, len(got.Failed), len(got.Pending), want)
		}
		if again := got.Ended(noon, at, outcome, pair); len(again.Failed) != want {
			t.Errorf("outcome %d, told twice: %d failures, want %d", outcome, len(again.Failed), want)
		}
	}
	if len(account.Pending) != 1 {
		t.Error("the tally that was asked has changed")
	}
}

func TestClientOf(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2:3::4": "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "": "", "unix": "unix",
	} {
		if got := clientOf(address); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}
