package sscop

// Handlers that cells of several states share, and the macros of Q.2110
// (p. 75 to 77).

// handler does what a cell of the table says.
type handler func(m *Machine) error

// ignore drops a PDU that is no error.
func ignore(m *Machine) error {
	m.count.Ignored++
	return nil
}

// reporting only tells layer management.
func reporting(code ErrorCode) handler {
	return func(m *Machine) error {
		m.report(code)
		return nil
	}
}

// refusing tells layer management and ends a connection that the peer
// believes in: state Idle.
func refusing(code ErrorCode) handler {
	return func(m *Machine) error {
		m.report(code)
		m.endBySSCOP()
		return nil
	}
}

// losing takes a PDU that says that the peer has no connection.
func losing(code ErrorCode) handler {
	return func(m *Machine) error {
		m.leave()
		m.report(code)
		m.released(SourceSSCOP, nil)
		m.state = Idle
		return nil
	}
}

// breaking ends the connection of both sides.
func breaking(code ErrorCode) handler {
	return func(m *Machine) error {
		m.leave()
		m.report(code)
		m.endBySSCOP()
		m.released(SourceSSCOP, nil)
		m.state = Idle
		return nil
	}
}

// ended takes END in all states with a connection, and pending ones.
func ended(m *Machine) error {
	m.leave()
	m.send(PDU{Type: ENDAK})
	m.released(m.in.pdu.Source, m.in.pdu.Data)
	m.state = Idle
	return nil
}

// releasing takes AA-RELEASE.request.
func releasing(m *Machine) error {
	m.leave()
	m.vtCC = 1
	m.endSource, m.uuEND = SourceUser, append(m.uuEND[:0], m.in.data...)
	m.sendEND()
	m.start(timerCC)
	m.state = OutgoingDisconnection
	return nil
}

// began takes a BGN with a new N(SQ) from a peer that has no connection any
// more; first tells the user what became of its own.
func (m *Machine) began(first Action) {
	m.leave()
	m.vtMS = m.in.pdu.MR
	m.act(first)
	m.act(Action{Kind: EstablishIndication, Data: m.in.pdu.Data})
	m.state = IncomingConnection
}

// beganAnew is BGN in a state in which one that is repeated is an error.
func beganAnew(m *Machine) error {
	if m.repeated() {
		m.report('B')
		return nil
	}
	m.began(Action{Kind: ReleaseIndication, Source: SourceUser})
	return nil
}

// resynced is RS in a state in which one that is repeated is an error.
func resynced(m *Machine) error {
	if m.repeated() {
		m.report('J')
		return nil
	}
	m.resyncAsked()
	return nil
}

func (m *Machine) resyncAsked() {
	m.leave()
	m.vtMS = m.in.pdu.MR
	m.act(Action{Kind: ResyncIndication, Data: m.in.pdu.Data})
	m.state = IncomingResync
}

// leave ends what the state has going: its timers, and in states that hold
// messages the buffers, by the macro "Prepare retrieval" (p. 75).
func (m *Machine) leave() {
	m.stop(timerCC)
	switch m.state {
	case Ready:
		m.stopTransfer()
		m.releaseSent()
		m.rx.clear()
	case OutgoingRecovery:
		m.rx.clear()
	}
}

// releaseSent forgets what was to be sent, or keeps it to be retrieved, as the
// user said: the common part of "Prepare retrieval" and "Prepare recovery".
func (m *Machine) releaseSent() {
	if m.clearBuffers {
		m.tx.clear()
	} else {
		m.tx.unmark()
	}
}

// clearTransmitter is "Clear transmitter" (p. 75): what the last connection
// kept for retrieval goes when a new one begins.
func (m *Machine) clearTransmitter() {
	if !m.clearBuffers {
		m.tx.clear()
	}
}

// deliverRest is "Deliver data" (p. 75): before a recovery a user that keeps
// its messages gets what came out of turn; SN shows the gaps.
func (m *Machine) deliverRest() {
	if m.clearBuffers {
		m.rx.clear()
		return
	}
	for seq := m.vrR; m.rx.count > 0; seq = next(seq) {
		if m.rx.has(seq) {
			m.act(Action{Kind: DataIndication, SN: seq, Data: m.rx.take(seq)})
		}
	}
}

// initReceiver is "Initialize VR(MR)" (p. 77).
func (m *Machine) initReceiver() { m.vrMR = uint32(m.cfg.Window) }

// enter makes the connection ready: "Initialize state variables" (p. 75) and
// "Set data transfer timers" (p. 77). What is still queued waits on.
func (m *Machine) enter() {
	m.tx.advance(m.tx.sent)
	m.vtS, m.vtPS, m.vtA = 0, 0, 0
	m.vtPA, m.vtPD = 1, 0
	m.credit = true
	m.vrR, m.vrH = 0, 0
	m.startTransfer()
	m.state = Ready
}

// repeated is "Detect retransmission" (p. 76): it compares N(SQ) of BGN, RS or
// ER with VR(SQ), and keeps it.
func (m *Machine) repeated() bool {
	if m.in.pdu.SQ == m.vrSQ {
		m.count.Duplicates++
		return true
	}
	m.vrSQ = m.in.pdu.SQ
	return false
}

// exhausted counts one more sending of BGN, END, RS or ER when Timer_CC
// expires, or says that there were MaxCC.
func (m *Machine) exhausted() bool {
	if m.vtCC >= m.cfg.MaxCC {
		m.report('O')
		return true
	}
	m.vtCC++
	m.start(timerCC)
	return false
}

// abandon ends an attempt that Timer_CC has ended.
func (m *Machine) abandon() {
	m.leave()
	m.endBySSCOP()
	m.released(SourceSSCOP, nil)
	m.state = Idle
}

// unitData and managementData take requests (p. 73), unitDataCame and
// managementDataCame PDUs (p. 73), in all states.
func unitData(m *Machine) error       { return m.queueUnit(&m.ud, UD) }
func managementData(m *Machine) error { return m.queueUnit(&m.md, MD) }

func (m *Machine) queueUnit(u *units, t PDUType) error {
	if !m.busy {
		m.send(PDU{Type: t, Data: m.in.data})
	} else if !u.push(m.in.data) {
		return ErrFull
	}
	return nil
}

func unitDataCame(m *Machine) error {
	m.act(Action{Kind: UnitDataIndication, Data: m.in.pdu.Data})
	return nil
}

func managementDataCame(m *Machine) error {
	m.act(Action{Kind: ManagementIndication, Data: m.in.pdu.Data})
	return nil
}

// retrieve is the macro "Data retrieval" (p. 76).
func retrieve(m *Machine) error {
	give := func(place int) {
		if s := m.tx.at(place); s.held {
			m.act(Action{Kind: RetrieveIndication, Data: s.data})
			m.tx.drop(place)
		}
	}
	from := m.tx.sent
	switch rn := m.in.rn; rn {
	case RetrieveUnknown:
	case RetrieveTotal:
		from = 0
	default:
		from = min(int(distance(m.vtA, next(rn))), m.tx.sent)
	}
	for place := from; place < m.tx.sent+m.tx.queued; place++ {
		give(place)
	}
	m.tx.queued = 0
	m.tell(RetrieveComplete)
	return nil
}
