package server

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/cellhub/cellhub/dataplane"
)

// Relay has cells of cross-connects go from port to port without the hub. It is bound before anybody hears that a
// cross-connect works, and unbound before what it leads to goes. Its methods are called one at a time.
type Relay interface {
	// Bind has what comes from one end leave as the other. What it cannot have go so, or not in order, it refuses with
	// the reason; insist: order does not matter. Again, with the same ends, it changes nothing.
	Bind(from, to RelayEnd, insist bool) error
	// Unbind gives it back to the hub, and says how many cells, or SDUs, have gone so.
	Unbind(from RelayEnd) uint64
	// Relayed is that number while it is bound.
	Relayed(from RelayEnd) uint64
	// Counts is what a port has counted of what was relayed from it and to it, by the names of its own counters.
	Counts(p PortSpec) []dataplane.Count
	// Forget ends what is kept for a port that goes, when nothing of it is bound any more.
	Forget(p PortSpec)
}

// RelayEnd is a VC of a port, or, with VCI 0, a whole VP.
type RelayEnd struct {
	Port     PortSpec
	VPI, VCI uint16
}

// RelayWish says who is to relay.
type RelayWish uint8

// The wishes.
const (
	RelayAuto RelayWish = iota // the kernel, where it keeps the order of cells
	RelayOn                    // the kernel, where it can
	RelayOff                   // the hub
)

var relayWishes = [...]string{RelayAuto: "auto", RelayOn: "on", RelayOff: "off"}

func (w RelayWish) String() string { return relayWishes[w] }

// MarshalText gives the word.
func (w RelayWish) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads auto, on or off.
func (w *RelayWish) UnmarshalText(text []byte) (err error) {
	*w, err = ParseRelayWish(string(text))
	return err
}

// ParseRelayWish reads auto, on or off.
func ParseRelayWish(s string) (RelayWish, error) {
	for w, name := range relayWishes {
		if s == name {
			return RelayWish(w), nil
		}
	}
	return 0, errors.New("auto, on or off")
}

// RelayWisher is a specification of a port that has a wish about what comes from it.
type RelayWisher interface{ RelayWish() RelayWish }

// Why the hub does it.
var (
	errRelayOff  = errors.New("relay=off")
	errLeaves    = errors.New("it has leaves")
	errWatched   = errors.New("its OAM is looked after")
	errPortDown  = errors.New("a port is down")
	errEndsHere  = errors.New("it ends here")
	errMixed     = errors.New("others of the port are the hub's, or leave by another port; relay=on does it nevertheless, for frames of one VC each")
	errPoliced   = errors.New("it is policed")
	errMerged    = errors.New("it merges with others")
	errShaped    = errors.New("it is shaped")
	errDiscarded = errors.New("frames or weight is for the hub's queues")
)

// relaying is what a VC has to do with the relay: what comes in there, and where it leaves.
type relaying struct {
	known  bool  // the port has been told of it
	to     *vc   // nil: it is the hub's; of a VC that nothing comes from too
	why    error // it is the hub's
	insist bool
	bound  bool
	silent bool   // nothing comes from it
	before uint64 // cells of times before
}

// portRelaying is what the VCs of a port have to do with it. Frames hold cells of many VCs: the order of cells is certain
// when all of a port leave by one other.
type portRelaying struct {
	strays int           // VCs that are the hub's
	outs   map[*port]int // by which others leave
	mixed  bool          // so the hub has to take all
}

func (r *portRelaying) mustMix() bool { return r.strays > 0 || len(r.outs) > 1 }

func (r *portRelaying) add(v *relaying, n int) {
	switch {
	case v.silent:
	case v.to == nil:
		r.strays += n
	default:
		if r.outs == nil {
			r.outs = map[*port]int{}
		}
		if r.outs[v.to.on] += n; r.outs[v.to.on] == 0 {
			delete(r.outs, v.to.on)
		}
	}
}

// wish is what is wanted of cells that come from a VC.
func (v *vc) wish() RelayWish {
	w := v.cross.relay
	if w == RelayAuto {
		if p, ok := v.on.spec.(RelayWisher); ok {
			w = p.RelayWish()
		}
	}
	return w
}

// judge says where cells of a VC leave, when the kernel may relay them, or why not.
func (v *vc) judge() (r relaying) {
	x := v.cross
	r = relaying{known: true, bound: v.relay.bound, before: v.relay.before}
	if x == nil {
		r.why = errEndsHere
		return r
	}
	if r.silent = v != x.a && !x.bothWay; r.silent {
		return r
	}
	to := x.a
	if v == x.a {
		to = x.ends[firstLeaf]
	}
	wish := v.wish()
	r.insist = wish == RelayOn
	switch {
	case wish == RelayOff:
		r.why = errRelayOff
	case to == nil || !x.bothWay && len(x.ends) > 1:
		r.why = errLeaves
	case v.watched:
		r.why = errWatched
	case v.on.down || to.on.down:
		r.why = errPortDown
	default:
		if r.why = x.queued; r.why == nil {
			r.to = to
		}
	}
	return r
}

// review judges a VC of a port anew, and those of the same port, if that changes what can be done about them. s.mu is
// held, as by all that follows.
func (s *Server) review(v *vc) {
	s.outside(func() {
		if !v.relay.known {
			return
		}
		v.on.relay.add(&v.relay, -1)
		v.relay = v.judge()
		v.on.relay.add(&v.relay, 1)
		s.settle(v.on, v)
	})
}

// enterRelay and leaveRelay tell that a port has a VC more, or one less. The one that leaves is the hub's from then on.
func (s *Server) enterRelay(v *vc) {
	s.outside(func() {
		if s.vcs.byKey[v.vcKey] != v {
			return // it has left again
		}
		v.relay = v.judge()
		v.on.relay.add(&v.relay, 1)
		s.settle(v.on, v)
	})
}

func (s *Server) leaveRelay(v *vc) {
	if s.relay == nil || !v.relay.known {
		return
	}
	v.on.relay.add(&v.relay, -1)
	s.unrelay(v)
	delete(s.unrelayed, v)
	v.relay = relaying{}
	s.outside(func() { s.settle(v.on, nil) })
}

// outside does what must not be done while the hub stands for a bundle of changes: the relay asks the kernel. It is done
// before anybody hears of the bundle.
func (s *Server) outside(do func()) {
	switch {
	case s.relay == nil:
	case s.bundled:
		s.unsettled = append(s.unsettled, do)
	default:
		do()
	}
}

// settle binds and unbinds: the VC alone, or, when the port is mixed now or not any more, all of it. What cannot be bound
// is one more of the hub's.
func (s *Server) settle(p *port, v *vc) {
	if v != nil && p.relay.mixed == p.relay.mustMix() {
		s.rebind(v)
	}
	for range 2 { // a refusal may mix it
		if p.relay.mixed == p.relay.mustMix() {
			return
		}
		p.relay.mixed = !p.relay.mixed
		for v := range p.vcs {
			s.rebind(v)
		}
	}
}

// rebind does what can be done about a VC now.
func (s *Server) rebind(v *vc) {
	r := &v.relay
	switch {
	case r.silent || !r.known:
	case r.to == nil:
		s.unrelay(v)
	case v.on.relay.mustMix() && !r.insist:
		s.unrelay(v)
		r.why = errMixed
	default:
		err := s.relay.Bind(v.end(), r.to.end(), r.insist)
		if err == nil {
			r.bound, r.why = true, nil
			return
		}
		s.unrelay(v)
		v.on.relay.add(r, -1)
		r.to, r.why = nil, err
		v.on.relay.add(r, 1)
		s.unrelayed[v] = struct{}{}
	}
}

func (s *Server) unrelay(v *vc) {
	if v.relay.bound {
		v.relay.bound = false
		v.relay.before += s.relay.Unbind(v.end())
	}
}

func (v *vc) end() RelayEnd { return RelayEnd{v.on.spec, v.vpi, v.vci} }

// reviewPort judges all VCs of a port anew, and those that leave by it.
func (s *Server) reviewPort(p *port) {
	if s.relay == nil {
		return
	}
	for v := range p.vcs {
		s.review(v)
		if v.cross == nil {
			continue
		}
		s.review(v.cross.a)
		for _, end := range v.cross.ends {
			s.review(end)
		}
	}
}

// ReviewRelays tries again what the relay has refused: something may have changed.
func (s *Server) ReviewRelays() {
	s.mu.Lock()
	defer s.mu.Unlock()
	again := s.unrelayed
	s.unrelayed = map[*vc]struct{}{}
	for v := range again {
		s.review(v)
	}
}

// relayWord takes the word relay=WISH out of the words that say how a contract is kept.
func relayWord(w string) (wish RelayWish, is bool, err error) {
	value, is := strings.CutPrefix(w, "relay=")
	if !is {
		return 0, false, nil
	}
	if wish, err = ParseRelayWish(value); err != nil {
		err = fmt.Errorf("%s: %w: %w", w, err, syscall.EINVAL)
	}
	return wish, true, err
}

// relayCounts adds to the counters of a VC what was relayed.
func (s *Server) relayCounts(v *vc, counts []dataplane.Count) []dataplane.Count {
	r := &v.relay
	if s.relay == nil || r.silent {
		return counts
	}
	n, bound := r.before, uint64(0)
	if r.bound {
		n += s.relay.Relayed(v.end())
		bound = 1
	}
	return append(addCounts(counts, []dataplane.Count{{Name: "rx_cells", N: n}}),
		dataplane.Count{Name: "relayed", N: bound}, dataplane.Count{Name: "relayed_cells", N: n})
}

// whyNotRelayed says why the hub relays what comes from a VC though there is a relay; empty: the kernel does it, or nothing
// comes.
func (s *Server) whyNotRelayed(v *vc) string {
	if s.relay == nil || v.relay.why == nil {
		return ""
	}
	return v.relay.why.Error()
}

// addCounts adds counters to those of the same name; others come last.
func addCounts(counts, more []dataplane.Count) []dataplane.Count {
next:
	for _, m := range more {
		for i := range counts {
			if counts[i].Name == m.Name {
				counts[i].N += m.N
				continue next
			}
		}
		counts = append(counts, m)
	}
	return counts
}
