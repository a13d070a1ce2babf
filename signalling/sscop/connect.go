package sscop

// Handlers of states 1 to 4: connections are made and released.

// State 1, Idle.

// p. 31
func idleEstablish(m *Machine) error {
	m.beginOut()
	return nil
}

// beginOut sends a first BGN: states 1 and 4.
func (m *Machine) beginOut() {
	m.clearTransmitter()
	m.clearBuffers = m.in.br
	m.uuBGN = append(m.uuBGN[:0], m.in.data...)
	m.vtCC = 1
	m.newSQ()
	m.initReceiver()
	m.sendBGN()
	m.start(timerCC)
	m.state = OutgoingConnection
}

// p. 31; AcceptAnyBGN is ATM Forum 97-0216.
func idleBGN(m *Machine) error {
	if m.repeated() && !m.cfg.AcceptAnyBGN {
		m.sendBGREJ()
		return nil
	}
	m.vtMS = m.in.pdu.MR
	m.act(Action{Kind: EstablishIndication, Data: m.in.pdu.Data})
	m.state = IncomingConnection
	return nil
}

// p. 31
func idleEND(m *Machine) error {
	m.send(PDU{Type: ENDAK})
	return nil
}

// State 2, Outgoing Connection Pending.

// p. 34
func outConnBGAK(m *Machine) error {
	m.leave()
	m.vtMS = m.in.pdu.MR
	m.act(Action{Kind: EstablishConfirm, Data: m.in.pdu.Data})
	m.uuBGAK = m.uuBGAK[:0] // ours, should the peer's BGN have been lost and come now
	m.enter()
	return nil
}

// p. 34
func outConnBGREJ(m *Machine) error {
	m.leave()
	m.released(SourceUser, m.in.pdu.Data)
	m.state = Idle
	return nil
}

// p. 36: both sides began.
func outConnBGN(m *Machine) error {
	if m.repeated() {
		return nil
	}
	m.leave()
	m.vtMS = m.in.pdu.MR
	m.initReceiver()
	m.uuBGAK = m.uuBGAK[:0]
	m.sendBGAK()
	m.act(Action{Kind: EstablishConfirm, Data: m.in.pdu.Data})
	m.enter()
	return nil
}

// p. 35
func outConnTimerCC(m *Machine) error {
	if m.exhausted() {
		m.abandon()
	} else {
		m.sendBGN()
	}
	return nil
}

// State 3, Incoming Connection Pending.

// p. 37
func inConnBGN(m *Machine) error {
	if !m.repeated() {
		m.began(Action{Kind: ReleaseIndication, Source: SourceUser})
	}
	return nil
}

// p. 37
func inConnEstablish(m *Machine) error {
	m.uuBGAK = append(m.uuBGAK[:0], m.in.data...)
	m.clearTransmitter()
	m.clearBuffers = m.in.br
	m.initReceiver()
	m.sendBGAK()
	m.enter()
	return nil
}

// p. 37
func inConnRelease(m *Machine) error {
	m.uuBGREJ = append(m.uuBGREJ[:0], m.in.data...)
	m.sendBGREJ()
	m.state = Idle
	return nil
}

// State 4, Outgoing Disconnection Pending.

// p. 40
func outDiscEstablish(m *Machine) error {
	m.leave()
	m.beginOut()
	return nil
}

// p. 41
func outDiscEND(m *Machine) error {
	m.send(PDU{Type: ENDAK})
	return outDiscDone(m)
}

// outDiscDone is ENDAK and BGREJ (p. 41).
func outDiscDone(m *Machine) error {
	m.leave()
	m.tell(ReleaseConfirm)
	m.state = Idle
	return nil
}

// p. 42
func outDiscBGN(m *Machine) error {
	if m.repeated() {
		m.uuBGAK = m.uuBGAK[:0]
		m.sendBGAK()
		m.sendEND()
		return nil
	}
	m.began(Action{Kind: ReleaseConfirm})
	return nil
}

// p. 41
func outDiscTimerCC(m *Machine) error {
	if m.exhausted() {
		m.tell(ReleaseConfirm)
		m.state = Idle
	} else {
		m.sendEND()
	}
	return nil
}
