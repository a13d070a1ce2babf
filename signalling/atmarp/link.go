package atmarp

import (
	"net/netip"
	"time"

	"github.com/cellhub/cellhub/signalling/address"
)

// Opened says that a VC is there: to an ATM address, whoever has called, or a permanent one,
// whose address is zero. The number must be no other VC's.
func (h *Host) Opened(now time.Duration, id Link, atm address.Address) {
	delete(h.calls, atm)
	if id == 0 || h.links[id] != nil || len(h.links) == MaxLinks {
		h.counts.Full++
		h.act(Action{Kind: Release, Link: id})
		return
	}
	l := &link{id: id, atm: atm, used: now}
	h.links[id] = l
	if !atm.IsZero() {
		h.wait(now + h.config.Idle)
	}
	if !h.IsServer() && atm == h.serverATM() && h.server.link == 0 {
		h.server.link = id
		h.register(now)
		for _, e := range h.sorted() {
			if e.asked.on && e.atm.IsZero() {
				h.question(e)
			}
		}
	}
	known := false
	for _, e := range h.sorted() {
		if !atm.IsZero() && e.atm == atm {
			known = true
			l.ip = e.ip
			if e.link == nil {
				h.join(e, l)
			}
		}
	}
	if !known { // who is there? (8.2, 8.3)
		l.asked = begin(now)
		h.inquire(now, l)
	}
}

// inquire asks who is at the far end of a VC.
func (h *Host) inquire(now time.Duration, l *link) {
	ask, over := l.asked.due(now)
	switch {
	case ask:
		h.send(l, Packet{Op: InRequest, Target: l.atm})
	case over && l.atm.IsZero():
		l.asked = retry{on: true, left: Tries, at: now + Inquiring}
	}
	if l.asked.on {
		h.wait(l.asked.at)
	}
}

// Closed says that a VC is there no more, whoever has released it.
func (h *Host) Closed(now time.Duration, id Link) {
	l := h.links[id]
	if l == nil {
		return
	}
	delete(h.links, id)
	h.leave(now, l)
}

// leave has nothing go by a VC.
func (h *Host) leave(now time.Duration, l *link) {
	for _, e := range h.sorted() {
		if e.link != l {
			continue
		}
		if other := h.linkTo(e.atm); other != nil && !l.atm.IsZero() {
			h.join(e, other)
			continue
		}
		h.part(e)
		if l.atm.IsZero() { // it is known by the permanent VC alone
			delete(h.entries, e.ip)
		}
	}
	if h.server.link == l.id {
		h.server.link, h.server.registered, h.server.ask = 0, false, retry{}
		h.redial(now)
	}
}

// redial has the server called again, after a while.
func (h *Host) redial(now time.Duration) {
	h.server.again = now + Redial
	h.wait(h.server.again)
}

// Failed says that a call has come to nothing.
func (h *Host) Failed(now time.Duration, atm address.Address) {
	delete(h.calls, atm)
	for _, e := range h.sorted() {
		if e.atm != atm || e.link != nil {
			continue
		}
		if !e.static { // the server may know better next time
			e.atm = address.Address{}
		}
		h.refuse(now, e)
	}
	if !h.IsServer() && atm == h.serverATM() && h.server.link == 0 {
		h.server.which = (h.server.which + 1) % len(h.config.Servers)
		h.redial(now)
	}
}

// Used says that a VC has carried something since it was said last.
func (h *Host) Used(now time.Duration, id Link) {
	if l := h.links[id]; l != nil {
		l.used = now
	}
}

// release ends a VC that is of no use.
func (h *Host) release(now time.Duration, l *link) {
	l.closes = true
	h.act(Action{Kind: Release, Link: l.id})
	h.leave(now, l)
}

// register asks the server for the host's own address, by which it is known (8.5).
func (h *Host) register(now time.Duration) {
	h.server.ask = begin(now)
	h.registration(now)
}

func (h *Host) registration(now time.Duration) {
	ask, over := h.server.ask.due(now)
	switch {
	case ask:
		h.wait(h.server.ask.at)
		h.send(h.links[h.server.link], Packet{Op: Request, Target: h.config.ATM, TargetIP: h.config.Prefix.Addr()})
	case over: // it does not speak: another, or again
		l := h.links[h.server.link]
		h.server.which = (h.server.which + 1) % len(h.config.Servers)
		h.release(now, l)
	}
}

// Add makes a static entry; it stays until it is deleted. What the address was known by before
// is forgotten.
func (h *Host) Add(now time.Duration, ip netip.Addr, atm address.Address) error {
	if !h.IsNeighbour(ip) {
		return ErrIP
	}
	if atm.IsZero() || atm == h.config.ATM {
		return ErrATM
	}
	if e := h.entries[ip]; e != nil {
		h.remove(e)
	}
	e := h.enter(ip)
	if e == nil {
		return errFull
	}
	e.atm, e.static, e.learnt = atm, true, now
	if l := h.linkTo(atm); l != nil {
		h.join(e, l)
	}
	return nil
}

// Delete removes an entry, and releases its VC if nothing else goes by it. False: there is none.
func (h *Host) Delete(now time.Duration, ip netip.Addr) bool {
	e := h.entries[ip]
	if e == nil {
		return false
	}
	l := e.link
	h.remove(e)
	if l == nil || l.atm.IsZero() || l.id == h.server.link {
		return true
	}
	for _, other := range h.entries {
		if other.link == l {
			return true
		}
	}
	h.release(now, l)
	return true
}
