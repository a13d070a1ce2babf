package atmarp

import (
	"flag"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/internal/proof"
)

var seeds = flag.Int("seeds", 200, "how many subnets to simulate")

// subnet is a server and clients on a network that switches VCs between them: calls may fail,
// packets be lost, VCs be cut.
type subnet struct {
	t      *testing.T
	r      *rand.Rand
	plan   proof.Schedule
	now    time.Duration
	loss   float64
	hosts  []*member // the first is the server
	vcs    map[Link]*vc
	last   Link
	seed   uint64
	misled int // packets that went to another host than the one with their address
}

// member is a host, and what its user remembers.
type member struct {
	*Host
	net   *subnet
	n     byte
	ready map[netip.Addr]Link
	waits map[netip.Addr]time.Duration // since when a packet waits
}

// vc is a switched VC; both ends know it by the same number.
type vc struct{ ends [2]*member }

func newSubnet(t *testing.T, seed uint64) *subnet {
	s := &subnet{t: t, r: rand.New(rand.NewPCG(seed, 2225)), vcs: map[Link]*vc{}, seed: seed}
	s.loss = []float64{0, 0.1, 0.3}[s.r.IntN(3)]
	const server = 9
	for i := range 2 + s.r.IntN(6) {
		c := Config{Prefix: prefix(server + byte(i)), ATM: at(server + byte(i))}
		if i > 0 {
			c.Servers = []address.Address{at(server)}
		}
		h, err := NewHost(c)
		if err != nil {
			t.Fatal(err)
		}
		m := &member{Host: h, net: s, n: server + byte(i), ready: map[netip.Addr]Link{}, waits: map[netip.Addr]time.Duration{}}
		s.hosts = append(s.hosts, m)
	}
	for _, m := range s.hosts {
		m.Start(0)
		m.act()
	}
	return s
}

func (s *subnet) failf(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("seed %d, at %v: "+format, append([]any{s.seed, s.now}, args...)...)
}

func (s *subnet) delay() time.Duration { return time.Duration(1+s.r.IntN(50)) * time.Millisecond }

// act does what a host wants done.
func (m *member) act() {
	s := m.net
	for actions := m.Actions(); len(actions) > 0; actions = m.Actions() {
		for _, a := range actions {
			switch a.Kind {
			case Call:
				s.plan.At(s.now+s.delay(), func() { s.connect(m, a.ATM) })
			case Release:
				s.plan.At(s.now+s.delay(), func() { s.cut(a.Link) })
			case Send:
				s.carry(m, a.Link, a.Packet)
			case Ready:
				m.ready[a.IP] = a.Link
				delete(m.waits, a.IP)
			case Lost:
				delete(m.ready, a.IP)
			case Refused:
				delete(m.waits, a.IP)
			}
		}
	}
}

func (s *subnet) connect(m *member, to address.Address) {
	n := int(to.AESA.ESI()[5]) - int(s.hosts[0].n)
	if n < 0 || n >= len(s.hosts) || s.r.Float64() < s.loss {
		m.Failed(s.now, to)
		m.act()
		return
	}
	s.last++
	c := &vc{[2]*member{m, s.hosts[n]}}
	s.vcs[s.last] = c
	id := s.last
	for i, e := range c.ends {
		if s.vcs[id] == c { // the first has not released it
			e.Opened(s.now, id, at(c.ends[1-i].n))
			e.act()
		}
	}
}

func (s *subnet) cut(id Link) {
	c := s.vcs[id]
	if c == nil {
		return
	}
	delete(s.vcs, id)
	for _, e := range c.ends {
		e.Closed(s.now, id)
		e.act()
	}
}

func (s *subnet) carry(from *member, id Link, p Packet) {
	c := s.vcs[id]
	if c == nil || s.r.Float64() < s.loss {
		return
	}
	to := c.ends[0]
	if to == from {
		to = c.ends[1]
	}
	sdu := p.Append(nil)
	s.plan.At(s.now+s.delay(), func() {
		if s.vcs[id] == c {
			to.Receive(s.now, id, sdu)
			to.act()
		}
	})
}

// packet sends an IP packet, as a user does.
func (s *subnet) packet(m *member, to netip.Addr) {
	id, is := m.ready[to]
	if !is {
		if _, waits := m.waits[to]; !waits {
			m.waits[to] = s.now
		}
		m.Need(s.now, to)
		m.act()
		return
	}
	c := s.vcs[id]
	if c == nil {
		return // cut, and not heard of yet
	}
	for _, e := range c.ends {
		if e != m && e.config.Prefix.Addr() != to {
			s.misled++
		}
		e.Used(s.now, id)
	}
}

// run lets time pass.
func (s *subnet) run(until time.Duration) {
	for {
		at, is := s.plan.Next()
		var who *member
		for _, m := range s.hosts {
			if next, ok := m.Deadline(); ok && (!is || next < at) {
				at, is, who = next, true, m
			}
		}
		if !is || at > until {
			s.now = until
			return
		}
		s.now = max(s.now, at)
		if who == nil {
			s.plan.Run()
			continue
		}
		who.Tick(s.now)
		who.act()
	}
}

// Subnets with losses, failing calls and cuts: no packet goes to another host than its
// address's, none waits for ever, and when the network is well again and silence falls, only
// the VCs to the server are left, with everybody registered.
func TestSimulation(t *testing.T) {
	from, n := *proof.Seed, 1
	if from == 0 {
		from, n = 1, *seeds
	}
	for seed := from; seed < from+uint64(n); seed++ {
		s := newSubnet(t, seed)
		const busy = 2 * time.Hour
		for range 300 {
			at := time.Duration(s.r.Int64N(int64(busy)))
			s.plan.At(at, func() {
				m := s.hosts[s.r.IntN(len(s.hosts))]
				if s.r.IntN(10) == 0 && s.last > 0 {
					s.cut(Link(1 + s.r.IntN(int(s.last))))
					return
				}
				s.packet(m, ip(s.hosts[0].n+byte(s.r.IntN(len(s.hosts)+1)))) // one of them, or nobody
			})
		}
		s.run(busy)
		s.loss = 0
		s.run(busy + 2*ServerAge)
		if s.misled > 0 {
			s.failf("%d packets were misled", s.misled)
		}
		for _, m := range s.hosts {
			if len(m.waits) > 0 {
				s.failf("host %d: packets wait: %v", m.n, m.waits)
			}
			if st := m.Status(); !st.Server && !st.Registered {
				s.failf("host %d is not registered: %+v", m.n, st)
			}
		}
		for id, c := range s.vcs {
			if c.ends[0].server.link != id && c.ends[1].server.link != id {
				s.failf("VC %d from %d to %d is left", id, c.ends[0].n, c.ends[1].n)
			}
		}
		if want := len(s.hosts) - 1; len(s.vcs) != want || len(s.hosts[0].entries) != want {
			s.failf("%d VCs, and the server knows %d of %d", len(s.vcs), len(s.hosts[0].entries), want)
		}
	}
}

// Whole machines, by sequences of events and octets: nothing panics, what can be sent can be
// read, and an end of all VCs leaves only what was entered by hand.
func FuzzHost(f *testing.F) {
	for _, sdu := range recording(f) {
		f.Add(append([]byte{0, 1, 0, 3, 3, 1}, sdu...))
	}
	f.Add([]byte{1, 0, 9, 1, 1, 3, 2, 3, 4, 3, 5, 3, 6, 200, 7, 1, 0, 3})
	f.Fuzz(func(t *testing.T, in []byte) {
		var servers []address.Address
		if len(in)&1 != 0 {
			servers = []address.Address{at(9)}
		}
		h, err := NewHost(Config{Prefix: prefix(1), ATM: at(1), Servers: servers})
		if err != nil {
			t.Fatal(err)
		}
		h.Start(0)
		var now time.Duration
		for ; len(in) >= 3; in = in[2:] {
			n := in[1] % 12
			switch in[0] % 8 {
			case 0:
				h.Opened(now, Link(n), at(in[2]%12))
			case 1:
				h.Opened(now, Link(n), address.Address{})
			case 2:
				h.Closed(now, Link(n))
			case 3:
				h.Failed(now, at(n))
			case 4:
				h.Need(now, ip(n))
			case 5:
				h.Receive(now, Link(n), in[2:])
				p := Packet{ops[int(in[2])%len(ops)], at(in[2] / 16), at(n), ip(in[2] % 16), ip(n)}
				h.Receive(now, Link(n), p.Append(nil))
			case 6:
				now += time.Duration(in[1]) * 10 * time.Second
				h.Tick(now)
			case 7:
				_ = h.Add(now, ip(n), at(in[2]%12))
				h.Delete(now, ip(in[2]%12))
			}
			for _, a := range h.Actions() {
				if a.Kind == Send {
					if _, err := Parse(a.Packet.Append(nil)); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		for id := range h.links {
			h.Closed(now, id)
		}
		for end := now + time.Hour; now < end; now += time.Second {
			h.Tick(now)
			for _, a := range h.Actions() {
				if a.Kind == Call {
					h.Failed(now, a.ATM)
				}
			}
		}
		for _, e := range h.entries {
			if !e.static {
				t.Fatalf("left: %+v", *e)
			}
		}
	})
}
