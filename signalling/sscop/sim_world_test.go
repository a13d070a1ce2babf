package sscop

import (
	"container/heap"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"
)

// A world is two machines, a user at each, and a link that loses, repeats,
// overtakes, damages and is cut: all from one seed, on a virtual clock. First
// everything happens; then the link heals and the users only answer, and the
// ends must agree; then messages must pass; then the connection is released,
// and nothing may be left.
//
// Two things the link does not do, because Q.2110 has no defence against them
// and ATM does not do them: nothing overtakes a PDU that makes or ends a
// connection, and users wait for a round trip between two such requests (BGAK,
// RSAK and ERAK carry no N(SQ), so one that is late fits the next request).
type world struct {
	rng    *rand.Rand
	now    time.Duration
	events events
	order  int
	ends   [2]*simEnd
	healed bool
	cut    bool
	met    *[numMet]int
}

// What a run of enough seeds must have met.
const (
	metLoss = iota
	metRepeat
	metOvertake
	metDamage
	metCut
	metCrash
	metRecovery
	metResync
	metRelease
	metReject
	metRetransmission
	metCreditLost
	metOutOfTurn
	metRetrieved
	metBusy
	metNoResponse
	metGap
	numMet
)

var metNames = [numMet]string{"loss", "repeat", "overtake", "damage", "cut", "crash", "recovery", "resync", "release", "reject",
	"retransmission", "no credit", "out of turn", "retrieved", "busy", "no response", "gap told"}

type event struct {
	at    time.Duration
	order int
	to    int    // end
	pdu   []byte // to deliver; or
	do    func() // anything else
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].order < e[j].order
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	(*e)[last] = event{}
	*e = (*e)[:last]
	return x
}

// simEnd is a machine, its user, and what leaves it on the link.
type simEnd struct {
	w        *world
	i        int
	m        *Machine
	cfg      Config
	release  bool // parameter BR
	down     bool // crashed
	busy     bool
	nextTry  time.Duration // not before it, the user makes or ends connections
	sent     uint32        // messages accepted, ever
	atTold   uint32        // sent, when the user was last told of an interruption
	seen     uint32        // the last message delivered
	told     bool          // since then, of an interruption
	outbound line
}

// line is one direction of the link.
type line struct {
	loss, repeat, overtake, damage float64
	delay, late                    time.Duration // of a PDU; more, of one that is overtaken
	barrier, last                  time.Duration // arrival of the last PDU that makes or ends a connection; of any
}

const (
	simLife  = 30 * time.Second  // in which everything happens
	simHeal  = 400 * time.Second // in which the ends must agree, at most
	simSteps = 100000            // events of a world, at most
	simSpace = 400 * time.Millisecond
)

func newWorld(seed uint64, met *[numMet]int) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 2110)), met: met}
	hard := w.rng.Float64() // how hard this world is
	for i := range w.ends {
		c := DefaultConfig()
		c.Window = 1 + w.rng.IntN(32)
		c.MaxPD = 1 + w.rng.IntN(25)
		c.MaxSTAT = 3 + 2*w.rng.IntN(8)
		c.Queue = 8 + w.rng.IntN(64)
		c.AcceptAnyBGN = w.rng.IntN(4) == 0
		e := &simEnd{w: w, i: i, cfg: c, release: w.rng.IntN(3) > 0, told: true}
		e.outbound = line{loss: 0.3 * hard * w.rng.Float64(), delay: w.upTo(50 * time.Millisecond), late: w.upTo(30 * time.Millisecond)}
		if w.rng.IntN(2) == 0 {
			e.outbound.repeat, e.outbound.overtake = 0.03*w.rng.Float64(), 0.03*w.rng.Float64()
		}
		if w.rng.IntN(2) == 0 {
			e.outbound.damage = 0.05 * w.rng.Float64()
		}
		e.m, _ = New(c)
		w.ends[i] = e
	}
	return w
}

func (w *world) upTo(d time.Duration) time.Duration { return time.Duration(w.rng.Int64N(int64(d))) }

func (w *world) met1(what int) { w.met[what]++ }

func (w *world) at(t time.Duration, e event) {
	w.order++
	e.at, e.order = t, w.order
	heap.Push(&w.events, e)
}

func (w *world) after(d time.Duration, do func()) { w.at(w.now+d, event{do: do}) }

// step does the next thing, or says that there is none before the time.
func (w *world) step(until time.Duration) (bool, error) {
	next, due := until, -1
	for i, e := range w.ends {
		if at, running := e.m.Timeout(); running && at < next {
			next, due = at, i
		}
	}
	if len(w.events) > 0 && w.events[0].at <= next {
		ev := heap.Pop(&w.events).(event)
		w.now = ev.at
		if ev.do != nil {
			ev.do()
		} else {
			e := w.ends[ev.to]
			if e.down {
				return true, nil
			}
			_ = e.m.Receive(w.now, ev.pdu)
		}
		return true, w.act()
	}
	if due < 0 {
		w.now = until
		return false, nil
	}
	w.now = next
	w.ends[due].m.HandleTimeout(w.now)
	return true, w.act()
}

// act does the actions of both ends and checks what must always hold.
func (w *world) act() error {
	for _, e := range w.ends {
		if err := e.act(); err != nil {
			return fmt.Errorf("end %d at %v: %w", e.i, w.now, err)
		}
		if err := e.m.check(); err != nil {
			return fmt.Errorf("end %d at %v: %w", e.i, w.now, err)
		}
	}
	return nil
}

// transmit puts a PDU on the link.
func (e *simEnd) transmit(pdu []byte) {
	w, l := e.w, &e.outbound
	p, err := Decode(pdu)
	if err != nil {
		panic(err)
	}
	holds := p.Type < SD || p.Type == ER || p.Type == ERAK
	arrival := w.now + l.delay
	if w.healed {
		arrival = max(arrival, l.last)
		l.last = arrival
		w.at(arrival, event{to: 1 - e.i, pdu: append([]byte(nil), pdu...)})
		return
	}
	if w.cut {
		w.met1(metCut)
		return
	}
	if w.rng.Float64() < l.loss {
		w.met1(metLoss)
		return
	}
	b := append([]byte(nil), pdu...)
	if w.rng.Float64() < l.damage {
		w.met1(metDamage)
		b = b[:1+w.rng.IntN(len(b)/word)*word+w.rng.IntN(3)] // AAL5's CRC finds all else
	}
	if holds {
		arrival = max(arrival, l.last)
		l.barrier = arrival
	} else if w.rng.Float64() < l.overtake {
		w.met1(metOvertake)
		arrival += l.late
	}
	arrival = max(arrival, l.barrier)
	l.last = max(l.last, arrival)
	w.at(arrival, event{to: 1 - e.i, pdu: b})
	if w.rng.Float64() < l.repeat {
		w.met1(metRepeat)
		if !holds {
			arrival += w.upTo(l.late + 1)
			l.last = max(l.last, arrival)
		}
		w.at(arrival, event{to: 1 - e.i, pdu: b})
	}
}

// act does what the machine of an end asks for, and its user's part.
func (e *simEnd) act() error {
	actions := e.m.Actions()
	for i, a := range actions {
		switch a.Kind {
		case Send:
			e.transmit(a.Data)
		case SequenceUsed:
			e.cfg.LastSQ = a.SQ
		case DataIndication:
			if err := e.delivered(a, actions[i:]); err != nil {
				return err
			}
		case UnitDataIndication, ManagementIndication:
			if _, err := parseMessage(a.Data); err != nil {
				return err
			}
		case RetrieveIndication:
			e.w.met1(metRetrieved)
			if n, err := parseMessage(a.Data); err != nil || n > e.sent {
				return fmt.Errorf("retrieved message %d of %d: %w", n, e.sent, err)
			}
		case RetrieveComplete:
		case ErrorIndication:
			e.noteError(a)
		default:
			e.interrupted()
			e.answer(a.Kind)
		}
	}
	return nil
}

func (e *simEnd) noteError(a Action) {
	switch a.Code {
	case 'V':
		e.w.met1(metRetransmission)
	case 'W':
		e.w.met1(metCreditLost)
	case 'P':
		e.w.met1(metNoResponse)
	}
}

func (e *simEnd) interrupted() {
	e.told = true
	e.atTold = e.sent
}

// delivered checks that a message comes once, in order, and with none left
// out, unless the user was told of an interruption, or is told so in the same
// breath and can see the gap by SN.
func (e *simEnd) delivered(a Action, rest []Action) error {
	n, err := parseMessage(a.Data)
	if err != nil {
		return err
	}
	if n <= e.seen {
		return fmt.Errorf("message %d after message %d", n, e.seen)
	}
	if n > e.w.ends[1-e.i].sent {
		return fmt.Errorf("message %d was never sent", n)
	}
	if n != e.seen+1 && !e.told {
		recovers := false
		for _, r := range rest {
			recovers = recovers || r.Kind == RecoverIndication
		}
		if !recovers || e.release {
			return fmt.Errorf("message %d after message %d, and nothing was told", n, e.seen)
		}
		e.w.met1(metGap)
	}
	if e.m.rx.count > 0 {
		e.w.met1(metOutOfTurn)
	}
	e.seen, e.told = n, false
	return nil
}

// answer is the user's answer to a primitive, after a while.
func (e *simEnd) answer(k Kind) {
	w := e.w
	wait := w.upTo(simSpace / 2)
	if w.rng.IntN(2) == 0 {
		wait = 0
	}
	late := func(do func()) { w.after(wait, func() { e.unlessDown(do) }) }
	switch k {
	case EstablishIndication:
		late(func() {
			if !w.healed && w.rng.IntN(8) == 0 {
				w.met1(metReject)
				_ = e.m.Release(w.now, nil)
				return
			}
			_ = e.m.EstablishResponse(w.now, nil, e.release)
		})
	case RecoverIndication:
		w.met1(metRecovery)
		late(func() { _ = e.m.RecoverResponse(w.now) })
	case ResyncIndication:
		w.met1(metResync)
		late(func() { _ = e.m.ResyncResponse(w.now) })
	case ReleaseIndication, ReleaseConfirm:
		w.met1(metRelease)
		if !e.release && w.rng.IntN(2) == 0 {
			late(func() { _ = e.m.Retrieve(w.now, RetrieveTotal-uint32(w.rng.IntN(2))) })
		}
	}
}

func (e *simEnd) unlessDown(do func()) {
	if !e.down {
		do()
	}
}

// message makes message n: its number, and octets by which it is known.
func message(n uint32) []byte {
	b := binary.BigEndian.AppendUint32(nil, n)
	for i := range n % 23 {
		b = append(b, byte(n+i))
	}
	return b
}

func parseMessage(b []byte) (uint32, error) {
	if len(b) < 4 {
		return 0, fmt.Errorf("message of %d octets", len(b))
	}
	n := binary.BigEndian.Uint32(b)
	if string(message(n)) != string(b) {
		return 0, fmt.Errorf("message %d is not as it was sent", n)
	}
	return n, nil
}

// say sends the next message, with assurance.
func (e *simEnd) say() {
	if e.m.Data(e.w.now, message(e.sent+1)) == nil {
		e.sent++
	}
}
