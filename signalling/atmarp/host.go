package atmarp

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/cellhub/cellhub/signalling/address"
)

// Host is a host of a logical IP subnet.
type Host struct {
	config  Config
	entries map[netip.Addr]*entry
	links   map[Link]*link
	calls   map[address.Address]bool // under way
	server  client
	actions []Action
	counts  Counters
	next    time.Duration // when Tick has something to do, or before that
	waits   bool          // it has
}

// client is the host's relation to its server.
type client struct {
	which      int  // of Config.Servers
	link       Link // 0: none
	registered bool
	duplicate  bool
	ask        retry         // until it is registered
	again      time.Duration // when it registers again, or calls again
}

// retry is a question that is repeated until it is answered.
type retry struct {
	on   bool
	left int
	at   time.Duration
}

// begin asks at once.
func begin(now time.Duration) retry { return retry{on: true, left: Tries, at: now} }

// due tells whether to ask once more now, or that nobody has answered.
func (r *retry) due(now time.Duration) (ask, over bool) {
	switch {
	case !r.on || now < r.at:
		return false, false
	case r.left == 0:
		*r = retry{}
		return false, true
	}
	r.left--
	r.at = now + Retry
	return true, false
}

// entry is an IP address.
type entry struct {
	ip      netip.Addr
	atm     address.Address // zero: not known
	link    *link           // nil: none
	static  bool
	asked   retry         // of the server, or by InATMARP
	wanted  bool          // packets wait
	refused time.Duration // until when, if it is not known
	learnt  time.Duration
	expires time.Duration
}

// link is a VC.
type link struct {
	id     Link
	atm    address.Address // zero: a permanent one's
	ip     netip.Addr      // at its far end; zero: not known
	asked  retry           // by InATMARP
	used   time.Duration
	client bool // of the server's: its client keeps it, or not
	closes bool // it was released, and is on its way
}

// NewHost makes a host.
func NewHost(c Config) (*Host, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	c.Servers = slices.Clone(c.Servers)
	return &Host{config: c, entries: map[netip.Addr]*entry{}, links: map[Link]*link{}, calls: map[address.Address]bool{}}, nil
}

// IsServer tells whether it is the subnet's server.
func (h *Host) IsServer() bool { return len(h.config.Servers) == 0 }

// Start begins its life: a client calls its server.
func (h *Host) Start(now time.Duration) {
	if !h.IsServer() {
		h.call(h.serverATM())
	}
}

func (h *Host) serverATM() address.Address { return h.config.Servers[h.server.which] }

// Actions gives what is to be done, in order, once.
func (h *Host) Actions() []Action {
	a := h.actions
	h.actions = nil
	return a
}

func (h *Host) act(a Action) { h.actions = append(h.actions, a) }

// wait has Tick called no later than at.
func (h *Host) wait(at time.Duration) {
	if !h.waits || at < h.next {
		h.waits, h.next = true, at
	}
}

// Deadline is when Tick has something to do, or before that; false: never.
func (h *Host) Deadline() (time.Duration, bool) { return h.next, h.waits }

// call calls, unless it does already.
func (h *Host) call(atm address.Address) {
	if !h.calls[atm] {
		h.calls[atm] = true
		h.act(Action{Kind: Call, ATM: atm})
	}
}

func (h *Host) send(l *link, p Packet) {
	p.Source = h.config.ATM
	if !p.SourceIP.IsValid() {
		p.SourceIP = h.config.Prefix.Addr()
	}
	h.transmit(l, p)
}

func (h *Host) transmit(l *link, p Packet) {
	h.counts.Out++
	h.act(Action{Kind: Send, Link: l.id, Packet: p})
}

// IsNeighbour tells whether ATMARP can resolve an address: it is of the subnet, and neither
// the host's own nor a broadcast's.
func (h *Host) IsNeighbour(ip netip.Addr) bool {
	c := &h.config
	return c.Prefix.Contains(ip) && ip != c.Prefix.Addr() && !c.isBroadcast(ip) && (ip != c.Prefix.Masked().Addr() || c.Prefix.Bits() > 30)
}

// Need says that a packet waits for a neighbour. Ready or Refused answers, perhaps at once.
func (h *Host) Need(now time.Duration, ip netip.Addr) {
	if !h.IsNeighbour(ip) {
		h.act(Action{Kind: Refused, IP: ip})
		return
	}
	e := h.entries[ip]
	if e == nil {
		if e = h.enter(ip); e == nil {
			h.act(Action{Kind: Refused, IP: ip})
			return
		}
	}
	switch {
	case e.link != nil:
		h.act(Action{Kind: Ready, IP: ip, Link: e.link.id})
	case e.wanted:
	case now < e.refused || e.atm.IsZero() && h.IsServer():
		h.act(Action{Kind: Refused, IP: ip})
		h.forget(now, e)
	case e.atm.IsZero():
		e.wanted = true
		h.ask(now, e)
	default:
		e.wanted = true
		h.reach(e)
	}
}

// enter makes an entry; nil: there are too many.
func (h *Host) enter(ip netip.Addr) *entry {
	if len(h.entries) == MaxEntries {
		h.counts.Full++
		return nil
	}
	e := &entry{ip: ip}
	h.entries[ip] = e
	return e
}

// forget removes an entry of which nothing is to be remembered.
func (h *Host) forget(now time.Duration, e *entry) {
	if e.atm.IsZero() && e.link == nil && now >= e.refused && !e.wanted {
		delete(h.entries, e.ip)
	}
}

// ask asks the server for an entry's ATM address: as soon as there is a VC to it, and again.
func (h *Host) ask(now time.Duration, e *entry) {
	e.asked = begin(now)
	h.repeat(now, e)
}

// repeat asks once more, or gives up: who has a VC and is only asked for again is left to the
// server or the client at its end.
func (h *Host) repeat(now time.Duration, e *entry) {
	ask, over := e.asked.due(now)
	switch {
	case over && e.link != nil && e.link.atm.IsZero(): // of a permanent VC: who is there now?
		e.link.asked = retry{on: true, left: Tries, at: now + Inquiring}
		h.wait(e.link.asked.at)
		h.remove(e)
	case over && (e.link != nil || !e.atm.IsZero()):
		h.remove(e)
	case over:
		h.refuse(now, e)
	case ask:
		h.wait(e.asked.at)
		h.question(e)
	}
}

// question asks for an entry where it can be asked for: a server's client and the far end of
// a permanent VC by InATMARP, all others of the server.
func (h *Host) question(e *entry) {
	if l := e.link; l != nil && (h.IsServer() || l.atm.IsZero()) {
		h.send(l, Packet{Op: InRequest, Target: l.atm, TargetIP: e.ip})
	} else if l := h.links[h.server.link]; l != nil {
		h.send(l, Packet{Op: Request, TargetIP: e.ip})
	}
}

// reach uses a VC to an entry's ATM address, or makes one.
func (h *Host) reach(e *entry) {
	if l := h.linkTo(e.atm); l != nil {
		h.join(e, l)
		return
	}
	h.call(e.atm)
}

// linkTo finds a VC to an address: of several the first.
func (h *Host) linkTo(atm address.Address) (found *link) {
	for _, l := range h.links {
		if l.atm == atm && !l.closes && (found == nil || l.id < found.id) {
			found = l
		}
	}
	return found
}

// join has an entry's packets go by a VC.
func (h *Host) join(e *entry, l *link) {
	if e.link == l {
		return
	}
	e.link, e.wanted = l, false
	h.act(Action{Kind: Ready, IP: e.ip, Link: l.id})
}

// refuse gives an entry's packets up for a while.
func (h *Host) refuse(now time.Duration, e *entry) {
	e.asked, e.refused = retry{}, now+HoldDown
	h.wait(e.refused)
	if e.wanted {
		e.wanted = false
		h.act(Action{Kind: Refused, IP: e.ip})
	}
}

// part has an entry's packets go by no VC.
func (h *Host) part(e *entry) {
	if e.link != nil {
		e.link = nil
		h.act(Action{Kind: Lost, IP: e.ip})
	}
}

// remove ends an entry.
func (h *Host) remove(e *entry) {
	h.part(e)
	if e.wanted {
		h.act(Action{Kind: Refused, IP: e.ip})
	}
	delete(h.entries, e.ip)
}

// sorted gives entries in the order of their addresses, so that the same events always have
// the same actions.
func (h *Host) sorted() []*entry {
	return slices.SortedFunc(maps.Values(h.entries), func(a, b *entry) int { return a.ip.Compare(b.ip) })
}

func (h *Host) sortedLinks() []*link {
	return slices.SortedFunc(maps.Values(h.links), func(a, b *link) int { return cmp.Compare(a.id, b.id) })
}
