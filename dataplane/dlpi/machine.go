package dlpi

import "syscall"

// Device is what a machine knows of the line that it is attached to.
type Device struct {
	Address  [6]byte
	MaxFrame int // octets, the header of 14 included
}

// Act is what a step wants done.
type Act uint8

// The acts. A step may want several.
const (
	ActAnswer Act = 1 << iota // Answer goes to the user
	ActSend                   // Header and Payload go to the device
	ActAttach                 // a line of number PPA is wanted: Attached tells of it
	ActDetach                 // the line is given up: Detached tells that it has gone
	ActTake                   // what is to be handed up has changed: see SAPs
)

// Step is what a machine's step wants done. Its slices are views of what the step was given,
// or the machine's own until the next step.
type Step struct {
	Do      Act
	Answer  Prim
	Header  []byte
	Payload []byte
	PPA     uint32
}

// Machine is the provider's side of one stream.
type Machine interface {
	// Interface is that of its primitives.
	Interface() *Interface
	// Request takes a user's primitive, as octets.
	Request(in []byte) Step
	// Frame takes what has come from the line.
	Frame(frame []byte) Step
	// Attached answers ActAttach; nil: there is no such line.
	Attached(d *Device) Step
	// Detached answers ActDetach.
	Detached() Step
	// SAPs are what is to be handed up.
	SAPs() []SAP
}

// MaxSubs is how many SAPs a stream may be bound to beside its first.
const MaxSubs = 16

// Link is the machine of DLPI: style 2, connectionless.
type Link struct {
	state  State
	dev    Device
	sap    uint32 // as DL_BIND_REQ had it
	auto   uint32 // dl_xidtest_flg
	saps   []SAP  // the first is the one bound
	header [MaxHeader]byte
	local  [2][12]byte // addresses of an indication
	asked  Prim        // the request in hand
	xid    [3]byte
}

// New makes one that is DL_UNATTACHED.
func New() *Link { return &Link{state: Unattached, xid: [3]byte{0x81, 0x01, 0x00}} } // type 1, no window: 802.2, 5.4.1.1.2

// Interface is DLPI.
func (l *Link) Interface() *Interface { return &DLPI }

// State is the interface's state.
func (l *Link) State() State { return l.state }

// SAPs are those bound to.
func (l *Link) SAPs() []SAP { return l.saps }

// row is a primitive that a user may say: the states in which he may (DLPI 2.0.0, appendix B,
// tables of the local management and connectionless services), and what comes of it.
type row struct {
	states uint32 // a bit each
	step   func(*Link, *Prim) Step
}

const (
	inUnattached = 1 << Unattached
	inUnbound    = 1 << Unbound
	inIdle       = 1 << Idle
	inAny        = ^uint32(0)
)

var rows = map[uint32]row{
	InfoReq:       {inAny, (*Link).info},
	AttachReq:     {inUnattached, (*Link).attach},
	DetachReq:     {inUnbound, (*Link).detach},
	BindReq:       {inUnbound, (*Link).bind},
	UnbindReq:     {inIdle, (*Link).unbind},
	SubsBindReq:   {inIdle, (*Link).subsBind},
	SubsUnbindReq: {inIdle, (*Link).subsUnbind},
	UnitdataReq:   {inIdle, (*Link).unitdata},
	XIDReq:        {inIdle, (*Link).command},
	XIDRes:        {inIdle, (*Link).command},
	TestReq:       {inIdle, (*Link).command},
	TestRes:       {inIdle, (*Link).command},
	PhysAddrReq:   {inUnbound | inIdle, (*Link).physical},
}

// Request takes a primitive.
func (l *Link) Request(in []byte) Step {
	var err error
	l.asked, err = DLPI.Decode(in)
	p := &l.asked
	r, ours := rows[p.Words[0]]
	switch {
	case err != nil, DLPI.answer(p.Words[0]):
		return refuse(p.Words[0], BadPrim, 0)
	case !ours:
		return refuse(p.Words[0], NotSupported, 0)
	case r.states>>l.state&1 != 0:
		return r.step(l, p)
	case p.Words[0] == UnitdataReq: // a datagram has no acknowledgement, DLPI 4.2.1
		return undelivered(p, OutState, 0)
	}
	return refuse(p.Words[0], OutState, 0)
}

// answer tells whether a primitive is the provider's to say.
func (i *Interface) answer(number uint32) bool {
	name := i.Name(number)
	suffix := name[max(0, len(name)-4):]
	return suffix == "_ACK" || suffix == "_IND" || suffix == "_CON"
}

func answer(p Prim) Step { return Step{Do: ActAnswer, Answer: p} }

func words(w ...uint32) (p Prim) {
	copy(p.Words[:], w)
	return p
}

// refuse is DL_ERROR_ACK.
func refuse(number, code uint32, errno syscall.Errno) Step {
	return answer(words(ErrorAck, number, code, uint32(errno)))
}

func accept(number uint32) Step { return answer(words(OKAck, number)) }

// undelivered is DL_UDERROR_IND.
func undelivered(p *Prim, code uint32, errno syscall.Errno) Step {
	u := words(UDErrorInd, 0, 0, uint32(errno), code)
	u.Addr[0] = p.Addr[0]
	return answer(u)
}

// maxSDU is what is left of a frame.
func (l *Link) maxSDU() int {
	switch {
	case l.dev.MaxFrame == 0:
		return 0
	case len(l.saps) == 0:
		return l.dev.MaxFrame - MaxHeader
	}
	return l.dev.MaxFrame - l.overhead(l.saps[0])
}

func (*Link) overhead(s SAP) int {
	switch s & kindMask {
	case kindEther:
		return macHeader
	case kindLLC:
		return macHeader + llcHeader
	}
	return MaxHeader
}

func (l *Link) info(*Prim) Step {
	p := words(InfoAck)
	p.Words[1], p.Words[2] = uint32(l.maxSDU()), 1
	p.Words[4], p.Words[6], p.Words[8], p.Words[13], p.Words[15] = csmaCD, uint32(l.state), CLDLS, style2, version2
	if len(l.saps) > 0 {
		p.Addr[0] = l.address(0, l.dev.Address, l.saps[0])
		p.Words[7] = uint32(6 - len(p.Addr[0])) // dl_sap_length: negative, the SAP comes last
	}
	p.Addr[1] = []byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}
	return answer(p)
}

func (l *Link) address(i int, station [6]byte, s SAP) []byte {
	return s.append(append(l.local[i][:0], station[:]...))
}

func (l *Link) attach(p *Prim) Step {
	l.state = AttachPending
	return Step{Do: ActAttach, PPA: p.Words[1]}
}

// Attached ends DL_ATTACH_PENDING.
func (l *Link) Attached(d *Device) Step {
	switch {
	case l.state != AttachPending:
		return Step{}
	case d == nil:
		l.state = Unattached
		return refuse(AttachReq, BadPPA, 0)
	}
	l.state, l.dev = Unbound, *d
	return accept(AttachReq)
}

func (l *Link) detach(*Prim) Step {
	l.state = DetachPending
	return Step{Do: ActDetach}
}

// Detached ends DL_DETACH_PENDING.
func (l *Link) Detached() Step {
	if l.state != DetachPending {
		return Step{}
	}
	l.state, l.dev = Unattached, Device{}
	return accept(DetachReq)
}

func (l *Link) physical(*Prim) Step {
	p := words(PhysAddrAck)
	p.Addr[0] = l.dev.Address[:]
	return answer(p)
}
