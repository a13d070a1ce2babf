package node

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/ilmi"
	"github.com/cellhub/cellhub/signalling/q2931"
	"github.com/cellhub/cellhub/signalling/sscf"
	"github.com/cellhub/cellhub/signalling/sscop"
)

// Interface is what an interface with signalling is. The zero values of what is not said
// are a user side of UNI 4.0, with one VPI and all VCIs from FirstVCI.
type Interface struct {
	Port     uint16 // of the hub; its name here
	Call     q2931.Config
	Link     sscop.Config // DefaultConfig when zero; LastSQ from the last SaveSequence
	Paths    uint16       // VPIs from 0; calls have VPCI = VPI
	FirstVCI uint16
	LastVCI  uint16
	// Capacity is the cells a second, each way, that admission may give away; 0: no limit.
	Capacity uint32
	// Management is the interface's ILMI; nil: it has none.
	Management *Management
}

func (c *Interface) complete() error {
	if c.Paths == 0 {
		c.Paths = 1
	}
	if c.FirstVCI == 0 {
		c.FirstVCI = FirstVCI
	}
	if c.LastVCI == 0 {
		c.LastVCI = 1<<16 - 1
	}
	if last := c.Link.LastSQ; c.Link == (sscop.Config{LastSQ: last}) {
		c.Link = sscop.DefaultConfig()
		c.Link.LastSQ = last
		c.Link.AcceptAnyBGN = true // linux-atm's daemon begins each life with the same N(SQ), and asks at once when refused
	}
	switch {
	case c.Port == 0:
		return fmt.Errorf("node: an interface has a port from 1")
	case c.FirstVCI < FirstVCI || c.LastVCI < c.FirstVCI:
		return fmt.Errorf("node: VCIs %d to %d: from %d up", c.FirstVCI, c.LastVCI, FirstVCI)
	case c.Paths > 1<<12:
		return fmt.Errorf("node: %d VPIs: at most 4096", c.Paths)
	}
	return nil
}

// iface is an interface at work: Q.2931 over SSCF over SSCOP.
type iface struct {
	Interface
	n         *Node
	calls     *q2931.Machine
	saal      *sscf.Machine
	legs      map[q2931.Call]*leg
	vcs       channels
	out, in   uint64 // cells a second set aside, from here and to here
	mgmt      *ilmi.Machine
	addresses []address.Address // that ILMI has brought
}

func newIface(n *Node, c Interface) (*iface, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	calls, err := q2931.New(c.Call)
	if err != nil {
		return nil, err
	}
	saal, err := sscf.New(c.Link)
	if err != nil {
		return nil, err
	}
	i := &iface{Interface: c, n: n, calls: calls, saal: saal, legs: make(map[q2931.Call]*leg)}
	i.vcs.init(c.FirstVCI, c.LastVCI, c.Paths)
	return i, i.manage(c.Management)
}

func (i *iface) network() bool { return i.calls.Config().Side == q2931.Network }

// step gives an event to Q.2931 and does what it then wants.
func (i *iface) step(e *q2931.Event) error {
	err := i.calls.Step(i.n.now, e)
	i.n.wake(i)
	return err
}

// run carries out what the machines want, until they want nothing more: Q.2931's actions
// for the SAAL first, for they are what the peer waits for.
func (i *iface) run() {
	for {
		ready := i.calls.Ready()
		for k := range ready {
			i.do(&ready[k])
		}
		actions := i.saal.Actions()
		for k := range actions {
			i.carry(&actions[k])
		}
		if managed := i.learn(); len(ready) == 0 && len(actions) == 0 && !managed {
			return
		}
	}
}

// do is one action of Q.2931.
func (i *iface) do(e *q2931.Event) {
	var err error
	switch e.Kind {
	case q2931.EstablishRequest:
		err = i.saal.Establish(i.n.now, nil)
	case q2931.DataRequest:
		i.trace(true, e.Data)
		err = i.saal.Data(i.n.now, e.Data)
	default:
		i.n.signal(i, e)
	}
	switch {
	case errors.Is(err, sscop.ErrState): // the link has failed; Q.2931 is about to hear it
		i.n.counters.Unsent++
	case err != nil:
		i.n.counters.Refused++
	}
}

// carry is one action of the SAAL.
func (i *iface) carry(a *sscf.Action) {
	switch a.Kind {
	case sscf.Send:
		i.n.act(Action{Kind: Send, Port: i.Port, Data: append([]byte(nil), a.Data...)})
	case sscf.SequenceUsed:
		i.n.act(Action{Kind: SaveSequence, Port: i.Port, SQ: a.SQ})
	case sscf.EstablishIndication:
		i.tell(q2931.Event{Kind: q2931.EstablishIndication})
	case sscf.EstablishConfirm:
		i.tell(q2931.Event{Kind: q2931.EstablishConfirm})
	case sscf.ReleaseIndication, sscf.ReleaseConfirm:
		i.tell(q2931.Event{Kind: q2931.LinkReleased})
	case sscf.DataIndication:
		i.trace(false, a.Data)
		// the elements of calls keep this memory
		i.tell(q2931.Event{Kind: q2931.DataIndication, Data: append([]byte(nil), a.Data...)})
	case sscf.ErrorIndication:
		i.n.counters.LinkErrors++
	}
}

func (i *iface) trace(sent bool, message []byte) {
	if i.n.Trace != nil {
		i.n.Trace(i.Port, sent, message)
	}
}

func (i *iface) tell(e q2931.Event) {
	if err := i.calls.Step(i.n.now, &e); err != nil {
		i.n.counters.Refused++
	}
}

// deadline is when tick is due.
func (i *iface) deadline() (at time.Duration, ok bool) {
	at, ok = i.calls.Deadline()
	if link, running := i.saal.Timeout(); running && (!ok || link < at) {
		at, ok = link, true
	}
	if i.mgmt != nil {
		if t, running := i.mgmt.Timeout(); running && (!ok || t < at) {
			at, ok = t, true
		}
	}
	return at, ok
}

func (i *iface) tick(now time.Duration) {
	i.saal.HandleTimeout(now)
	i.run()
	i.calls.Tick(now)
	i.run()
	if i.mgmt != nil {
		i.mgmt.HandleTimeout(now)
		i.run()
	}
}

// sorted are the legs in the order in which their calls have come.
func (i *iface) sorted() []*leg {
	legs := slices.Collect(maps.Values(i.legs))
	slices.SortFunc(legs, func(a, b *leg) int { return cmp.Compare(a.ref, b.ref) })
	return legs
}

// admits says whether the interface has what a call wants that leaves by it.
func (i *iface) admits(out, in uint32) bool {
	return i.Capacity == 0 ||
		i.out+uint64(out) <= uint64(i.Capacity) && i.in+uint64(in) <= uint64(i.Capacity)
}
