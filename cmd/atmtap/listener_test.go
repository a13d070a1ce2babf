package main

import (
	"strings"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// TestListener tells a silent peer and a dead one from a tunnel that nobody uses.
func TestListener(t *testing.T) {
	type step struct {
		after   time.Duration
		n       traffic
		tells   string
		silent  bool
		cableOn bool
	}
	const patience = 3 * time.Second
	for _, test := range []struct {
		name     string
		patience time.Duration
		steps    []step
	}{
		{"unused", 0, []step{{0, traffic{}, "", false, true}, {time.Hour, traffic{}, "", false, true}}},
		{"answered", 0, []step{{0, traffic{1, 1, 0, 0}, "", false, true}, {silentAfter, traffic{2, 100, 0, 0}, "", false, true}}},
		{"silent and heard again", 0, []step{
			{0, traffic{1, 1, 0, 0}, "", false, true},
			{silentAfter - 1, traffic{1, 100, 0, 0}, "", false, true},
			{1, traffic{1, 100, 0, 0}, "nothing has come from the peer for 10s, though 99 frames", true, true},
			{time.Second, traffic{1, 101, 0, 0}, "", true, true},
			{time.Second, traffic{2, 101, 0, 0}, "heard again", false, true},
		}},
		{"too little to call it silent", 0, []step{{0, traffic{}, "", false, true}, {silentAfter, traffic{0, silentSent - 1, 0, 0}, "", false, true}}},
		{"dead, tried again, still dead, and alive", 0, []step{
			{0, traffic{1, 1, 0, 0}, "", false, true},
			{time.Second, traffic{1, 9, deadReports - 1, 0}, "", false, true},
			{time.Second, traffic{1, 9, deadReports, 0}, "nobody listens", false, false},
			{deadFor - time.Second, traffic{1, 9, deadReports, 0}, "nothing has come", true, false},
			{time.Second, traffic{1, 9, deadReports, 0}, "", true, true},
			{time.Second, traffic{1, 20, 2 * deadReports, 0}, "", true, false},
			{time.Second, traffic{2, 20, 2 * deadReports, 0}, "heard again", false, true},
		}},
		{"not to be reached", 0, []step{
			{0, traffic{1, 1, 0, 0}, "", false, true},
			{time.Second, traffic{1, 9, 0, deadReports - 1}, "", false, true},
			{time.Second, traffic{1, 9, 0, deadReports}, "cannot be reached", false, false},
			{deadFor, traffic{1, 9, 0, deadReports}, "nothing has come", true, true},
			{time.Second, traffic{2, 10, 0, deadReports}, "heard again", false, true},
		}},
		{"dead by silence, tried again, left in peace, and alive", patience, []step{
			{0, traffic{1, 1, 0, 0}, "", false, true},
			{patience - 1, traffic{1, 1 + silentSent, 0, 0}, "", false, true},
			{1, traffic{1, 1 + silentSent, 0, 0}, "counts as dead", false, false},
			{deadFor - time.Second, traffic{1, 1 + silentSent, 0, 0}, "though 3 frames", true, false},
			{time.Second, traffic{1, 1 + silentSent, 0, 0}, "", true, true},
			{time.Hour, traffic{1, 2 * silentSent, 0, 0}, "", true, true}, // two more: too few
			{time.Second, traffic{1, 1 + 2*silentSent, 0, 0}, "", true, false},
			{time.Second, traffic{2, 1 + 2*silentSent, 0, 0}, "heard again", false, true},
			{patience, traffic{3, 99, 0, 0}, "", false, true},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := listener{patience: test.patience}
			now := start
			for i, s := range test.steps {
				now = now.Add(s.after)
				events := l.look(now, s.n, "atm0")
				if s.tells == "" && len(events) > 0 || s.tells != "" && (len(events) != 1 || !strings.Contains(events[0].Text, s.tells)) {
					t.Errorf("step %d tells %q, want %q", i, events, s.tells)
				}
				if (l.silence > 0) != s.silent || l.dead(now) == s.cableOn {
					t.Errorf("step %d: silence %v, dead %v", i, l.silence, l.dead(now))
				}
			}
		})
	}
}
