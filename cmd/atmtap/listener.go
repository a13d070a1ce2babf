package main

import (
	"fmt"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/follow"
)

// When a peer counts as silent or dead.
const (
	// silentAfter: so long nothing has come, though silentSent frames went out meanwhile. A tunnel that nobody uses is
	// quiet at both ends.
	silentAfter = 10 * time.Second
	silentSent  = 3
	// deadReports: so many reports in a row said that nobody listens there, or that there is no way to it, which our own
	// host says too when no neighbour answers for the address.
	deadReports = 3
	// deadFor: so long a dead peer is not sent to; then it is tried again.
	deadFor = 10 * time.Second
	// leastSilence is the shortest silence that may count as death.
	leastSilence = time.Second
)

// traffic is what a port has counted.
type traffic struct{ received, sent, refused, unreachable uint64 }

// listener tells from the counters how the peer does. It is a machine without a clock.
type listener struct {
	patience time.Duration // after so much silence the peer is dead; 0: silence proves nothing

	last    traffic   // when something came last
	heard   time.Time // and when that was; zero: not looked yet
	silence time.Duration
	told    bool
	tried   time.Time // since when it counts as not dead, and what was counted by then
	then    traffic
	buried  time.Time // when the peer was found dead; zero: it is not
	toldEnd bool
}

// look is told what the port has counted by now.
func (l *listener) look(now time.Time, n traffic, dev string) []follow.Event {
	if l.heard.IsZero() {
		l.heard, l.last, l.tried, l.then = now, n, now, n
	}
	if n.received > l.last.received {
		told := l.told || l.toldEnd
		*l = listener{patience: l.patience, heard: now, last: n, tried: now, then: n}
		if told {
			return []follow.Event{{Kind: "peer", Dev: dev, Text: "the peer is heard again"}}
		}
		return nil
	}
	var events []follow.Event
	l.silence = 0
	if quiet := now.Sub(l.heard); quiet >= silentAfter && n.sent-l.last.sent >= silentSent {
		l.silence = quiet
		if !l.told {
			l.told = true
			events = append(events, follow.Event{Kind: "silent", Dev: dev, Text: fmt.Sprintf("nothing has come from the peer for %v, though %d frames went to it", silentAfter, n.sent-l.last.sent)})
		}
	}
	if !l.buried.IsZero() && now.Sub(l.buried) >= deadFor { // another chance
		l.buried, l.tried, l.then = time.Time{}, now, n
	}
	if kind, text := l.died(now, n); kind != "" && l.buried.IsZero() {
		l.buried = now
		if !l.toldEnd {
			l.toldEnd = true
			events = append(events, follow.Event{Kind: kind, Dev: dev, Text: text})
		}
	}
	return events
}

// died says what proves that the peer does not live, since it was last tried; empty: nothing.
func (l *listener) died(now time.Time, n traffic) (kind, text string) {
	switch {
	case n.refused-l.then.refused >= deadReports:
		return "refused", "nobody listens at the peer's address and port, its host says"
	case n.unreachable-l.then.unreachable >= deadReports:
		return "unreachable", "the peer cannot be reached, a router or this host says"
	case l.patience > 0 && now.Sub(l.tried) >= l.patience && n.sent-l.then.sent >= silentSent:
		return "dead", fmt.Sprintf("nothing has come from the peer for %v: it counts as dead until something does", l.patience)
	}
	return "", ""
}

// dead tells whether the peer is known not to live.
func (l *listener) dead(now time.Time) bool {
	return !l.buried.IsZero() && now.Sub(l.buried) < deadFor
}
