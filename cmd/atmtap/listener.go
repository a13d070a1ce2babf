package main

import (
	"fmt"
	"time"
)

// When a peer counts as silent or dead.
const (
	// silentAfter: so long nothing has come, though silentSent frames went out meanwhile. A tunnel that nobody uses is
	// quiet at both ends.
	silentAfter = 10 * time.Second
	silentSent  = 3
	// deadRefusals: so many times in a row its host said that nobody listens there.
	deadRefusals = 3
	// deadFor: so long a dead peer is not sent to; then it is tried again.
	deadFor = 10 * time.Second
)

// traffic is what a port has counted.
type traffic struct{ received, sent, refused uint64 }

// listener tells from the counters how the peer does. It is a machine without a clock.
type listener struct {
	last    traffic   // when something came last
	heard   time.Time // and when that was; zero: not looked yet
	silence time.Duration
	told    bool
	buried  time.Time // when the peer was found dead; zero: it is not
	toldEnd bool
}

// look is told what the port has counted by now.
func (l *listener) look(now time.Time, n traffic, dev string) []event {
	if l.heard.IsZero() {
		l.heard, l.last = now, n
	}
	if n.received > l.last.received {
		told := l.told || l.toldEnd
		*l = listener{heard: now, last: n}
		if told {
			return []event{{"peer", dev, "the peer is heard again"}}
		}
		return nil
	}
	var events []event
	l.silence = 0
	if quiet := now.Sub(l.heard); quiet >= silentAfter && n.sent-l.last.sent >= silentSent {
		l.silence = quiet
		if !l.told {
			l.told = true
			events = append(events, event{"silent", dev, fmt.Sprintf("nothing has come from the peer for %v, though %d frames went to it", silentAfter, n.sent-l.last.sent)})
		}
	}
	if !l.buried.IsZero() && now.Sub(l.buried) >= deadFor { // another chance
		l.buried = time.Time{}
		l.last.refused = n.refused
	}
	if l.buried.IsZero() && n.refused-l.last.refused >= deadRefusals {
		l.buried = now
		if !l.toldEnd {
			l.toldEnd = true
			events = append(events, event{"refused", dev, "nobody listens at the peer's address and port, its host says"})
		}
	}
	return events
}

// dead tells whether the peer's host has said that nobody listens there.
func (l *listener) dead(now time.Time) bool {
	return !l.buried.IsZero() && now.Sub(l.buried) < deadFor
}
