package sscop

// This file is the one way out: every effect is appended to one list.

// act appends an action and a copy of its data.
func (m *Machine) act(a Action) {
	e := &m.out[m.fill]
	a.Data = e.keep(a.Data)
	e.list = append(e.list, a)
}

// tell appends a primitive without parameters.
func (m *Machine) tell(k Kind) { m.act(Action{Kind: k}) }

// report appends MAA-ERROR.indication.
func (m *Machine) report(code ErrorCode) { m.act(Action{Kind: ErrorIndication, Code: code}) }

// released appends AA-RELEASE.indication.
func (m *Machine) released(source Source, uu []byte) {
	m.act(Action{Kind: ReleaseIndication, Source: source, Data: uu})
}

// send encodes a PDU into the list. What it is made of was checked before, so
// that encoding cannot fail.
func (m *Machine) send(p PDU) {
	e := &m.out[m.fill]
	n := len(e.mem)
	e.mem, _ = Append(e.mem, &p)
	e.list = append(e.list, Action{Kind: Send, Data: e.mem[n:len(e.mem):len(e.mem)]})
	m.count.Sent[p.Type]++
}

func (m *Machine) sendBGN()   { m.send(PDU{Type: BGN, SQ: m.vtSQ, MR: m.vrMR, Data: m.uuBGN}) }
func (m *Machine) sendBGAK()  { m.send(PDU{Type: BGAK, MR: m.vrMR, Data: m.uuBGAK}) }
func (m *Machine) sendBGREJ() { m.send(PDU{Type: BGREJ, Data: m.uuBGREJ}) }
func (m *Machine) sendRS()    { m.send(PDU{Type: RS, SQ: m.vtSQ, MR: m.vrMR, Data: m.uuRS}) }
func (m *Machine) sendER()    { m.send(PDU{Type: ER, SQ: m.vtSQ, MR: m.vrMR}) }
func (m *Machine) sendEND()   { m.send(PDU{Type: END, Source: m.endSource, Data: m.uuEND}) }

// endBySSCOP sends an END of our own: S bit 1, no data.
func (m *Machine) endBySSCOP() {
	m.endSource, m.uuEND = SourceSSCOP, m.uuEND[:0]
	m.sendEND()
}

// poll sends a POLL with a new number.
func (m *Machine) poll() {
	m.vtPS = next(m.vtPS)
	m.vtPD = 0
	m.send(PDU{Type: POLL, PS: m.vtPS, S: m.vtS})
}

// newSQ takes the next N(SQ), for a first BGN, RS or ER (7.4), and tells it.
func (m *Machine) newSQ() {
	m.vtSQ++
	m.act(Action{Kind: SequenceUsed, SQ: m.vtSQ})
}

// serve sends what is queued and may be sent: the signals "SD, UD and MD
// queued up" of the SDL, whose enabling conditions it tests.
func (m *Machine) serve() {
	if m.busy {
		return
	}
	m.flush(&m.ud, UD)
	m.flush(&m.md, MD)
	for m.state == Ready && m.sendable() {
		m.sendData()
	}
}

// flush sends unnumbered messages (p. 74).
func (m *Machine) flush(u *units, t PDUType) {
	for i := range u.n {
		m.send(PDU{Type: t, Data: u.list[i]})
	}
	u.n = 0
}
