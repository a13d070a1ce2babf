package sscop

import (
	"errors"
	"time"
)

// What a request may be refused for. A refused request changes nothing.
var (
	ErrState  = errors.New("sscop: no such request in this state")
	ErrLength = errors.New("sscop: data is too long")
	ErrFull   = errors.New("sscop: queue is full")
)

// MaxActions is how many actions wait for the caller at most. Past it
// requests are refused with ErrFull, PDUs are dropped and counted, and timers
// wait, until Actions is called. One input may overstep it.
const MaxActions = 1 << 16

// Machine is one end of an SSCOP connection: see the package's comment. Make
// it with New. It is not safe for use by two goroutines at once.
type Machine struct {
	cfg     Config
	periods [numTimers]time.Duration
	state   State
	now     time.Duration
	timers  [numTimers]timer

	// Transmitter (7.4.1).
	vtS, vtPS, vtA, vtPA, vtMS uint32
	vtPD, vtCC                 int
	vtSQ                       uint8
	// Receiver (7.4.2).
	vrR, vrH, vrMR uint32
	vrSQ           uint8

	clearBuffers bool // parameter BR of the last connection
	credit       bool // the peer gives us credit: codes W and X
	busy         bool // the layer below
	tx           sendBuffer
	rx           receiveBuffer
	ud, md       units
	elements     List // of the STAT being made

	// User-to-user data of PDUs that may be repeated, and the S bit of END.
	uuBGN, uuBGAK, uuBGREJ, uuEND, uuRS []byte
	endSource                           Source

	in    input
	out   [2]effects
	fill  int // which of the two is being filled
	count Counters
}

// input is what comes with a signal.
type input struct {
	pdu  PDU
	data []byte // of a request
	br   bool   // AA-ESTABLISH
	rn   uint32 // AA-RETRIEVE
}

// Counters count since New.
type Counters struct {
	Received      [16]uint64 // PDUs by type, those that a state ignores too
	Sent          [16]uint64 // likewise
	Retransmitted uint64     // SDs among Sent
	UnknownType   uint64     // dropped: ErrPDUType
	Length        uint64     // dropped: ErrPDULength, code U
	Ignored       uint64     // fit for a PDU, but of no use in its state
	Duplicates    uint64     // BGN, RS and ER that were repeated
	OutOfWindow   uint64     // SDs dropped for want of credit
	Discarded     uint64     // messages of the user, given while a recovery that clears buffers went on
	Choked        uint64     // PDUs dropped because nobody took the actions
}

// New makes a machine in state Idle. The error wraps ErrConfig.
func New(cfg Config) (*Machine, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	m := &Machine{cfg: cfg, state: Idle, vtSQ: cfg.LastSQ, clearBuffers: true}
	m.periods = [numTimers]time.Duration{cfg.TimerCC, cfg.TimerPoll, cfg.TimerKeepAlive, cfg.TimerNoResponse, cfg.TimerIdle}
	m.rx = newReceiveBuffer(cfg.Window)
	m.tx.limit = cfg.Queue
	return m, nil
}

// State gives the state of 7.3.
func (m *Machine) State() State { return m.state }

// Counters gives a copy of the counters.
func (m *Machine) Counters() Counters { return m.count }

// Pending counts the assured messages that are unsent or unacknowledged, of
// Config.Queue.
func (m *Machine) Pending() int { return m.tx.sent + m.tx.queued }

// Actions gives what is to be done, in order, and forgets it. The list and
// the octets it points to are the machine's; they stay as they are until the
// next call of Actions.
func (m *Machine) Actions() []Action {
	list := m.out[m.fill].list
	m.fill ^= 1
	m.out[m.fill].reset()
	return list
}

// Timeout says when HandleTimeout must be called next, and whether any timer
// runs at all. Ask after every input.
func (m *Machine) Timeout() (at time.Duration, running bool) {
	i := m.earliest()
	if i < 0 {
		return 0, false
	}
	return m.timers[i].at, true
}

// HandleTimeout lets the timers expire that are due at now, in their order.
// Each expires once, however late the call is.
func (m *Machine) HandleTimeout(now time.Duration) {
	m.advance(now)
	for range numTimers {
		i := m.earliest()
		if i < 0 || m.timers[i].at > m.now || m.choked() {
			return
		}
		m.stop(i)
		m.in = input{}
		_ = m.signal(sigTimerCC + signal(i))
	}
}

// Receive takes a PDU, the CPCS-SDU as it came. pdu stays the caller's. The
// error is ErrPDUType or ErrPDULength for a PDU that was dropped as invalid
// (7.2.4), or ErrFull; it is counted, and good for a trace only.
func (m *Machine) Receive(now time.Duration, pdu []byte) error {
	m.advance(now)
	if m.choked() {
		m.count.Choked++
		return ErrFull
	}
	p, err := Decode(pdu)
	if err == nil {
		err = m.checkLength(&p)
	}
	switch err {
	case nil:
	case ErrPDUType:
		m.count.UnknownType++
		return err
	default:
		m.count.Length++
		m.report('U')
		return err
	}
	m.count.Received[p.Type]++
	m.in = input{pdu: p}
	return m.signal(signal(p.Type))
}

// checkLength holds data against k and j (7.7). A list of any length is taken:
// MaxSTAT binds the sender only.
func (m *Machine) checkLength(p *PDU) error {
	limit := m.cfg.J
	if p.Type == SD || p.Type == UD || p.Type == MD {
		limit = m.cfg.K
	}
	if len(p.Data) > limit {
		return ErrPDULength
	}
	return nil
}

// Establish is AA-ESTABLISH.request. With release (parameter BR) the machine
// forgets messages when the connection ends or recovers, and when they are
// acknowledged out of turn; without it they can be retrieved. Signalling at
// the UNI sets it.
func (m *Machine) Establish(now time.Duration, uu []byte, release bool) error {
	return m.request(now, sigEstablishRequest, m.cfg.J, input{data: uu, br: release})
}

// EstablishResponse is AA-ESTABLISH.response, which accepts what
// EstablishIndication told; Release refuses it.
func (m *Machine) EstablishResponse(now time.Duration, uu []byte, release bool) error {
	return m.request(now, sigEstablishResponse, m.cfg.J, input{data: uu, br: release})
}

// Release is AA-RELEASE.request. ReleaseConfirm follows, except after the
// refusal of a connection.
func (m *Machine) Release(now time.Duration, uu []byte) error {
	return m.request(now, sigReleaseRequest, m.cfg.J, input{data: uu})
}

// Data is AA-DATA.request: send mu, which is copied, with assurance. ErrFull
// says that Config.Queue messages are held.
func (m *Machine) Data(now time.Duration, mu []byte) error {
	return m.request(now, sigDataRequest, m.cfg.K, input{data: mu})
}

// UnitData is AA-UNITDATA.request: send mu, which is copied, without assurance,
// in any state.
func (m *Machine) UnitData(now time.Duration, mu []byte) error {
	return m.request(now, sigUnitDataRequest, m.cfg.K, input{data: mu})
}

// ManagementData is MAA-UNITDATA.request: UnitData for layer management.
func (m *Machine) ManagementData(now time.Duration, mu []byte) error {
	return m.request(now, sigManagementRequest, m.cfg.K, input{data: mu})
}

// RecoverResponse is AA-RECOVER.response, the answer to RecoverIndication.
func (m *Machine) RecoverResponse(now time.Duration) error {
	return m.request(now, sigRecoverResponse, 0, input{})
}

// Resync is AA-RESYNC.request: start the connection anew, forgetting all
// messages under way.
func (m *Machine) Resync(now time.Duration, uu []byte) error {
	return m.request(now, sigResyncRequest, m.cfg.J, input{data: uu})
}

// ResyncResponse is AA-RESYNC.response, the answer to ResyncIndication.
func (m *Machine) ResyncResponse(now time.Duration) error {
	return m.request(now, sigResyncResponse, 0, input{})
}

// What Retrieve asks for, other than a number.
const (
	RetrieveUnknown uint32 = 1 << seqBits // only what was never sent
	RetrieveTotal   uint32 = RetrieveUnknown + 1
)

// Retrieve is AA-RETRIEVE.request: give back what was sent after number rn,
// or everything, or what RetrieveUnknown says, and what was never sent. It
// finds nothing when the connection was made with release.
func (m *Machine) Retrieve(now time.Duration, rn uint32) error {
	if rn > RetrieveTotal {
		return ErrLength
	}
	return m.request(now, sigRetrieveRequest, 0, input{rn: rn})
}

// Grant opens the window by n SDs, of those that were delivered before. It is
// for Config.HoldCredit: the credit never exceeds Config.Window (7.8).
func (m *Machine) Grant(n int) {
	room := m.cfg.Window - int(distance(m.vrR, m.vrMR))
	if m.state == Ready && n > 0 && room > 0 {
		m.vrMR = (m.vrMR + uint32(min(n, room))) & seqMask
	}
}

// SetBusy says that the layer below takes no more SD, UD and MD, or takes them
// again (8.1, "lower layer busy"). Other PDUs are few and go out all the same.
func (m *Machine) SetBusy(now time.Duration, busy bool) {
	m.advance(now)
	m.busy = busy
	m.serve()
}

func (m *Machine) advance(now time.Duration) { m.now = max(m.now, now) }

func (m *Machine) choked() bool { return len(m.out[m.fill].list) >= MaxActions }

// request checks a request and signals it.
func (m *Machine) request(now time.Duration, s signal, limit int, in input) error {
	m.advance(now)
	switch {
	case len(in.data) > limit:
		return ErrLength
	case m.choked():
		return ErrFull
	}
	m.in = in
	return m.signal(s)
}

// signal runs the cell of the state and the signal, then what it has queued:
// no handler ever calls another cell.
func (m *Machine) signal(s signal) error {
	do := table[m.state][s].do
	if do == nil {
		return ErrState
	}
	err := do(m)
	m.in = input{}
	m.serve()
	return err
}
