package atmarp

import (
	"errors"
	"time"
)

var errFull = errors.New("atmarp: there are too many entries")

// Tick does what is due. Used should have been said before it, of all VCs that were.
func (h *Host) Tick(now time.Duration) {
	if !h.waits || now < h.next {
		return
	}
	h.waits = false
	for _, l := range h.sortedLinks() {
		if !l.closes {
			h.tickLink(now, l)
		}
	}
	if !h.IsServer() {
		h.tickServer(now)
	}
	for _, e := range h.sorted() {
		if h.entries[e.ip] == e {
			h.tickEntry(now, e)
		}
	}
}

// tickLink asks again who is there, and releases what carries nothing.
func (h *Host) tickLink(now time.Duration, l *link) {
	h.inquire(now, l)
	if l.atm.IsZero() || l.client || l.id == h.server.link {
		return
	}
	if now-l.used >= h.config.Idle {
		h.release(now, l)
		return
	}
	h.wait(l.used + h.config.Idle)
}

// tickServer registers, again and again.
func (h *Host) tickServer(now time.Duration) {
	s := &h.server
	if s.ask.on {
		h.registration(now)
		if s.ask.on {
			h.wait(s.ask.at)
		}
	}
	switch {
	case s.again == 0:
	case now < s.again:
		h.wait(s.again)
	case s.link == 0:
		s.again = 0
		h.call(h.serverATM())
	default:
		s.again = 0
		h.register(now)
	}
}

// tickEntry asks again, and lets go of what is too old (8.4, 8.5.1).
func (h *Host) tickEntry(now time.Duration, e *entry) {
	h.repeat(now, e)
	switch {
	case h.entries[e.ip] != e:
		return
	case e.asked.on:
		h.wait(e.asked.at)
		return
	case e.atm.IsZero() && e.link == nil:
		h.forget(now, e)
		if now < e.refused {
			h.wait(e.refused)
		}
		return
	case e.static:
		return
	case now < e.expires:
		h.wait(e.expires)
	case e.link == nil && !e.wanted:
		h.remove(e)
	default: // it is in use: is it still true?
		h.ask(now, e)
	}
}

// Entries gives what the host knows, in the order of IP addresses.
func (h *Host) Entries(now time.Duration) []Entry {
	all := make([]Entry, 0, len(h.entries))
	for _, e := range h.sorted() {
		row := Entry{IP: e.ip, ATM: e.atm, Static: e.static, State: h.state(now, e)}
		if e.link != nil {
			row.Link = e.link.id
		}
		if !e.atm.IsZero() || e.link != nil {
			row.Age = now - e.learnt
		}
		all = append(all, row)
	}
	return all
}

func (h *Host) state(now time.Duration, e *entry) string {
	switch {
	case e.link != nil && e.asked.on:
		return "checking"
	case e.link != nil:
		return "open"
	case e.atm.IsZero() && now < e.refused:
		return "refused"
	case e.atm.IsZero():
		return "asking"
	case e.wanted:
		return "calling"
	}
	return "known"
}

// Status gives what the host is itself.
func (h *Host) Status() Status {
	s := Status{IP: h.config.Prefix, ATM: h.config.ATM, Server: h.IsServer(), Counters: h.counts}
	if !s.Server {
		s.ServerATM, s.ServerLink = h.serverATM(), h.server.link
		s.Registered, s.Duplicate = h.server.registered, h.server.duplicate
	}
	return s
}
