package dlpi

import "slices"

// bind is DL_BIND_REQ. dl_sap is an EtherType or an individual DSAP.
func (l *Link) bind(p *Prim) Step {
	n := p.Words[1]
	var s SAP
	switch {
	case p.Words[3] != CLDLS<<16 || p.Words[2] != 0: // dl_service_mode; dl_conn_mgmt; dl_max_conind
		return refuse(BindReq, Unsupported, 0)
	case n >= minEtherType && n <= 0xFFFF:
		s = EtherType(uint16(n))
	case n > 0 && n < 0x100 && n&groupBit == 0:
		s = LLC(byte(n))
	default:
		return refuse(BindReq, BadSAP, 0)
	}
	l.state, l.sap, l.auto = Idle, n, p.Words[4]&(AutoXID|AutoTest)
	if s&kindMask == kindEther {
		l.auto = 0 // Ethernet has neither
	}
	l.saps = append(l.saps[:0], s)
	ack := words(BindAck, n, 0, 0, 0, l.auto)
	ack.Addr[0] = l.address(0, l.dev.Address, s)
	return Step{Do: ActAnswer | ActTake, Answer: ack}
}

func (l *Link) unbind(*Prim) Step {
	l.state, l.auto, l.saps = Unbound, 0, l.saps[:0]
	s := accept(UnbindReq)
	s.Do |= ActTake
	return s
}

// subsBind is DL_SUBS_BIND_REQ: another SAP, or, behind SAP 0xAA, what SNAP has.
func (l *Link) subsBind(p *Prim) Step {
	s := readSAP(p.Addr[0])
	snap := s&kindMask == kindSNAP
	switch class := p.Words[3]; {
	case class != PeerBind && class != HierarchicalBind, snap != (class == HierarchicalBind) && s != 0:
		return refuse(SubsBindReq, Unsupported, 0)
	case s == 0 || snap && l.sap != snapSAP || slices.Contains(l.saps, s):
		return refuse(SubsBindReq, BadAddr, 0)
	case len(l.saps) > MaxSubs:
		return refuse(SubsBindReq, TooMany, 0)
	}
	l.saps = append(l.saps, s)
	ack := words(SubsBindAck)
	ack.Addr[0] = p.Addr[0]
	return Step{Do: ActAnswer | ActTake, Answer: ack}
}

func (l *Link) subsUnbind(p *Prim) Step {
	i := slices.Index(l.saps, readSAP(p.Addr[0]))
	if i < 1 {
		return refuse(SubsUnbindReq, BadAddr, 0)
	}
	l.saps = slices.Delete(l.saps, i, i+1)
	s := accept(SubsUnbindReq)
	s.Do |= ActTake
	return s
}

// to makes the PDU that goes to an address: its SAP is the far one, and ours is that of the
// same kind that was bound first.
func (l *Link) to(address []byte) (p pdu, ok bool) {
	if len(address) < 7 {
		return p, false
	}
	copy(p.dst[:], address)
	p.src, p.sap = l.dev.Address, readSAP(address[6:])
	for _, s := range l.saps {
		switch {
		case s&kindMask != p.sap&kindMask:
		case s == p.sap:
			p.from = s
			return p, true
		case p.from == 0 && s&kindMask == kindLLC: // stations' SAPs may differ in LLC alone
			p.from = s
		}
	}
	return p, p.from != 0
}

// unitdata is DL_UNITDATA_REQ.
func (l *Link) unitdata(p *Prim) Step {
	u, ok := l.to(p.Addr[0])
	switch {
	case !ok:
		return undelivered(p, BadAddr, 0)
	case len(p.Data) == 0 || len(p.Data) > l.dev.MaxFrame-l.overhead(u.sap):
		return undelivered(p, BadData, 0)
	}
	u.control, u.data = controlUI, p.Data
	return l.send(&u)
}

func (l *Link) send(u *pdu) Step {
	return Step{Do: ActSend, Header: u.appendHeader(l.header[:0]), Payload: u.data}
}

// command is XID and TEST, requests and responses (802.2, 5.4.1.1.2 and 5.4.1.1.3).
func (l *Link) command(p *Prim) Step {
	number := p.Words[0]
	u, ok := l.to(p.Addr[0])
	xid := number == XIDReq || number == XIDRes
	switch {
	case !ok:
		return refuse(number, BadAddr, 0)
	case u.sap&kindMask != kindLLC:
		return refuse(number, Unsupported, 0)
	case number == XIDRes && l.auto&AutoXID != 0:
		return refuse(number, XIDAuto, 0)
	case number == TestRes && l.auto&AutoTest != 0:
		return refuse(number, TestAuto, 0)
	case len(p.Data) > l.dev.MaxFrame-macHeader-llcHeader:
		return refuse(number, BadData, 0)
	}
	u.control, u.data = controlTest, p.Data
	if xid {
		if u.control = controlXID; len(u.data) == 0 {
			u.data = l.xid[:]
		}
	}
	u.response = number == XIDRes || number == TestRes
	u.poll = p.Words[1]&PollFinal != 0
	return l.send(&u)
}

// Frame makes an indication of what has come, or answers it.
func (l *Link) Frame(frame []byte) Step {
	var u pdu
	if l.state != Idle || !u.read(frame) || !slices.Contains(l.saps, u.sap) {
		return Step{}
	}
	flag := uint32(0)
	if u.poll {
		flag = PollFinal
	}
	var p Prim
	switch {
	case u.control == controlUI && !u.response && !u.poll:
		p = words(UnitdataInd, 0, 0, 0, 0, uint32(u.dst[0]&groupBit))
	case u.control == controlXID && u.response:
		p = words(XIDCon, flag)
	case u.control == controlTest && u.response:
		p = words(TestCon, flag)
	case u.control == controlXID && l.auto&AutoXID != 0:
		return l.respond(&u, l.xid[:])
	case u.control == controlTest && l.auto&AutoTest != 0:
		return l.respond(&u, u.data)
	case u.control == controlXID:
		p = words(XIDInd, flag)
	case u.control == controlTest:
		p = words(TestInd, flag)
	default:
		return Step{}
	}
	p.Addr[0], p.Addr[1], p.Data = l.address(0, u.dst, u.sap), l.address(1, u.src, u.from), u.data
	return answer(p)
}

// respond answers a command; the final bit is the poll bit's (802.2, 5.4.1.1).
func (l *Link) respond(u *pdu, data []byte) Step {
	r := pdu{dst: u.src, src: l.dev.Address, sap: u.from, from: u.sap, control: u.control, poll: u.poll, response: true, data: data}
	return l.send(&r)
}
