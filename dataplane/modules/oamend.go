package modules

import (
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
)

// oamTick is how often an end with something to watch looks at the clock, in nanoseconds.
const oamTick = 250 * 1000 * 1000

// oamEnd is the OAM of the end of a VC (F5) or of a VP (F4), of a segment and of the whole of it
// at once: loopback is answered, and while AIS comes RDI goes back; continuity check, performance monitoring and
// loopback of its own when it is told. It has a timer only while there is a defect, or it is told something.
type oamEnd struct {
	hub   *dataplane.Hub
	ends  [2]aal.OAMEnd
	timer dataplane.Timer
	alarm bool              // an end has a defect
	told  bool              // by configure or ask
	pm    bool              // user cells are counted
	send  func(cell []byte) // takes a cell, which is lent; the header's VC, of F4 its VPI, is of no meaning
	cells uint64
}

// The flows that end at the end of a VC, and of a VP: of the segment, and of the whole.
var (
	flowsOfVC   = [2]aal.OAMFlow{aal.OAMF5Segment, aal.OAMF5EndToEnd}
	flowsOfPath = [2]aal.OAMFlow{aal.OAMF4Segment, aal.OAMF4EndToEnd}
)

func (o *oamEnd) open(h *dataplane.Hub, flows [2]aal.OAMFlow, send func(cell []byte)) {
	o.hub, o.send, o.timer.Fire = h, send, o.tick
	for i, flow := range flows {
		o.ends[i] = aal.MakeOAMEnd(flow, aal.OAMEndPoint, aal.FilledOAMID(aal.OAMIDNone))
	}
}

func (o *oamEnd) leave() { o.hub.StopTimer(&o.timer) }

func (o *oamEnd) resume(h *dataplane.Hub) {
	o.hub = h
	o.watch()
}

// cell takes an OAM cell.
func (o *oamEnd) cell(cell []byte) {
	e := &o.ends[0]
	if flow, _ := aal.ReadHeader(cell).OAMFlow(); !flow.Segment() {
		e = &o.ends[1]
	}
	o.cells++
	var reply [aal.CellSize]byte
	if e.Cell(time.Duration(o.hub.Now()), cell[aal.HeaderSize:], reply[aal.HeaderSize:]) == aal.OAMLoop {
		o.put(e, &reply)
	}
	o.monitors()
	o.watch()
}

// user notes that user cells have come.
func (o *oamEnd) user() {
	if o.alarm || o.told {
		for i := range o.ends {
			o.ends[i].Monitor.User()
		}
	}
}

// put sends a cell of an end's flow.
func (o *oamEnd) put(e *aal.OAMEnd, cell *[aal.CellSize]byte) {
	e.Flow().Header(aal.VC{}).Put(cell[:])
	o.send(cell[:])
}

// watch runs the timer while there is a defect.
func (o *oamEnd) watch() {
	o.alarm = o.ends[0].Monitor.State()|o.ends[1].Monitor.State() != 0
	if (o.alarm || o.told) && !o.timer.Running() {
		o.hub.StartTimer(&o.timer, o.hub.Now())
	}
}

// tick sends what is due.
func (o *oamEnd) tick() {
	for i := range o.ends {
		e := &o.ends[i]
		due := e.Poll(time.Duration(o.hub.Now()))
		var cell [aal.CellSize]byte
		for _, one := range [...]aal.OAMDue{aal.OAMDueRDI, aal.OAMDueCC} {
			if due&one != 0 && one.Put(cell[aal.HeaderSize:]) == nil {
				o.put(e, &cell)
			}
		}
		if e.Performance.Poll(time.Duration(o.hub.Now()), cell[aal.HeaderSize:]) {
			o.put(e, &cell)
		}
	}
	o.monitors()
	if o.watch(); o.timer.Running() {
		o.hub.StartTimer(&o.timer, o.hub.Now()+oamTick)
	}
}

// dropped is the cells that were of no use: damaged, or of a function that is not done.
func (o *oamEnd) dropped() (n uint64) {
	for i := range o.ends {
		c := o.ends[i].Counts()
		n += c.Bad + c.Other
	}
	return n
}

// looped is the requests that were answered.
func (o *oamEnd) looped() uint64 { return o.ends[0].Counts().Looped + o.ends[1].Counts().Looped }
