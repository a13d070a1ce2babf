package sscop

// Handlers of states 5 to 9: a connection starts anew, or recovers from an
// error in its protocol.

// resync is AA-RESYNC.request in states 7 to 10 (p. 51, 54, 56, 60).
func resync(m *Machine) error {
	keep := m.state != Ready
	m.leave()
	if keep {
		m.clearTransmitter()
	} else {
		m.tx.clear() // "Release buffers", p. 75
	}
	m.uuRS = append(m.uuRS[:0], m.in.data...)
	m.vtCC = 1
	m.newSQ()
	m.initReceiver()
	m.sendRS()
	m.start(timerCC)
	m.state = OutgoingResync
	return nil
}

// State 5, Outgoing Resynchronization Pending.

// p. 43
func outResyncBGN(m *Machine) error {
	if m.repeated() {
		m.sendBGAK()
		m.sendRS()
		return nil
	}
	m.began(Action{Kind: ReleaseIndication, Source: SourceUser})
	return nil
}

// p. 45: both sides resynchronize.
func outResyncRS(m *Machine) error {
	if m.repeated() {
		return nil
	}
	m.leave()
	m.vtMS = m.in.pdu.MR
	m.initReceiver()
	m.send(PDU{Type: RSAK, MR: m.vrMR})
	m.tell(ResyncConfirm)
	m.enter()
	return nil
}

// p. 45
func outResyncRSAK(m *Machine) error {
	m.leave()
	m.vtMS = m.in.pdu.MR
	m.tell(ResyncConfirm)
	m.enter()
	return nil
}

// p. 44
func outResyncTimerCC(m *Machine) error {
	if m.exhausted() {
		m.abandon()
	} else {
		m.sendRS()
	}
	return nil
}

// State 6, Incoming Resynchronization Pending.

// p. 48
func inResyncRS(m *Machine) error {
	if !m.repeated() {
		m.report('J')
	}
	return nil
}

// p. 46
func inResyncResponse(m *Machine) error {
	m.initReceiver()
	m.send(PDU{Type: RSAK, MR: m.vrMR})
	m.clearTransmitter()
	m.enter()
	return nil
}

// State 7, Outgoing Recovery Pending.

// recovering starts error recovery from state 10 (p. 67).
func (m *Machine) recovering(code ErrorCode) {
	m.stopTransfer()
	m.report(code)
	m.vtCC = 1
	m.newSQ()
	m.initReceiver()
	m.sendER()
	m.releaseSent()
	m.start(timerCC)
	m.state = OutgoingRecovery
}

// p. 49: what the user cannot know to be in vain.
func outRecData(m *Machine) error {
	if m.clearBuffers {
		m.count.Discarded++
		return nil
	}
	return queueData(m)
}

// p. 49
func outRecERAK(m *Machine) error {
	m.stop(timerCC)
	m.vtMS = m.in.pdu.MR
	m.recovered(RecoveryResponse)
	return nil
}

// p. 51: both sides recover.
func outRecER(m *Machine) error {
	if m.repeated() {
		m.report('L')
		return nil
	}
	m.stop(timerCC)
	m.vtMS = m.in.pdu.MR
	m.initReceiver()
	m.send(PDU{Type: ERAK, MR: m.vrMR})
	m.recovered(RecoveryResponse)
	return nil
}

// recovered asks the user to go on.
func (m *Machine) recovered(s State) {
	m.deliverRest()
	m.tell(RecoverIndication)
	m.state = s
}

// p. 50
func outRecTimerCC(m *Machine) error {
	if m.exhausted() {
		m.abandon()
	} else {
		m.sendER()
	}
	return nil
}

// State 8, Recovery Response Pending.

// p. 55
func recER(m *Machine) error {
	if m.repeated() {
		m.send(PDU{Type: ERAK, MR: m.vrMR})
	} else {
		m.report('L')
	}
	return nil
}

// p. 54: enter forgets what was sent, and what was queued goes on.
func recResponse(m *Machine) error {
	m.enter()
	return nil
}

// State 9, Incoming Recovery Pending.

// p. 59
func inRecER(m *Machine) error {
	if !m.repeated() {
		m.report('L')
	}
	return nil
}

// p. 56
func inRecResponse(m *Machine) error {
	m.initReceiver()
	m.send(PDU{Type: ERAK, MR: m.vrMR})
	m.enter()
	return nil
}
