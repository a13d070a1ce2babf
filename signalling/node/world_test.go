package node

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/internal/proof"
	"github.com/cellhub/cellhub/signalling/q2931"
)

// A world of nodes in virtual time: hosts behind switches, joined by links that lose,
// double, delay and corrupt PDUs as the seed has it, and a hub beside each node that
// carries out what it is asked for and holds it to the rules: nothing is given twice,
// nothing works before it is given, everything ends.
type world struct {
	t     testing.TB
	seed  uint64
	r     *rand.Rand
	now   time.Duration
	tasks proof.Schedule
	nodes []*station
	wires []*wire
	log   []string
	// polite hubs and applications refuse nothing.
	polite bool
}

// station is a node, its hub and its applications.
type station struct {
	w     *world
	name  string
	n     *Node
	peers map[uint16]*wire
	addr  address.Address
	// the hub
	socks   map[control.ConnID]*sock
	last    control.ConnID
	vcs     map[VC]given // what the hub carries, and why
	saved   map[uint16]uint8
	slow    bool            // the hub does not answer
	claimed map[uint32]bool // tokens of what a new node has claimed
	// what a new node is given
	ifs    []Interface
	routes map[address.Prefix][]uint16
}

// given is one end of what the hub carries.
type given struct {
	token  uint32
	conn   control.ConnID
	other  VC
	cookie []byte
	// leaves are those of a root's VC; other is the root's of a leaf's
	leaves map[uint32]VC
}

// sock is an application's connection, and what it must be.
type sock struct {
	id       control.ConnID
	listener bool
	incoming bool
	vc       VC // Add
	up, over bool
	closing  bool
	cause    uint8
	leaves   map[uint32]bool // of a root: those that it has asked for, and whether they take part
}

// wire joins two interfaces.
type wire struct {
	ends   [2]*station
	ports  [2]uint16
	loss   float64
	tricks bool // doubles, delays, corrupts
	cut    time.Duration
	last   [2]time.Duration
}

func newWorld(t testing.TB, seed uint64) *world {
	return &world{t: t, seed: seed, r: rand.New(rand.NewPCG(seed, 12))}
}

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	from := max(0, len(w.log)-60)
	for _, l := range w.log[from:] {
		w.t.Log(l)
	}
	w.t.Fatalf("seed %d, %v: %s", w.seed, w.now, fmt.Sprintf(format, args...))
}

func (w *world) note(s *station, format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf("%9.4f %s: %s", w.now.Seconds(), s.name, fmt.Sprintf(format, args...)))
}

func (w *world) after(d time.Duration, run func()) {
	w.tasks.At(w.now+d, run)
}

func (w *world) some(most time.Duration) time.Duration {
	return time.Duration(w.r.Int64N(int64(most)>>w.r.IntN(6) + 1))
}

// whim is true once in so many times.
func (w *world) whim(times int) bool { return !w.polite && w.r.IntN(times) == 0 }

// station adds a node whose hosts have an address of its own.
func (w *world) station(name string) *station {
	s := &station{w: w, name: name, n: New(), peers: map[uint16]*wire{}, socks: map[control.ConnID]*sock{},
		vcs: map[VC]given{}, saved: map[uint16]uint8{}, routes: map[address.Prefix][]uint16{}}
	s.addr.AESA[0] = address.AFIICD
	s.addr.AESA[12] = byte(len(w.nodes) + 1)
	w.nodes = append(w.nodes, s)
	return s
}

// join makes a link: a is the user side, b the network.
func (w *world) join(a, b *station, edit func(user, network *Interface)) *wire {
	l := &wire{ends: [2]*station{a, b}}
	version := [3]q2931.Version{q2931.UNI30, q2931.UNI31, q2931.UNI40}[w.r.IntN(3)]
	var ifs [2]Interface
	for k, s := range l.ends {
		l.ports[k] = uint16(len(s.peers) + 1)
		s.peers[l.ports[k]] = l
		ifs[k] = Interface{Port: l.ports[k], Call: q2931.Config{Side: q2931.Side(k), Version: version}}
	}
	if edit != nil {
		edit(&ifs[0], &ifs[1])
	}
	for k, s := range l.ends {
		if err := s.n.AddInterface(w.now, ifs[k]); err != nil {
			w.t.Fatal(err)
		}
		s.ifs = append(s.ifs, ifs[k])
	}
	w.wires = append(w.wires, l)
	for _, s := range l.ends {
		s.drain()
	}
	return l
}

// route says that addresses of to are behind a port of s.
func (s *station) route(to *station, ports ...uint16) {
	var p address.Prefix
	p, err := address.ParsePrefix(fmt.Sprintf("%x/104", to.addr.AESA[:13]))
	if err != nil {
		s.w.t.Fatal(err)
	}
	s.n.SetRoute(p, ports...)
	s.routes[p] = ports
}

// step runs the next task or timer; false when there is none before the end.
func (w *world) step(end time.Duration) bool {
	next, which := end, -2
	if at, ok := w.tasks.Next(); ok && at <= next {
		next, which = at, -1
	}
	for k, s := range w.nodes {
		if at, ok := s.n.Deadline(); ok && at < next {
			next, which = max(at, w.now), k
		}
	}
	switch which {
	case -2:
		w.now = end
		return false
	case -1:
		w.now = next
		w.tasks.Run()
	default:
		w.now = next
		w.nodes[which].n.Tick(w.now)
		w.nodes[which].drain()
	}
	return true
}

func (w *world) run(d time.Duration) {
	for end := w.now + d; w.step(end); {
	}
}

// send is a PDU on its way.
func (l *wire) send(s *station, port uint16, pdu []byte, management bool) {
	w, from := s.w, 0
	if l.ends[1] == s && l.ports[1] == port {
		from = 1
	}
	if w.now < l.cut || w.r.Float64() < l.loss {
		return
	}
	data := append([]byte(nil), pdu...)
	if l.tricks && w.r.IntN(40) == 0 && len(data) > 0 { // what the CRC would not let pass, passes
		data[w.r.IntN(len(data))] ^= 1 << w.r.IntN(8)
		return // AAL5 drops it
	}
	at := max(w.now+w.some(5*time.Millisecond), l.last[from]+1)
	l.last[from] = at
	if l.tricks && w.r.IntN(60) == 0 {
		at -= w.some(3 * time.Millisecond) // overtakes
	}
	copies := 1
	if l.tricks && w.r.IntN(60) == 0 {
		copies = 2
	}
	to, toPort := l.ends[1-from], l.ports[1-from]
	for range copies {
		w.after(max(0, at-w.now), func() {
			if management {
				to.n.ReceiveManagement(w.now, toPort, data)
			} else {
				to.n.Receive(w.now, toPort, data)
			}
			to.drain()
		})
		at += time.Millisecond
	}
}
