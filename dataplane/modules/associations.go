package modules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
)

// Key is a VC as messages carry it in the low half of Conn between a carrier and the
// association table: VPI and VCI, the VCI in the low 16 bits.
func Key(vc aal.VC) uint64 { return uint64(vc.VPI)<<16 | uint64(vc.VCI) }

const portShift = 32 // the upper half of Conn is the number of the carrier's port

// MaxCarriers is how many carriers one multiplexor has below.
const MaxCarriers = 256

// associations is the multiplexor between carriers below and one stream above for each
// VC: the association tables and nothing else. What comes from below for a VC that
// nobody has is freed and counted.
type associations struct {
	hub     *dataplane.Hub
	lowers  []*lower                        // carriers by number; nil is free
	unknown uint64                          // cells, or SDUs, of VCs that nobody has
	full    uint64                          // messages for a stream that was full
	gone    uint64                          // messages for a carrier that has gone
	watcher dataplane.ProcID                // told of full queues; 0: nobody
	told    map[dataplane.ProcID]congestion // by pair of a VC
	crowded map[dataplane.ProcID]*crowding  // VCs that have lost something because their streams were full, by pair
	noBlock uint64                          // messages for all streams of a carrier that there was no memory to copy
}

// lower is a carrier below and its VCs. One that has gone keeps its number until its VCs
// have gone.
type lower struct {
	q     *dataplane.Queue        // write queue; nil when the carrier has gone
	table table[*dataplane.Queue] // read queues of the streams above, by Conn
	mute  map[uint64]*gate        // VCs that only send, by Conn: nobody takes what comes
}

// Associations makes an empty multiplexor with its first pair; see pair.
func Associations(arg string) (dataplane.Module, error) { return new(associations).pair(arg) }

// pair makes the code of another pair: "carrier", which a carrier stands below, or
// "vc CARRIER[.PORT] VPI/VCI [in|out]", which the stream of a VC stands on, of one way or both.
// Carriers are counted from 0 in the order in which they were made; PORT is the number that
// the carrier has given its port, 0 unless told.
func (a *associations) pair(arg string) (dataplane.Module, error) {
	if arg == "carrier" {
		return a.below()
	}
	if f := strings.Fields(arg); (len(f) == 3 || len(f) == 4) && f[0] == "vc" {
		g := &gate{}
		if len(f) == 4 {
			var err error
			if g.closed, err = wayOf(f[3]); err != nil {
				return dataplane.Module{}, err
			}
		}
		return a.named(f[1], f[2], g)
	}
	return dataplane.Module{}, fmt.Errorf("%q: carrier, or vc CARRIER[.PORT] VPI/VCI [in|out]", arg)
}

// named reads where a VC is.
func (a *associations) named(where, vc string, g *gate) (dataplane.Module, error) {
	carrier, port, given := strings.Cut(where, ".")
	if !given {
		port = "0"
	}
	c, err := strconv.ParseUint(carrier, 10, 32)
	if err != nil || c >= uint64(len(a.lowers)) || a.lowers[c] == nil || a.lowers[c].q == nil {
		return dataplane.Module{}, fmt.Errorf("no carrier %q", carrier)
	}
	p, err := strconv.ParseUint(port, 10, 32)
	if err != nil {
		return dataplane.Module{}, fmt.Errorf("port %q: a number", port)
	}
	v, err := aal.ParseVC(vc)
	if err != nil {
		return dataplane.Module{}, err
	}
	return a.above(a.lowers[c], p<<portShift|Key(v), v, g), nil
}

func isAnnouncement(m *dataplane.Msg) bool {
	return m.Type == dataplane.Ctl && m.Class == control.ClassATM && control.Type(m.Info) == control.ATMAdd && m.Block == 0
}

// base is what both kinds of pair have.
func (a *associations) base(name string) dataplane.Module {
	return dataplane.Module{
		Name: name, Pair: a.pair, Counters: a.count,
		Arrive: func(q *dataplane.Queue) { a.hub = q.Hub() },
	}
}

func (a *associations) below() (dataplane.Module, error) {
	n := slices.IndexFunc(a.lowers, func(l *lower) bool { return l == nil || l.q == nil && l.table.count == 0 && len(l.mute) == 0 })
	if n < 0 {
		n = len(a.lowers)
	}
	if n == MaxCarriers {
		return dataplane.Module{}, fmt.Errorf("more than %d carriers", MaxCarriers)
	}
	m, l := a.base("associations"), new(lower)
	m.ReadPut = func(q *dataplane.Queue, m dataplane.Msg) { a.demultiplex(l, m) }
	m.Open = func(q *dataplane.Queue) error {
		a.hub, l.q = q.Hub(), q.Mate()
		if n == len(a.lowers) {
			a.lowers = append(a.lowers, l)
		}
		a.lowers[n] = l
		return nil
	}
	m.Close = func(*dataplane.Queue) { l.q = nil }
	m.Commands = []dataplane.ModuleCommand{setNumber(Watch, "watch", func(n uint32) error {
		a.watcher = dataplane.ProcID(n)
		return nil
	})}
	return m, nil
}

// above makes the pair of a VC.
func (a *associations) above(l *lower, key uint64, vc aal.VC, g *gate) dataplane.Module {
	m := a.base("vc " + vc.String())
	m.Counters = func() []dataplane.Count { return append(g.counts(), a.crowded[g.rq.ID()].count(a.hub)) }
	m.ReadService = func(q *dataplane.Queue) {
		q.Drain()
		if len(a.told) > 0 {
			a.relieved(q)
		}
	}
	m.WritePut = func(q *dataplane.Queue, m dataplane.Msg) {
		if (g.shaper != nil || g.closed != 0) && g.put(q, m) {
			return
		}
		a.multiplex(q, l, key, m)
	}
	m.WriteService = func(q *dataplane.Queue) {
		if g.shaper != nil && l.q != nil {
			g.serve(q, l.q, key)
			return
		}
		a.drain(q, l)
	}
	m.Open = func(q *dataplane.Queue) error {
		g.rq = q
		return l.enter(key, q, g)
	}
	m.Close = func(q *dataplane.Queue) {
		g.stop()
		l.leave(key, g)
		delete(a.told, q.ID())
		delete(a.crowded, q.ID())
	}
	m.Leave = func() error { g.stop(); return nil }
	m.Arrive = func(q *dataplane.Queue) {
		a.hub, g.rq = q.Hub(), q
		g.open()
	}
	m.Commands = []dataplane.ModuleCommand{
		{Number: Announce, Name: "announce", Run: func([]byte) ([]byte, error) {
			g.rq.PutNext(dataplane.Msg{Type: dataplane.Ctl, Class: control.ClassATM, Info: uint32(control.ATMAdd), Conn: key})
			return nil, nil
		}},
		readText(129, "vc", vc.String),
		{Number: Shape, Name: "shape", Direction: control.DirectionIn, Most: maxManaged, Run: func(arg []byte) ([]byte, error) {
			return nil, g.shape(string(arg))
		}},
	}
	return m
}

// enter joins a VC to the carrier. What only sends is not found by what comes.
func (l *lower) enter(key uint64, q *dataplane.Queue, g *gate) error {
	_, there := l.table.find(key)
	switch {
	case there || l.mute[key] != nil:
		return fmt.Errorf("%w: key %#x is there already", ErrTable, key)
	case g.closed&control.DirectionIn == 0:
		return l.table.add(key, q)
	case l.mute == nil:
		l.mute = map[uint64]*gate{}
	}
	l.mute[key] = g
	return nil
}

func (l *lower) leave(key uint64, g *gate) {
	if g.closed&control.DirectionIn == 0 {
		l.table.remove(key)
		return
	}
	delete(l.mute, key)
}

// Shape is the command by which the pair of a VC learns the contract that what it sends has to
// keep: "[sdus] CONTRACT" as the carrier's commands have it, sdus where the carrier carries SDUs;
// nothing ends it.
const Shape = control.FirstModuleCommand + 2

// Announce is the command by which the pair of a VC tells the stream above it which VC it
// stands on: whoever has linked the two gives it.
const Announce = control.FirstModuleCommand

// announced reads what Announce puts up the stream.
func announced(m *dataplane.Msg) (vc aal.VC, ok bool) {
	if !isAnnouncement(m) {
		return vc, false
	}
	return aal.VC{VPI: uint16(m.Conn >> 16 & 0xFFF), VCI: uint16(m.Conn)}, true
}

// demultiplex finds the stream of what a carrier has received. A stream that has no
// room loses it: a network cannot be asked to wait.
func (a *associations) demultiplex(l *lower, m dataplane.Msg) {
	if m.Type != dataplane.Data {
		a.tellAll(l, m)
		return
	}
	q, ok := l.table.find(m.Conn)
	if !ok {
		if g := l.mute[m.Conn]; g != nil {
			g.in++
			g.last.note(a.hub, "rx_drop_direction")
		} else {
			a.unknown += max(1, uint64(m.Len)/aal.CellSize)
		}
		a.hub.Free(m)
		return
	}
	if q.Full() || a.scarce() && !q.CanPutNext() {
		a.full++
		a.crowd(q)
		a.congested(q)
		a.hub.Free(m)
		return
	}
	q.Forward(m)
}

// crowding is what a VC has lost because its stream was full.
type crowding struct {
	lost uint64
	last int64
}

// crowd counts that with the VC. Cold: what comes here is lost anyway, and all but the first time
// it is a look into a table.
func (a *associations) crowd(q *dataplane.Queue) {
	c := a.crowded[q.ID()]
	if c == nil {
		if a.crowded == nil {
			a.crowded = map[dataplane.ProcID]*crowding{}
		}
		c = new(crowding)
		a.crowded[q.ID()] = c
	}
	c.lost, c.last = c.lost+1, a.hub.Now()
}

// count is the counter; of a VC that has lost nothing c is nil.
func (c *crowding) count(h *dataplane.Hub) dataplane.Count {
	n := dataplane.Count{Name: "rx_drop_congested"}
	if c != nil {
		n.N, n.Ago = c.lost, max(h.Now()-c.last, 1)
	}
	return n
}

// Watch is the command that says who is told of full queues: the number of a process, which
// gets messages of type Ctl and class EVT from the pair of the VC, Info being the kind.
const Watch = control.FirstModuleCommand

// congestion is what has been told of a VC's queue that was full once.
type congestion struct {
	full bool
	next int64 // not to be told before
}

// congestionInterval is the least between two times that one VC's queue is told to be full.
const congestionInterval = int64(time.Second)

// congested tells once that a stream has lost something because it is full. Cold: what comes
// here is lost anyway.
func (a *associations) congested(q *dataplane.Queue) {
	c := a.told[q.ID()]
	if a.watcher == 0 || c.full || a.hub.Now() < c.next {
		return
	}
	if a.told == nil {
		a.told = map[dataplane.ProcID]congestion{}
	}
	a.told[q.ID()] = congestion{true, a.hub.Now() + congestionInterval}
	a.tell(q, control.EventQueueFull)
}

// relieved tells that the queue of a stream has come down to its low mark.
func (a *associations) relieved(q *dataplane.Queue) {
	if c := a.told[q.ID()]; c.full && !q.Full() {
		a.told[q.ID()] = congestion{false, c.next}
		a.tell(q, control.EventQueueDrained)
	}
}

func (a *associations) tell(q *dataplane.Queue, kind control.EventMask) {
	q.Post(dataplane.Msg{Type: dataplane.Ctl, Class: control.ClassEvt, Dst: a.watcher, Info: uint32(kind)})
}

// scarceShare is the part of the small blocks below which nothing is kept for a stream
// that has no room, not even its first message: thousands of those would be all there is.
const scarceShare = 16

func (a *associations) scarce() bool {
	p := a.hub.Pool
	return p.Available(1) < p.Limit(1)/scarceShare
}

// tellAll gives what a carrier says to all its streams: a flush that was turned round, a
// hangup, an error.
func (a *associations) tellAll(l *lower, m dataplane.Msg) {
	for i := range l.table.slots {
		a.tellOne(l.table.slots[i].val, m)
	}
	for _, g := range l.mute {
		a.tellOne(g.rq, m)
	}
	a.hub.Free(m)
}

func (a *associations) tellOne(q *dataplane.Queue, m dataplane.Msg) {
	if q == nil {
		return
	}
	if m.Block != 0 {
		if m.Block = a.hub.Pool.CopyMsg(m.Block); m.Block == 0 {
			a.noBlock++
			return
		}
	}
	q.Forward(m)
}

// multiplex sends what a stream puts down to its carrier.
func (a *associations) multiplex(q *dataplane.Queue, l *lower, key uint64, m dataplane.Msg) {
	if m.Type == dataplane.Data {
		m.Conn = key
	}
	if l.q == nil {
		a.gone++
		a.hub.Free(m)
		return
	}
	q.ForwardTo(l.q, m)
}

func (a *associations) drain(q *dataplane.Queue, l *lower) {
	if l.q != nil {
		q.DrainTo(func(*dataplane.Msg) *dataplane.Queue { return l.q })
		return
	}
	for m, ok := q.GetQ(); ok; m, ok = q.GetQ() {
		a.gone++
		a.hub.Free(m)
	}
}

func (a *associations) count() []dataplane.Count {
	return []dataplane.Count{
		{Name: "rx_drop_unknown_vc", N: a.unknown}, {Name: "rx_drop_congested", N: a.full},
		{Name: "rx_drop_no_block", N: a.noBlock}, {Name: "tx_drop_no_carrier", N: a.gone},
	}
}
