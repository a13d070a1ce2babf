package sscf

import (
	"fmt"
	"time"

	"github.com/cellhub/cellhub/signalling/sscop"
)

// MaxData is how many octets a message, or the data that goes with
// AAL-ESTABLISH and AAL-RELEASE, has at most (Q.2130).
const MaxData = 4096

// Kind says what an Action is.
type Kind uint8

// What a machine asks for or tells: Send and SequenceUsed are work, as in
// package sscop; then come the primitives of Q.2130, and what SSCOP has for
// layer management.
const (
	Send                 Kind = iota // hand Data, a PDU, to the CPCS as one message
	SequenceUsed                     // N(SQ) is SQ now: store it before doing what follows
	EstablishIndication              // AAL-ESTABLISH.indication: a connection, or it began anew; Data
	EstablishConfirm                 // AAL-ESTABLISH.confirm; Data
	ReleaseIndication                // AAL-RELEASE.indication; Data
	ReleaseConfirm                   // AAL-RELEASE.confirm
	DataIndication                   // AAL-DATA.indication: Data is the message
	UnitDataIndication               // AAL-UNITDATA.indication: Data is the message
	ManagementIndication             // MAA-UNITDATA.indication: Data is the message
	ErrorIndication                  // MAA-ERROR.indication: Code, Count
	numKinds
)

var kindNames = [numKinds]string{
	"Send", "SequenceUsed", "AAL-ESTABLISH.indication", "AAL-ESTABLISH.confirm", "AAL-RELEASE.indication",
	"AAL-RELEASE.confirm", "AAL-DATA.indication", "AAL-UNITDATA.indication", "MAA-UNITDATA.indication", "MAA-ERROR.indication",
}

// String gives the primitive's name in Q.2130 or Q.2110.
func (k Kind) String() string {
	if k < numKinds {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Action is one effect of what was put into a machine. Fields that its Kind
// does not name are zero.
type Action struct {
	Kind  Kind
	Code  sscop.ErrorCode // ErrorIndication
	SQ    uint8           // SequenceUsed
	Count int             // ErrorIndication, code V: how many SDs
	Data  []byte          // the machine's: see Actions
}

// Machine is one end of a signalling AAL: see the package's comment. Make it
// with New. It is not safe for use by two goroutines at once.
type Machine struct {
	sscop      *sscop.Machine
	state      State
	out        [2]effects
	fill       int
	unexpected uint64
}

// effects collects actions and the octets that they point to.
type effects struct {
	list []Action
	mem  []byte
}

// New makes a machine in state Released. The error wraps sscop.ErrConfig; K
// and J may not exceed MaxData.
func New(cfg sscop.Config) (*Machine, error) {
	if cfg.K > MaxData || cfg.J > MaxData {
		return nil, fmt.Errorf("%w: Q.2130 allows %d octets of data", sscop.ErrConfig, MaxData)
	}
	s, err := sscop.New(cfg)
	if err != nil {
		return nil, err
	}
	return &Machine{sscop: s}, nil
}

// State gives the state of SSCF, SSCOP that of SSCOP beneath it.
func (m *Machine) State() State { return m.state }

// SSCOP gives the state of SSCOP.
func (m *Machine) SSCOP() sscop.State { return m.sscop.State() }

// Counters count since New.
type Counters struct {
	sscop.Counters
	// Unexpected counts primitives that SSCOP gave in a state in which it does
	// not, and answers that it refused: faults of this program.
	Unexpected uint64
}

// Counters gives a copy of the counters, those of SSCOP too.
func (m *Machine) Counters() Counters { return Counters{m.sscop.Counters(), m.unexpected} }

// Pending counts the messages that are unsent or unacknowledged.
func (m *Machine) Pending() int { return m.sscop.Pending() }

// Timeout says when HandleTimeout must be called next, and whether any timer
// runs at all. Ask after every input.
func (m *Machine) Timeout() (at time.Duration, running bool) { return m.sscop.Timeout() }

// Actions gives what is to be done, in order, and forgets it. The list and
// the octets it points to are the machine's; they stay as they are until the
// next call of Actions.
func (m *Machine) Actions() []Action {
	list := m.out[m.fill].list
	m.fill ^= 1
	m.out[m.fill].list, m.out[m.fill].mem = m.out[m.fill].list[:0], m.out[m.fill].mem[:0]
	return list
}

// Establish is AAL-ESTABLISH.request. On an established connection it begins
// it anew, and messages under way are forgotten; data goes with it. The error
// is sscop.ErrState, sscop.ErrLength or sscop.ErrFull, as of all requests, and
// a refused one changes nothing.
func (m *Machine) Establish(now time.Duration, data []byte) error {
	return m.request(now, sigEstablishRequest, data)
}

// Release is AAL-RELEASE.request. ReleaseConfirm follows.
func (m *Machine) Release(now time.Duration, data []byte) error {
	return m.request(now, sigReleaseRequest, data)
}

// Data is AAL-DATA.request: send mu, which is copied, with assurance.
func (m *Machine) Data(now time.Duration, mu []byte) error {
	return m.request(now, sigDataRequest, mu)
}

// UnitData is AAL-UNITDATA.request: send mu, which is copied, without
// assurance, in any state.
func (m *Machine) UnitData(now time.Duration, mu []byte) error {
	if m.choked() {
		return sscop.ErrFull
	}
	err := m.sscop.UnitData(now, mu)
	m.pump(now)
	return err
}

// Receive takes a PDU, as sscop.Machine.Receive does.
func (m *Machine) Receive(now time.Duration, pdu []byte) error {
	if m.choked() {
		return sscop.ErrFull
	}
	err := m.sscop.Receive(now, pdu)
	m.pump(now)
	return err
}

// HandleTimeout lets the timers expire that are due at now.
func (m *Machine) HandleTimeout(now time.Duration) {
	if !m.choked() {
		m.sscop.HandleTimeout(now)
		m.pump(now)
	}
}

// SetBusy says that the layer below takes no more data, or takes it again.
func (m *Machine) SetBusy(now time.Duration, busy bool) {
	m.sscop.SetBusy(now, busy)
	m.pump(now)
}

// Grant opens the window by n messages, when Config.HoldCredit is set.
func (m *Machine) Grant(n int) { m.sscop.Grant(n) }

// choked says that nobody takes the actions: sscop.MaxActions wait.
func (m *Machine) choked() bool { return len(m.out[m.fill].list) >= sscop.MaxActions }

// request takes a request of the user: what SSCOP refuses has not happened.
func (m *Machine) request(now time.Duration, s signal, data []byte) error {
	c := &table[m.state][s]
	switch {
	case !c.known:
		return sscop.ErrState
	case len(data) > MaxData:
		return sscop.ErrLength
	case m.choked():
		return sscop.ErrFull
	}
	if err := m.down(now, c.down, data); err != nil {
		return err
	}
	m.state = c.next
	if c.up != noKind {
		m.act(Action{Kind: c.up})
	}
	m.pump(now)
	return nil
}

// down does what SSCF asks of SSCOP.
func (m *Machine) down(now time.Duration, r request, data []byte) error {
	const release = true // parameter BR: SSCF at the UNI retrieves nothing
	switch r {
	case establishRequest:
		return m.sscop.Establish(now, data, release)
	case establishResponse:
		return m.sscop.EstablishResponse(now, nil, release)
	case releaseRequest:
		return m.sscop.Release(now, data)
	case dataRequest:
		return m.sscop.Data(now, data)
	case recoverResponse:
		return m.sscop.RecoverResponse(now)
	case resyncRequest:
		return m.sscop.Resync(now, data)
	case resyncResponse:
		return m.sscop.ResyncResponse(now)
	}
	return nil
}

// pump takes what SSCOP tells until it tells nothing more. An answer waits
// until the whole list is taken.
func (m *Machine) pump(now time.Duration) {
	for {
		list := m.sscop.Actions()
		if len(list) == 0 {
			return
		}
		answer := noRequest
		for i := range list {
			if r := m.take(&list[i]); r != noRequest {
				answer = r
			}
		}
		if m.down(now, answer, nil) != nil {
			m.unexpected++
		}
	}
}

// take takes one action of SSCOP's and gives the answer to it. After a
// question SSCOP tells no more than what follows from the next input.
func (m *Machine) take(a *sscop.Action) request {
	switch a.Kind {
	case sscop.Send:
		m.act(Action{Kind: Send, Data: a.Data})
	case sscop.SequenceUsed:
		m.act(Action{Kind: SequenceUsed, SQ: a.SQ})
	case sscop.UnitDataIndication:
		m.act(Action{Kind: UnitDataIndication, Data: a.Data})
	case sscop.ManagementIndication:
		m.act(Action{Kind: ManagementIndication, Data: a.Data})
	case sscop.ErrorIndication:
		m.act(Action{Kind: ErrorIndication, Code: a.Code, Count: a.Count})
	default:
		return m.primitive(a)
	}
	return noRequest
}

// primitive runs the cell of a primitive of SSCOP.
func (m *Machine) primitive(a *sscop.Action) request {
	s, ok := fromSSCOP(a.Kind)
	if !ok || !table[m.state][s].known {
		m.unexpected++
		return noRequest
	}
	c := &table[m.state][s]
	m.state = c.next
	m.act(Action{Kind: c.up, Data: a.Data})
	return c.down
}

// act appends an action and a copy of its data.
func (m *Machine) act(a Action) {
	e := &m.out[m.fill]
	if n := len(e.mem); len(a.Data) > 0 {
		e.mem = append(e.mem, a.Data...)
		a.Data = e.mem[n:len(e.mem):len(e.mem)]
	} else {
		a.Data = nil
	}
	e.list = append(e.list, a)
}
