package sscop

// Handlers of state 10, Data Transfer Ready: SD, POLL and what ends it.
// STAT and USTAT are in acknowledge.go.

// queueData is AA-DATA.request (p. 63).
func queueData(m *Machine) error {
	if !m.tx.push(m.in.data) {
		return ErrFull
	}
	return nil
}

// open says that the peer gives credit for a new SD: VT(S) < VT(MS).
func (m *Machine) open() bool { return distance(m.vtA, m.vtS) < distance(m.vtA, m.vtMS) }

// sendable is the enabling condition of "SD queued up" (p. 64). A window that
// is closed in the idle phase lets one pass, to poll for credit.
func (m *Machine) sendable() bool {
	return m.tx.again > 0 || m.tx.queued > 0 && (m.open() || m.running(timerIdle))
}

// sendData sends one SD, or polls for credit (p. 64). Those to be sent again
// go first.
func (m *Machine) sendData() {
	switch {
	case m.tx.again > 0:
		place := m.tx.unmarked()
		m.sendSD(place)
		m.count.Retransmitted++
	case m.open():
		m.tx.queued--
		m.tx.sent++
		m.sendSD(m.tx.sent - 1)
		m.vtS = next(m.vtS)
	default:
		m.stop(timerIdle)
		m.start(timerNoResponse)
		m.poll()
		m.start(timerPoll)
		return
	}
	m.maybePoll()
}

func (m *Machine) sendSD(place int) {
	s := m.tx.at(place)
	s.poll = m.vtPS
	m.send(PDU{Type: SD, S: (m.vtA + uint32(place)) & seqMask, Data: s.data})
}

// maybePoll polls after MaxPD SDs, and starts Timer_POLL when it does not run
// (p. 65).
func (m *Machine) maybePoll() {
	m.vtPD++
	if !m.running(timerPoll) {
		if m.running(timerIdle) {
			m.stop(timerIdle)
			m.start(timerNoResponse)
		} else {
			m.stop(timerKeepAlive)
		}
		m.start(timerPoll)
	}
	if m.vtPD >= m.cfg.MaxPD {
		m.poll()
		m.start(timerPoll)
	}
}

// readyTimerPoll is Timer_POLL and Timer_KEEP-ALIVE (p. 63).
func readyTimerPoll(m *Machine) error {
	m.poll()
	m.startPoll()
	return nil
}

// p. 63: the idle phase ends.
func readyTimerIdle(m *Machine) error {
	m.start(timerNoResponse)
	return readyTimerPoll(m)
}

// p. 61
func readyBGN(m *Machine) error {
	if m.repeated() {
		m.heard()
		m.sendBGAK()
		return nil
	}
	m.began(Action{Kind: ReleaseIndication, Source: SourceUser})
	return nil
}

// p. 62
func readyRS(m *Machine) error {
	if m.repeated() {
		m.heard()
		m.send(PDU{Type: RSAK, MR: m.vrMR})
		return nil
	}
	m.resyncAsked()
	return nil
}

// p. 61
func readyER(m *Machine) error {
	if m.repeated() {
		m.heard()
		m.send(PDU{Type: ERAK, MR: m.vrMR})
		return nil
	}
	m.stopTransfer()
	m.vtMS = m.in.pdu.MR
	m.releaseSent()
	m.recovered(IncomingRecovery)
	return nil
}

// p. 66
func readySD(m *Machine) error {
	p := &m.in.pdu
	switch at, window := distance(m.vrR, p.S), distance(m.vrR, m.vrMR); {
	case at >= window:
		m.count.OutOfWindow++
		if m.vrH != m.vrMR {
			m.sendUSTAT(m.vrMR)
			m.vrH = m.vrMR
		}
	case at == 0:
		if m.vrH == m.vrR {
			m.vrH = next(m.vrH)
		}
		m.deliver(p.Data)
		for m.rx.has(m.vrR) {
			m.deliver(m.rx.take(m.vrR))
		}
	case p.S == m.vrH:
		m.rx.put(p.S, p.Data)
		m.vrH = next(m.vrH)
	case at > distance(m.vrR, m.vrH):
		m.rx.put(p.S, p.Data)
		m.sendUSTAT(p.S)
		m.vrH = next(p.S)
	case m.rx.has(p.S):
		m.recovering('Q')
	default:
		m.rx.put(p.S, p.Data)
	}
	return nil
}

// deliver gives the user the next message in order.
func (m *Machine) deliver(data []byte) {
	m.act(Action{Kind: DataIndication, SN: m.vrR, Data: data})
	m.vrR = next(m.vrR)
	if !m.cfg.HoldCredit {
		m.vrMR = next(m.vrMR)
	}
}

// sendUSTAT asks for the SDs from VR(H) to before end.
func (m *Machine) sendUSTAT(end uint32) {
	var elements [2 * word]byte
	m.send(PDU{Type: USTAT, MR: m.vrMR, R: m.vrR, List: List(elements[:0]).Add(m.vrH).Add(end)})
}

// p. 67
func readyPOLL(m *Machine) error {
	p := &m.in.pdu
	at := distance(m.vrR, p.S)
	if at < distance(m.vrR, m.vrH) {
		m.recovering('Q')
		return nil
	}
	m.vrH = (m.vrR + min(at, distance(m.vrR, m.vrMR))) & seqMask
	m.sendSTAT(p.PS)
	return nil
}

// sendSTAT lists the gaps between VR(R) and VR(H), in as many PDUs as MaxSTAT
// makes it (p. 68).
func (m *Machine) sendSTAT(ps uint32) {
	stat := PDU{Type: STAT, PS: ps, MR: m.vrMR, R: m.vrR, List: m.elements[:0]}
	gap := true
	for seq := m.vrR; seq != m.vrH; gap = !gap {
		stat.List = stat.List.Add(seq)
		if gap && stat.List.Len() >= m.cfg.MaxSTAT {
			m.send(stat)
			stat.List = stat.List[:0].Add(seq)
		}
		for seq != m.vrH && m.rx.has(seq) != gap {
			seq = next(seq)
		}
	}
	if len(stat.List) > 0 {
		stat.List = stat.List.Add(m.vrH)
	}
	m.send(stat)
	m.elements = stat.List
}
