package sscop

// State 10: what the peer's receiver tells.

// acknowledged takes N(R) and N(MR): all before N(R) has arrived.
func (m *Machine) acknowledged(r, mr uint32) {
	m.tx.advance(int(distance(m.vtA, r)))
	m.vtA = r
	m.vtMS = mr
}

// p. 70 to 72
func readySTAT(m *Machine) error {
	p := &m.in.pdu
	switch {
	case distance(m.vtPA, p.PS) >= distance(m.vtPA, next(m.vtPS)):
		m.recovering('R')
		return nil
	case distance(m.vtA, p.R) > distance(m.vtA, m.vtS):
		m.recovering('S')
		return nil
	}
	m.acknowledged(p.R, p.MR)
	m.vtPA = p.PS
	again, ok := m.listed(p)
	if !ok {
		m.recovering('S')
		return nil
	}
	if again > 0 {
		m.act(Action{Kind: ErrorIndication, Code: 'V', Count: again})
	}
	m.noteCredit()
	switch {
	case m.running(timerPoll):
		m.start(timerNoResponse)
	case !m.running(timerIdle):
		m.stop(timerKeepAlive)
		m.stop(timerNoResponse)
		m.start(timerIdle)
	}
	return nil
}

// listed takes the elements of a STAT: gaps, and what has come between them
// (p. 70, 71). It counts the SDs to be sent again. A single element means
// nothing.
func (m *Machine) listed(p *PDU) (again int, ok bool) {
	n := p.List.Len()
	if n < 2 {
		return 0, true
	}
	end := int(distance(m.vtA, m.vtS))
	from := int(distance(m.vtA, p.List.At(0)))
	if from >= end {
		return 0, false
	}
	for i := 1; i < n; i++ {
		to := int(distance(m.vtA, p.List.At(i)))
		if to <= from || to > end {
			return again, false
		}
		if i%2 == 1 {
			count, held := m.gap(from, to, p.PS)
			again += count
			if !held {
				return again, false
			}
		} else if m.clearBuffers {
			for place := from; place < to; place++ {
				m.tx.drop(place)
			}
		}
		from = to
	}
	return again, true
}

// gap marks what the peer's STAT to POLL ps lacks, unless it was sent again
// after that POLL. It fails on an SD that the peer had before.
func (m *Machine) gap(from, to int, ps uint32) (again int, ok bool) {
	for place := from; place < to; place++ {
		s := m.tx.at(place)
		if !s.held {
			return again, false
		}
		if before(s.poll, ps) && m.tx.mark(place) {
			again++
		}
	}
	return again, true
}

// noteCredit tells layer management when credit goes and comes (p. 72).
func (m *Machine) noteCredit() {
	open := m.open()
	if open == m.credit {
		return
	}
	m.credit = open
	if open {
		m.report('X')
	} else {
		m.report('W')
	}
}

// p. 69
func readyUSTAT(m *Machine) error {
	p := &m.in.pdu
	if distance(m.vtA, p.R) >= distance(m.vtA, m.vtS) {
		m.recovering('T')
		return nil
	}
	m.acknowledged(p.R, p.MR)
	from, to := int(distance(m.vtA, p.List.At(0))), int(distance(m.vtA, p.List.At(1)))
	if from >= to || to >= int(distance(m.vtA, m.vtS)) {
		m.recovering('T')
		return nil
	}
	for place := from; place < to; place++ {
		if !m.tx.at(place).held {
			m.recovering('T')
			return nil
		}
		m.tx.mark(place)
	}
	m.act(Action{Kind: ErrorIndication, Code: 'V', Count: to - from})
	return nil
}
