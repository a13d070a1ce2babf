package q2931

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cellhub/cellhub/signalling/ie"
	"github.com/cellhub/cellhub/signalling/internal/proof"
)

var seeds = flag.Int("seeds", 300, "how many seeds the simulation runs")

// A user and a network over one signalling link, in virtual time. SAAL keeps
// order and loses nothing, except when the link is reset or cut: then all that
// is under way is lost. Call controls on both sides start, answer, refuse and
// clear calls and parties, restart and enquire as the seed has it. When it is
// over, both sides must have the same calls in the same state; when those are
// cleared, no call, VC, party or timer may be left.
type world struct {
	t     *testing.T
	r     *rand.Rand
	now   time.Duration
	tasks proof.Schedule
	ends  [2]*end
	up    bool          // the link is established
	cut   time.Duration // until then it cannot be
	epoch int           // messages of another are lost
	log   []string
	sent  [][]byte // all messages
}

type end struct {
	w     *world
	m     *Machine
	side  Side
	peer  *end
	calls map[Call]*appCall
	free  []uint16 // VCIs, network side
	used  map[uint16]Call
	sent  time.Duration // when the last message gets there
}

type appCall struct {
	vci     uint16
	multi   bool
	parties map[uint16]bool
}

const (
	simVCs      = 40
	simFirstVCI = 32
)

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, r: rand.New(rand.NewPCG(seed, 7))}
	version := [3]Version{UNI30, UNI31, UNI40}[w.r.IntN(3)]
	for side := range w.ends {
		m, err := New(Config{Side: Side(side), Version: version, MaxCalls: 30, MaxParties: 5})
		if err != nil {
			t.Fatal(err)
		}
		n := &end{w: w, m: m, side: Side(side), calls: map[Call]*appCall{}, used: map[uint16]Call{}}
		for i := range simVCs {
			n.free = append(n.free, uint16(simFirstVCI+i))
		}
		w.ends[side] = n
	}
	w.ends[0].peer, w.ends[1].peer = w.ends[1], w.ends[0]
	return w
}

func (w *world) after(d time.Duration, run func()) {
	w.tasks.At(w.now+d, run)
}

// some is a random time, mostly short.
func (w *world) some(most time.Duration) time.Duration {
	return time.Duration(w.r.Int64N(int64(most)>>w.r.IntN(8) + 1))
}

// step runs the next task or timer; false when there is none.
func (w *world) step() bool {
	next, which := time.Duration(1<<62), -1
	if at, ok := w.tasks.Next(); ok {
		next, which = at, 2
	}
	for i, n := range w.ends {
		if at, ok := n.m.Deadline(); ok && at < next {
			next, which = at, i
		}
	}
	switch {
	case which < 0:
		return false
	case which == 2:
		w.now = next
		w.tasks.Run()
	default:
		w.now = next
		w.ends[which].m.Tick(w.now)
	}
	for _, n := range w.ends {
		n.drain()
		n.timers()
	}
	return true
}

// timers checks that each timer that runs is of somebody who is still there.
func (n *end) timers() {
	for _, t := range n.m.timers {
		switch {
		case t.party != nil && (n.m.calls[t.call.id] != t.call || t.call.parties[t.party.id] != t.party):
			n.w.t.Fatalf("%v: %s of a party that is gone", n.side, timerName(t.what))
		case t.call != nil && n.m.calls[t.call.id] != t.call:
			n.w.t.Fatalf("%v: %s of a call that is gone", n.side, timerName(t.what))
		}
	}
}

// give is an event for the machine.
func (n *end) give(e *Event) error {
	err := n.m.Step(n.w.now, e)
	if e.Kind != DataIndication {
		n.w.note(n, fmt.Sprintf("%v: %v", e, err))
	}
	n.drain()
	return err
}

func (w *world) note(n *end, s string) {
	w.log = append(w.log, fmt.Sprintf("%10.3f %v: %s", w.now.Seconds(), n.side, s))
}

// drain does what the machine wants done.
func (n *end) drain() {
	for {
		ready := n.m.Ready()
		if len(ready) == 0 {
			return
		}
		for i := range ready {
			e := ready[i]
			n.w.note(n, "-> "+e.String())
			switch e.Kind {
			case DataRequest:
				n.send(e.Data)
			case EstablishRequest:
				n.w.establish(n)
			default:
				n.control(e)
			}
		}
	}
}

// Link.

func (n *end) send(data []byte) {
	w, epoch := n.w, n.w.epoch
	if !w.up {
		w.t.Fatalf("%v sends while the link is down", n.side)
	}
	w.sent = append(w.sent, data)
	n.sent = max(n.sent, w.now+w.some(500*time.Millisecond)) // order is kept
	w.after(n.sent-w.now, func() {
		if w.up && w.epoch == epoch {
			n.peer.give(&Event{Kind: DataIndication, Data: data})
		}
	})
}

func (w *world) establish(n *end) {
	wait := w.some(200 * time.Millisecond)
	w.after(wait, func() {
		switch {
		case w.up:
			n.give(&Event{Kind: EstablishConfirm})
		case w.now < w.cut:
			w.after(2*time.Second, func() {
				if !w.up {
					n.give(&Event{Kind: LinkReleased})
				}
			})
		default:
			w.up = true
			w.epoch++
			n.give(&Event{Kind: EstablishConfirm})
			n.peer.give(&Event{Kind: EstablishIndication})
		}
	})
}

// fault resets or cuts the link.
func (w *world) fault() {
	if !w.up {
		return
	}
	w.epoch++
	if w.r.IntN(2) == 0 {
		for _, n := range w.ends {
			n.give(&Event{Kind: EstablishIndication})
		}
		return
	}
	w.up = false
	w.cut = w.now + w.some(15*time.Second)
	for _, n := range w.ends {
		n.give(&Event{Kind: LinkReleased})
	}
}

// Call control.

// take allocates a VC; the network does, for both directions of calls.
func (n *end) take() (uint16, bool) {
	if len(n.free) == 0 {
		return 0, false
	}
	vci := n.free[len(n.free)-1]
	n.free = n.free[:len(n.free)-1]
	return vci, true
}

// bind notes that a call has a VC. A user may be given one that it still uses,
// for a call that the network lost first: then the new one is refused.
func (n *end) bind(call Call, vci uint16) bool {
	if other, taken := n.used[vci]; taken && other != call {
		if n.side == Network {
			n.w.t.Fatalf("VCI %d of call %v is that of %v", vci, call, other)
		}
		n.try(ReleaseRequest, call, 0, cause(ie.CauseVCNotAvailable))
		return false
	}
	n.used[vci] = call
	n.calls[call].vci = vci
	return true
}

// newCall starts a call.
func (n *end) newCall(more ...ie.Element) bool {
	multi := n.w.r.IntN(3) == 0
	elements := append(setupElements(multi), more...)
	var vci uint16
	if n.side == Network {
		var ok bool
		if vci, ok = n.take(); !ok {
			return false
		}
		elements = append(elements, channel(vci))
	}
	e := &Event{Kind: SetupRequest, Elements: elements}
	if err := n.m.Step(n.w.now, e); err != nil {
		if vci != 0 {
			n.free = append(n.free, vci)
		}
		return false
	}
	n.w.note(n, e.String())
	n.calls[e.Call] = &appCall{multi: multi, parties: map[uint16]bool{}}
	if vci != 0 {
		n.bind(e.Call, vci)
	}
	n.drain()
	return true
}

// later answers after a while, if the call is still there.
func (n *end) later(call Call, run func()) {
	c := n.calls[call]
	n.w.after(n.w.some(3*time.Second), func() {
		if n.calls[call] == c && c != nil {
			run()
		}
	})
}

// try is a request that may come too late.
func (n *end) try(k Kind, call Call, party uint16, elements ...ie.Element) {
	n.give(&Event{Kind: k, Call: call, Party: party, Elements: elements})
}

// control is what call control does with what it is told.
func (n *end) control(e Event) {
	r := n.w.r
	switch e.Kind {
	case SetupIndication:
		bearer := ie.Find[ie.BearerCapability](e.Elements)
		n.calls[e.Call] = &appCall{multi: bearer.Multipoint != 0, parties: map[uint16]bool{}}
		if c := ie.Find[ie.Connection](e.Elements); c != nil && !n.bind(e.Call, c.VCI) {
			return
		}
		n.later(e.Call, func() { n.answer(e.Call) })
	case ProceedingIndication, AlertingIndication, SetupConfirm:
		if i, ok := n.m.Info(e.Call); ok && n.side == User && i.Connection != nil && !n.bind(e.Call, i.Connection.VCI) {
			return
		}
		if e.Kind == SetupConfirm && n.side == Network {
			n.later(e.Call, func() { n.try(SetupCompleteRequest, e.Call, 0) })
		}
	case ReleaseIndication:
		n.later(e.Call, func() { n.try(ReleaseResponse, e.Call, 0) })
	case ReleaseConfirm:
		c := n.calls[e.Call]
		if c == nil {
			n.w.t.Fatalf("%v: %v of a call that is not there", n.side, e)
		}
		delete(n.calls, e.Call)
		if c.vci != 0 {
			delete(n.used, c.vci)
			if n.side == Network {
				n.free = append(n.free, c.vci)
			}
		}
	case AddPartyIndication:
		n.later(e.Call, func() {
			switch {
			case r.IntN(4) == 0:
				n.try(AddPartyRefusal, e.Call, e.Party, cause(17))
			case r.IntN(3) == 0:
				n.try(PartyAlertingRequest, e.Call, e.Party)
				n.later(e.Call, func() { n.try(AddPartyResponse, e.Call, e.Party) })
			default:
				n.try(AddPartyResponse, e.Call, e.Party)
			}
		})
	case DropPartyIndication:
		n.later(e.Call, func() { n.try(DropPartyResponse, e.Call, e.Party) })
	case LeafIndication: // the network has the leaf join, or not
		n.w.after(n.w.some(3*time.Second), func() {
			if !n.newCall(ie.New(&ie.LeafSequence{Number: e.Leaf})) {
				n.give(&Event{Kind: LeafFailureRequest, Leaf: e.Leaf, Elements: []ie.Element{cause(ie.CauseNoRoute)}})
			}
		})
	case RestartIndication:
		n.w.after(n.w.some(time.Second), func() { n.give(&Event{Kind: RestartResponse}) })
	}
}

// answer answers a call that has come in: at once, in steps, or by a refusal.
func (n *end) answer(call Call) {
	r := n.w.r
	var elements []ie.Element
	if n.side == Network && n.calls[call].vci == 0 {
		vci, ok := n.take()
		if !ok || r.IntN(5) == 0 {
			if ok {
				n.free = append(n.free, vci)
			}
			n.try(ReleaseRequest, call, 0, cause(ie.CauseNoVC))
			return
		}
		if i, ok := n.m.Info(call); !ok || i.State > CallPresent {
			n.free = append(n.free, vci)
			return
		}
		n.bind(call, vci)
		elements = append(elements, channel(vci))
	}
	switch r.IntN(5) {
	case 0:
		n.try(SetupResponse, call, 0, elements...)
	case 1:
		n.try(ReleaseRequest, call, 0, cause(17))
	default:
		n.try(ProceedingRequest, call, 0, elements...)
		n.later(call, func() {
			if r.IntN(2) == 0 {
				n.try(AlertingRequest, call, 0)
			}
			n.later(call, func() { n.try(SetupResponse, call, 0) })
		})
	}
}

// pick is one of the end's calls.
func (n *end) pick() (Info, bool) {
	calls := n.m.order()
	if len(calls) == 0 {
		return Info{}, false
	}
	return calls[n.w.r.IntN(len(calls))].info(), true
}

// act is one random thing that call control, or fate, does.
func (w *world) act() {
	n := w.ends[w.r.IntN(2)]
	i, ok := n.pick()
	switch x := w.r.IntN(100); {
	case x < 40 || !ok:
		n.newCall()
	case x < 55:
		n.try(ReleaseRequest, i.Call, 0, cause(16))
	case x < 75:
		if i.Multi {
			n.try(AddPartyRequest, i.Call, 0, ie.New(&ie.CalledNumber{Number: nsap(byte(x))}))
		}
	case x < 83:
		if len(i.Parties) > 0 {
			n.try(DropPartyRequest, i.Call, i.Parties[w.r.IntN(len(i.Parties))].Party, cause(16))
		}
	case x < 88:
		n.try(EnquiryRequest, i.Call, 0)
	case x < 90:
		n.restart(i)
	case x < 92:
		w.ends[User].give(&Event{Kind: LeafRequest, Elements: []ie.Element{
			ie.New(&ie.CalledNumber{Number: nsap(1)}), ie.New(&ie.LeafCallIdentifier{Identifier: uint32(x)})}})
	case x < 93:
		n.reborn()
	default:
		w.fault()
	}
}

// reborn is the process killed and started again: a new machine takes over the
// calls that were active. The link is lost with the old one.
func (n *end) reborn() {
	w, old := n.w, n.m
	m, err := New(old.config)
	if err != nil {
		w.t.Fatal(err)
	}
	n.m = m
	w.note(n, "starts again")
	w.epoch++
	if w.up {
		w.up = false
		n.peer.give(&Event{Kind: LinkReleased})
	}
	for _, c := range old.order() {
		i := c.info()
		i.Parties = slices.DeleteFunc(i.Parties, func(p PartyInfo) bool { return p.State != PartyActive })
		if i.State == Active && (!i.Multi || len(i.Parties) > 0) {
			if err := m.Restore(i); err != nil {
				w.t.Fatal(err)
			}
			continue
		}
		n.control(Event{Kind: ReleaseConfirm, Call: c.id})
	}
	n.drain()
}

func (n *end) restart(i Info) {
	if n.w.r.IntN(2) == 0 || i.Connection == nil {
		n.give(&Event{Kind: RestartRequest, Elements: []ie.Element{ie.New(&ie.Restart{Class: ie.RestartAll})}})
		return
	}
	n.give(&Event{Kind: RestartRequest, Elements: []ie.Element{ie.New(i.Connection), ie.New(&ie.Restart{Class: ie.RestartVC})}})
}

// settle lets everything come to rest.
func (w *world) settle() {
	for i := 0; w.step(); i++ {
		if i > 200000 {
			w.t.Fatal("it never comes to rest")
		}
	}
}

// agree compares the two sides.
func (w *world) agree() {
	a, b := w.ends[0], w.ends[1]
	for _, c := range a.m.order() {
		other := b.m.calls[c.id^ours]
		if other == nil {
			w.t.Fatalf("call %v of the user in state %v: the network has none", c.id, c.state)
		}
		mine, theirs := c.info(), other.info()
		if mine.State != Active || theirs.State != Active {
			w.t.Fatalf("call %v: %v at the user, %v at the network", c.id, mine.State, theirs.State)
		}
		if fmt.Sprint(mine.Parties) != fmt.Sprint(theirs.Parties) || *mine.Connection != *theirs.Connection {
			w.t.Fatalf("call %v: %+v at the user, %+v at the network", c.id, mine, theirs)
		}
	}
	if a.m.Len() != b.m.Len() {
		w.t.Fatalf("%d calls at the user, %d at the network", a.m.Len(), b.m.Len())
	}
	for _, n := range w.ends {
		if len(n.calls) != n.m.Len() || len(n.used) != n.m.Len() {
			w.t.Fatalf("%v: %d calls, call control has %d and %d VCs", n.side, n.m.Len(), len(n.calls), len(n.used))
		}
	}
}

func simulate(t *testing.T, seed uint64) (calls int, sent [][]byte) {
	w := newWorld(t, seed)
	defer func() {
		if t.Failed() {
			for _, line := range w.log {
				t.Log(line)
			}
			t.Logf("seed %d", seed)
		}
	}()
	at := time.Duration(0)
	for range 20 + w.r.IntN(60) {
		at += w.some(8 * time.Second)
		w.after(at, w.act)
	}
	w.settle()
	w.agree()
	calls = w.ends[0].m.Len()
	for _, n := range w.ends {
		for _, c := range n.m.order() {
			if c.id.Originated() {
				n.try(ReleaseRequest, c.id, 0, cause(16))
			}
		}
	}
	w.settle()
	for _, n := range w.ends {
		if n.m.Len() != 0 || len(n.used) != 0 || len(n.m.timers) != 0 || len(n.m.leaves) != 0 || len(n.free) != simVCs || n.m.start.requesting() || n.m.respond.restarting() {
			t.Fatalf("%v: left over: %d calls, %d VCs used, %d free, %d timers", n.side, n.m.Len(), len(n.used), len(n.free), len(n.m.timers))
		}
	}
	return calls, w.sent
}

// Both sides of an interface end in the same state, and nothing leaks.
func TestSimulation(t *testing.T) {
	if *proof.Seed != 0 {
		simulate(t, *proof.Seed)
		return
	}
	total := 0
	for s := uint64(1); s <= uint64(*seeds); s++ {
		calls, _ := simulate(t, s)
		total += calls
	}
	t.Logf("%d seeds, %d calls up at their ends", *seeds, total)
	if total == 0 {
		t.Error("no call was ever up")
	}
}

// What the machines of some simulations sent, as tshark reads it.
func TestSimulationOracle(t *testing.T) {
	var octets [][]byte
	for s := uint64(1); s <= 12; s++ {
		_, sent := simulate(t, s)
		octets = append(octets, sent...)
	}
	kinds := map[Type]bool{}
	for i, said := range dissect(t, octets) {
		m, err := Decode(octets[i])
		if err != nil {
			t.Fatal(err)
		}
		kinds[m.Type] = true
		agree(t, &m, octets[i], said)
	}
	t.Logf("%d messages of %d types", len(octets), len(kinds))
	if len(kinds) < 18 {
		t.Errorf("only %d types: %v", len(kinds), kinds)
	}
}
