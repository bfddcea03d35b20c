package postgres

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestLeadershipLapses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l Leadership
		if l.Valid() {
			t.Error("valid before it was proven")
		}
		l.prove(time.Now())
		<-time.After(trust - time.Millisecond)
		if !l.Valid() {
			t.Error("not valid within the time of trust")
		}
		<-time.After(time.Millisecond)
		if l.Valid() {
			t.Error("valid after the time of trust")
		}
		l.prove(time.Now())
		if !l.Valid() {
			t.Error("not valid after it was proven again")
		}
		l.end()
		if l.Valid() {
			t.Error("valid after its end")
		}
	})
}

// A machine that slept has a monotonic clock that stood still.
func TestLeadershipOfAMachineThatSlept(t *testing.T) {
	t.Parallel()
	var l Leadership
	l.prove(time.Now().Round(0).Add(-trust)) // the wall clock alone
	if l.Valid() {
		t.Error("valid though the wall clock went on")
	}
}

func TestTrustEndsBeforeTheSessionDoes(t *testing.T) {
	t.Parallel()
	if proveEvery+proveTimeout >= trust || 2*trust > sessionIdle {
		t.Error("another could lead while one still trusts itself")
	}
}
