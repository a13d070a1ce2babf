package ilmi

import (
	"errors"
	"slices"
	"time"
)

// What Receive and requests may be refused for.
var (
	ErrStopped = errors.New("ilmi: not started")
	ErrFull    = errors.New("ilmi: actions wait to be taken")
	ErrLimit   = errors.New("ilmi: too many")
	ErrSide    = errors.New("ilmi: not on this side")
	ErrGroup   = errors.New("ilmi: not a group's address with a scope of 1 to 15")
	ErrService = errors.New("ilmi: not a service: identifier, index, address or parameter, or twice the same")
)

// MaxActions is how many actions wait for the caller at most. Past it PDUs are
// dropped and counted, and timers wait. One input may overstep it.
const MaxActions = 4096

// Machine is one end of ILMI on one interface: see the package's comment. Make
// it with New. It is not safe for use by two goroutines at once.
type Machine struct {
	cfg   Config
	state State
	now   time.Duration
	epoch time.Duration // sysUpTime counts from here
	up    bool

	request *request // that waits for an answer
	lastID  int32
	timer   time.Duration // of the request, or until the next poll
	armed   bool
	polls   int // since the last look at the rows

	attached attachment
	peer     Peer

	ours   []*row  // what we register with the peer
	theirs []entry // what the peer registers with us, in the order of the MIB
	walked int     // rows met in this walk

	identifiers []Identifier // user side
	groups      []Group      // user side
	prefixes    []Prefix     // network side
	services    []Service    // network side, in the order of the MIB

	discoveries []OID
	found       []Service

	actions []Action
	count   Counters
}

// request is one of ours, until it is answered.
type request struct {
	kind  requestKind
	pdu   PDU
	first time.Duration // when it was sent first
	tries int
	row   *row // that is set
}

type requestKind uint8

const (
	askAttachment requestKind = iota
	askConfig
	askRows
	askSet
	askServices
)

// New makes a machine in state Stopped. The error wraps ErrConfig.
func New(cfg Config) (*Machine, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Machine{cfg: cfg, lastID: cfg.FirstRequestID}, nil
}

// State gives the state.
func (m *Machine) State() State { return m.state }

// Peer gives what the peer said last, and whether it is up.
func (m *Machine) Peer() (Peer, bool) { return m.peer, m.up }

// Counters gives a copy of the counters.
func (m *Machine) Counters() Counters { return m.count }

// Actions gives what is to be done, in order, and forgets it.
func (m *Machine) Actions() []Action {
	list := m.actions
	m.actions = nil
	return list
}

// Timeout says when HandleTimeout must be called next, and whether at all. Ask
// after every input.
func (m *Machine) Timeout() (at time.Duration, running bool) { return m.timer, m.armed }

// Start begins: the link is there. In another state than Stopped it does
// nothing.
func (m *Machine) Start(now time.Duration) {
	m.advance(now)
	if m.state == Stopped {
		m.fail()
	}
}

// Stop ends: the link is gone, or is not to be used.
func (m *Machine) Stop(now time.Duration) {
	m.advance(now)
	if m.state == Stopped {
		return
	}
	m.forget()
	m.state = Stopped
}

// HandleTimeout does what is due at now.
func (m *Machine) HandleTimeout(now time.Duration) {
	m.advance(now)
	if !m.armed || m.timer > m.now || len(m.actions) >= MaxActions {
		return
	}
	m.armed = false
	if m.request == nil {
		m.ask(askAttachment, GetRequest, attachmentObjects)
		return
	}
	m.repeat()
}

// Receive takes an SDU of VCC 0/16, which stays the caller's. The error says
// why it was dropped; it is counted, and good for a trace only.
func (m *Machine) Receive(now time.Duration, octets []byte) error {
	m.advance(now)
	switch {
	case m.state == Stopped:
		m.count.Ignored++
		return ErrStopped
	case len(m.actions) >= MaxActions:
		m.count.Choked++
		return ErrFull
	}
	p, err := Decode(octets)
	if err != nil {
		m.countError(err)
		return err
	}
	m.count.Received[p.Type]++
	switch p.Type {
	case GetResponse:
		m.answered(p)
	case Trap:
		m.trapped(p)
	default:
		m.respond(p)
	}
	return nil
}

func (m *Machine) countError(err error) {
	switch {
	case errors.Is(err, ErrLength):
		m.count.TooLong++
	case errors.Is(err, ErrVersion):
		m.count.Version++
	case errors.Is(err, ErrCommunity):
		m.count.Community++
	default:
		m.count.Malformed++
	}
}

// advance takes the time; it never goes back.
func (m *Machine) advance(now time.Duration) { m.now = max(m.now, now) }

func (m *Machine) arm(d time.Duration) { m.timer, m.armed = m.now+d, true }

// upTime is sysUpTime: hundredths of a second since the tables were empty last.
func (m *Machine) upTime() uint32 { return uint32((m.now - m.epoch) / (10 * time.Millisecond)) }

// ask sends a request for objects, in place of one that may still wait.
func (m *Machine) ask(kind requestKind, typ PDUType, names []OID) {
	bindings := make([]Binding, len(names))
	for i, n := range names {
		bindings[i] = Binding{n, Value{Kind: Null}}
	}
	m.askWith(&request{kind: kind, pdu: PDU{Type: typ, Bindings: bindings}})
}

func (m *Machine) askWith(r *request) {
	m.lastID = m.lastID&(1<<31-1) + 1
	if m.lastID < 0 {
		m.lastID = 1
	}
	r.pdu.RequestID = m.lastID
	r.first, r.tries = m.now, 1
	m.request = r
	m.send(r.pdu)
	m.arm(m.interval())
}

// interval is how long a request waits for its answer.
func (m *Machine) interval() time.Duration {
	if m.state == Verifying && m.request.kind == askAttachment {
		return m.cfg.Poll
	}
	return m.cfg.Establish
}

// repeat sends the request again, or gives up.
func (m *Machine) repeat() {
	switch {
	case m.state == LinkFailing:
		m.coldStart()
	case m.request.tries >= m.cfg.Retries:
		m.count.Lost++
		m.fail()
		return
	}
	m.request.tries++
	m.count.Repeated++
	m.send(m.request.pdu)
	m.arm(m.interval())
}

// send gives out a PDU of ours. It fits: what we ask is short, and answers
// were tried before.
func (m *Machine) send(p PDU) {
	octets, err := Encode(p)
	if err != nil {
		panic(err) // ours, not the peer's
	}
	m.sendOctets(p.Type, octets)
}

func (m *Machine) sendOctets(typ PDUType, octets []byte) {
	m.count.Sent[typ]++
	m.emit(Action{Kind: Send, PDU: octets})
}

// coldStart tells the peer that our tables are empty (RFC 1157, 4.1.6.1).
func (m *Machine) coldStart() {
	m.send(PDU{Type: Trap, Trap: TrapHeader{Enterprise: m.cfg.System.ObjectID, Generic: ColdStart, TimeStamp: m.upTime()}})
}

// answered takes the answer to the request, and no other.
func (m *Machine) answered(p PDU) {
	r := m.request
	if r == nil || p.RequestID != r.pdu.RequestID {
		m.count.Unexpected++
		return
	}
	m.request, m.armed = nil, false
	if m.askedLess(r, p) {
		return
	}
	switch r.kind {
	case askAttachment:
		m.takeAttachment(r, p)
	case askConfig:
		m.takeConfig(p)
	case askRows:
		m.takeRow(r, p)
	case askSet:
		m.takeSet(r, p)
	case askServices:
		m.takeService(r, p)
	}
}

// askedLess asks again without the object that the peer does not have: a
// request of SNMPv1 fails as a whole for one. Of services the address is what
// counts, and stands first.
func (m *Machine) askedLess(r *request, p PDU) bool {
	i := int(p.ErrorIndex) - 1
	if p.ErrorStatus != NoSuchName || i < 0 || i >= len(r.pdu.Bindings) || len(r.pdu.Bindings) == 1 {
		return false
	}
	if r.kind != askAttachment && r.kind != askConfig && (r.kind != askServices || i == 0) {
		return false
	}
	first := r.first
	r.pdu.Bindings = slices.Delete(slices.Clone(r.pdu.Bindings), i, i+1)
	m.askWith(r)
	r.first = first
	return true
}
