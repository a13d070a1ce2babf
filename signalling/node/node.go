package node

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/signalling/address"
)

// MaxInterfaces is how many interfaces a node has at most.
const MaxInterfaces = 4096

// MaxListeners is how many addresses are listened to at most.
const MaxListeners = 1 << 20

// ErrInterface is an interface that cannot be added.
var ErrInterface = errors.New("node: interface")

// Node is call control: see the package's comment. It is not safe for use by two
// goroutines at once.
type Node struct {
	// Trace, when set, sees each message of Q.2931 that an interface sends or receives. It
	// must not keep it, nor call the node.
	Trace func(port uint16, sent bool, message []byte)

	now       time.Duration
	ifaces    map[uint16]*iface
	order     []*iface // as they were added: the order in which timers run
	awake     []*iface // have something to do
	routes    address.Table[[]uint16]
	listeners map[address.Address]control.ConnID
	apps      map[control.ConnID]*app
	waiting   map[uint32]waiter // by the token that the hub will answer with
	questions []question
	token     uint32
	calls     map[uint64]*call
	actions   []Action
	counters  Counters
}

// Counters count what has no other effect.
type Counters struct {
	Calls      uint64 // that were begun
	Connected  uint64 // of them, that carried data
	Parties    uint64 // that were to be added to calls
	Rerouted   uint64 // times that another route was tried
	NoRoute    uint64 // calls refused: nobody to give them to
	NoChannel  uint64 // calls refused: no VPI and VCI left
	NoCapacity uint64 // calls refused by admission
	HubLate    uint64 // answers of the hub that did not come within HubTimeout
	HubRefused uint64 // calls refused because the hub would not carry them
	Stray      uint64 // events for a connection, interface or token that is not there
	Refused    uint64 // requests that a machine refused: faults of this program
	Unsent     uint64 // messages for a link that had just failed
	LinkErrors uint64 // MAA-ERROR indications of SSCOP
}

// New makes a node without interfaces.
func New() *Node {
	return &Node{
		ifaces:    make(map[uint16]*iface),
		listeners: make(map[address.Address]control.ConnID),
		apps:      make(map[control.ConnID]*app),
		calls:     make(map[uint64]*call),
		waiting:   make(map[uint32]waiter),
	}
}

// AddInterface gives the node an interface, whose link it asks for. The error wraps
// ErrInterface or is that of Q.2931's or SSCOP's configuration.
func (n *Node) AddInterface(now time.Duration, c Interface) error {
	n.at(now)
	switch {
	case n.ifaces[c.Port] != nil:
		return fmt.Errorf("%w: port %d has one", ErrInterface, c.Port)
	case len(n.ifaces) == MaxInterfaces:
		return fmt.Errorf("%w: %d are there", ErrInterface, MaxInterfaces)
	}
	i, err := newIface(n, c)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInterface, err)
	}
	n.ifaces[c.Port] = i
	n.order = append(n.order, i)
	n.up(i)
	n.drain()
	return nil
}

// Receive takes a PDU of SSCOP, a CPCS-SDU from VC 0/5 of the port. It is the caller's.
// A PDU that is none is counted by SSCOP.
func (n *Node) Receive(now time.Duration, port uint16, pdu []byte) {
	n.at(now)
	i := n.ifaces[port]
	if i == nil {
		n.counters.Stray++
		return
	}
	_ = i.saal.Receive(now, pdu) // counted there
	n.wake(i)
	n.drain()
}

// ReceiveManagement takes a PDU of ILMI, a CPCS-SDU from VC 0/16 of the port. It is the
// caller's. A PDU that is none is counted by ILMI.
func (n *Node) ReceiveManagement(now time.Duration, port uint16, pdu []byte) {
	n.at(now)
	i := n.ifaces[port]
	if i == nil || i.mgmt == nil {
		n.counters.Stray++
		return
	}
	_ = i.mgmt.Receive(now, pdu) // counted there
	n.wake(i)
	n.drain()
}

// Addresses are those that ILMI has brought to an interface.
func (n *Node) Addresses(port uint16) []address.Address {
	if i := n.ifaces[port]; i != nil {
		return slices.Clone(i.addresses)
	}
	return nil
}

// Tick lets the timers run out that are due by now.
func (n *Node) Tick(now time.Duration) {
	n.at(now)
	for _, i := range n.order {
		if at, ok := i.deadline(); ok && at <= now {
			i.tick(now)
		}
	}
	n.unanswered()
	n.drain()
}

// Deadline is when Tick is due; false when no timer runs.
func (n *Node) Deadline() (at time.Duration, ok bool) {
	for _, i := range n.order {
		if t, running := i.deadline(); running && (!ok || t < at) {
			at, ok = t, true
		}
	}
	if n.forget(); len(n.questions) > 0 && (!ok || n.questions[0].until < at) {
		at, ok = n.questions[0].until, true
	}
	return at, ok
}

// Actions are what has to be done, in this order. The list is the caller's until the next
// call of a method.
func (n *Node) Actions() []Action {
	a := n.actions
	n.actions = n.actions[:0]
	return a
}

// Counters are the counters.
func (n *Node) Counters() Counters { return n.counters }

// at moves the clock, which does not go back.
func (n *Node) at(now time.Duration) {
	if now > n.now {
		n.now = now
	}
}

func (n *Node) act(a Action) { n.actions = append(n.actions, a) }

// wake says that an interface has something to do. What it does is done in drain, not
// here, so that no machine is entered while it is at work.
func (n *Node) wake(i *iface) { n.awake = append(n.awake, i) }

// drain lets every interface do what it wants, until nobody wants anything.
func (n *Node) drain() {
	for len(n.awake) > 0 {
		i := n.awake[0]
		n.awake = n.awake[1:]
		i.run()
	}
	n.awake = n.awake[:0]
}
