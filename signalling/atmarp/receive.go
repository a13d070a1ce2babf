package atmarp

import (
	"net/netip"
	"time"
)

// Receive takes an SDU of ATMARP that has come by a VC.
func (h *Host) Receive(now time.Duration, id Link, sdu []byte) {
	p, err := Parse(sdu)
	if err != nil {
		h.counts.Malformed++
		return
	}
	h.counts.In++
	l := h.links[id]
	if l == nil || l.closes {
		h.counts.Unexpected++
		return
	}
	switch p.Op {
	case Request:
		h.request(now, l, &p)
	case Reply:
		h.reply(now, l, &p)
	case NAK:
		h.refusal(now, l, &p)
	case InRequest:
		if h.meet(now, l, &p) {
			h.send(l, Packet{Op: InReply, Target: p.Source, TargetIP: p.SourceIP})
		}
	case InReply:
		h.meet(now, l, &p)
	default:
		h.counts.Unexpected++
	}
}

// meet learns who is at the far end of a VC. False: that cannot be.
func (h *Host) meet(now time.Duration, l *link, p *Packet) bool {
	if !l.atm.IsZero() && !p.Source.IsZero() && p.Source != l.atm {
		h.counts.Foreign++
		return false
	}
	l.asked = retry{}
	if !p.SourceIP.IsValid() || p.SourceIP.IsUnspecified() {
		return true // it has no IP address yet
	}
	if !h.IsNeighbour(p.SourceIP) {
		h.counts.Foreign++
		return false
	}
	e := h.entries[p.SourceIP]
	if e == nil {
		if e = h.enter(p.SourceIP); e == nil {
			return false
		}
	}
	if e.static && e.atm != p.Source || h.isTaken(e, l, p) {
		h.counts.Duplicates++
		return true
	}
	if e.link != nil && e.link.atm != l.atm {
		h.part(e)
	}
	h.learn(now, e, p)
	l.ip = e.ip
	if e.link == nil {
		h.join(e, l)
	}
	return true
}

// isTaken tells whether another host with a VC open has an IP address: it keeps it (8.4).
func (h *Host) isTaken(e *entry, l *link, p *Packet) bool {
	return !e.atm.IsZero() && e.atm != p.Source && e.link != nil && e.link != l
}

// learn notes where an IP address is.
func (h *Host) learn(now time.Duration, e *entry, p *Packet) {
	e.asked = retry{}
	e.refused = 0
	if e.static {
		return
	}
	e.atm, e.learnt = p.Source, now
	e.expires = now + ClientAge
	if h.IsServer() {
		e.expires = now + ServerAge
	}
	h.wait(e.expires)
}

// request is a client's question: who asks is known by it, and gets an answer (8.4).
func (h *Host) request(now time.Duration, l *link, p *Packet) {
	if !h.IsServer() || !p.TargetIP.IsValid() {
		h.counts.Unexpected++
		return
	}
	if !h.meet(now, l, p) {
		return
	}
	l.client = true
	answer := Packet{Op: Reply, SourceIP: p.TargetIP, Target: p.Source, TargetIP: p.SourceIP}
	switch e := h.entries[p.TargetIP]; {
	case p.TargetIP == h.config.Prefix.Addr():
		answer.Source = h.config.ATM
	case e != nil && !e.atm.IsZero():
		answer.Source = e.atm
	default: // the question itself (8.7)
		answer = *p
		answer.Op = NAK
	}
	h.transmit(l, answer)
}

// answers tells whether a packet is the server's.
func (h *Host) answers(l *link) bool {
	if h.IsServer() || l.id != h.server.link {
		h.counts.Unexpected++
		return false
	}
	return true
}

// reply is the server's answer.
func (h *Host) reply(now time.Duration, l *link, p *Packet) {
	if !h.answers(l) {
		return
	}
	if p.SourceIP == h.config.Prefix.Addr() {
		h.registered(now, p)
		return
	}
	e := h.asked(p.SourceIP)
	if e == nil || p.Source.IsZero() || e.static {
		return
	}
	if !e.atm.IsZero() && e.atm != p.Source {
		h.part(e)
	}
	h.learn(now, e, p)
	if e.wanted {
		h.reach(e)
	}
}

// asked finds an entry that the server was asked for.
func (h *Host) asked(ip netip.Addr) *entry {
	e := h.entries[ip]
	if e == nil || !e.asked.on {
		h.counts.Unexpected++
		return nil
	}
	return e
}

// registered is the answer to the host's question for itself: who else has its address?
func (h *Host) registered(now time.Duration, p *Packet) {
	h.server.ask = retry{}
	h.server.registered, h.server.duplicate = p.Source == h.config.ATM, p.Source != h.config.ATM
	if h.server.duplicate {
		h.counts.Duplicates++
	}
	h.server.again = now + Registering
	h.wait(h.server.again)
}

// refusal is the server's answer that nobody is known.
func (h *Host) refusal(now time.Duration, l *link, p *Packet) {
	if !h.answers(l) {
		return
	}
	if p.TargetIP == h.config.Prefix.Addr() { // it does not take the registration: again, later
		h.server.ask = retry{}
		h.server.registered = false
		h.server.again = now + HoldDown
		h.wait(h.server.again)
		return
	}
	e := h.asked(p.TargetIP)
	if e == nil {
		return
	}
	if !e.atm.IsZero() { // it has gone
		h.remove(e)
		return
	}
	h.refuse(now, e)
}
