package sscop

import "time"

// The timers of 7.6. Their expiries are the signals from sigTimerCC on.
const (
	timerCC = iota
	timerPoll
	timerKeepAlive
	timerNoResponse
	timerIdle
	numTimers
)

type timer struct {
	running bool
	at      time.Duration // when it expires
}

// start starts or restarts a timer.
func (m *Machine) start(i int) {
	m.timers[i] = timer{true, m.now + m.periods[i]}
}

func (m *Machine) stop(i int) { m.timers[i].running = false }

func (m *Machine) running(i int) bool { return m.timers[i].running }

// earliest gives the timer that expires first, the lower one of equals, or -1.
func (m *Machine) earliest() int {
	first := -1
	for i := range m.timers {
		if m.timers[i].running && (first < 0 || m.timers[i].at < m.timers[first].at) {
			first = i
		}
	}
	return first
}

// stopTransfer is the macro "Reset data transfer timers" (p. 77).
func (m *Machine) stopTransfer() {
	for i := timerPoll; i <= timerIdle; i++ {
		m.stop(i)
	}
}

// startTransfer is the macro "Set data transfer timers" (p. 77).
func (m *Machine) startTransfer() {
	m.start(timerPoll)
	m.start(timerNoResponse)
}

// startPoll is the macro "Set POLL timer" (p. 76): POLLs come more slowly when
// nothing is unacknowledged.
func (m *Machine) startPoll() {
	if m.tx.queued == 0 && m.vtS == m.vtA {
		m.start(timerKeepAlive)
	} else {
		m.start(timerPoll)
	}
}

// heard restarts Timer_NO-RESPONSE when the peer repeats a PDU that was
// answered in vain. Starting one that does not run would end a connection in
// its idle phase, in which no STAT is due.
func (m *Machine) heard() {
	if m.running(timerNoResponse) {
		m.start(timerNoResponse)
	}
}
