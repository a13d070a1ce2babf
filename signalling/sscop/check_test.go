package sscop

import "fmt"

// check says what is wrong inside a machine: what must hold between inputs.
func (m *Machine) check() error {
	on := func(i int) int {
		if m.running(i) {
			return 1
		}
		return 0
	}
	cc := m.state == OutgoingConnection || m.state == OutgoingDisconnection || m.state == OutgoingResync || m.state == OutgoingRecovery
	phase := on(timerPoll) + on(timerKeepAlive) + on(timerIdle)
	switch {
	case m.running(timerCC) != cc:
		return fmt.Errorf("Timer_CC %v in %v", m.running(timerCC), m.state)
	case m.state != Ready && phase+on(timerNoResponse) > 0:
		return fmt.Errorf("a timer of data transfer in %v", m.state)
	case m.state == Ready && (phase != 1 || m.running(timerNoResponse) == m.running(timerIdle)):
		return fmt.Errorf("timers %v in data transfer", m.timers)
	case m.state == Ready && m.tx.sent != int(distance(m.vtA, m.vtS)):
		return fmt.Errorf("%d messages sent, VT(A) %d, VT(S) %d", m.tx.sent, m.vtA, m.vtS)
	case m.tx.sent+m.tx.queued > m.cfg.Queue:
		return fmt.Errorf("%d messages of %d", m.tx.sent+m.tx.queued, m.cfg.Queue)
	case m.state == Ready && !m.busy && m.sendable():
		return fmt.Errorf("a message could be sent")
	case m.state == Ready && distance(m.vrR, m.vrH) > distance(m.vrR, m.vrMR):
		return fmt.Errorf("VR(R) %d, VR(H) %d, VR(MR) %d", m.vrR, m.vrH, m.vrMR)
	case m.state == Ready && int(distance(m.vrR, m.vrMR)) > m.cfg.Window:
		return fmt.Errorf("credit of %d", distance(m.vrR, m.vrMR))
	}
	return m.checkBuffers()
}

func (m *Machine) checkBuffers() error {
	again, full := 0, 0
	for place := range m.tx.sent {
		if s := m.tx.at(place); s.again {
			again++
			if !s.held || place < m.tx.first {
				return fmt.Errorf("place %d is marked in vain", place)
			}
		}
	}
	for i := range m.rx.slots {
		if m.rx.slots[i].full {
			full++
		}
	}
	if again != m.tx.again || full != m.rx.count {
		return fmt.Errorf("%d marked, counted %d; %d out of turn, counted %d", again, m.tx.again, full, m.rx.count)
	}
	if m.rx.count > 0 && m.state != Ready && m.state != OutgoingRecovery {
		return fmt.Errorf("%d SDs kept in %v", m.rx.count, m.state)
	}
	if m.state == Ready && m.rx.has(m.vrR) {
		return fmt.Errorf("SD %d is kept back", m.vrR)
	}
	return nil
}
