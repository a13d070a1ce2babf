package modules

import (
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
)

// oamTick is how often an end with something to watch looks at the clock, in nanoseconds.
const oamTick = 250 * 1000 * 1000

// f5End is the OAM of the end of a VC, of a segment and of the whole of it at once: loopback is
// answered, and while AIS comes RDI goes back. It has a timer only while there is a defect.
type f5End struct {
	hub   *dataplane.Hub
	ends  [2]aal.OAMEnd
	timer dataplane.Timer
	alarm bool              // an end has a defect
	send  func(cell []byte) // takes a cell, which is lent; the header's VC is of no meaning
	cells uint64
}

func (f *f5End) open(h *dataplane.Hub, send func(cell []byte)) {
	f.hub, f.send, f.timer.Fire = h, send, f.tick
	for i, flow := range [...]aal.OAMFlow{aal.OAMF5Segment, aal.OAMF5EndToEnd} {
		f.ends[i] = aal.MakeOAMEnd(flow, aal.OAMEndPoint, aal.FilledOAMID(aal.OAMIDNone))
	}
}

func (f *f5End) leave() { f.hub.StopTimer(&f.timer) }

func (f *f5End) resume(h *dataplane.Hub) {
	f.hub = h
	f.watch()
}

// cell takes an OAM cell.
func (f *f5End) cell(cell []byte) {
	e := &f.ends[0]
	if aal.ReadHeader(cell).PTI() == aal.PTIEndToEndOAM {
		e = &f.ends[1]
	}
	f.cells++
	var reply [aal.CellSize]byte
	if e.Cell(time.Duration(f.hub.Now()), cell[aal.HeaderSize:], reply[aal.HeaderSize:]) == aal.OAMLoop {
		f.put(e, &reply)
	}
	f.watch()
}

// user notes that user cells have come.
func (f *f5End) user() {
	if f.alarm {
		for i := range f.ends {
			f.ends[i].Monitor.User()
		}
	}
}

// put sends a cell of an end's flow.
func (f *f5End) put(e *aal.OAMEnd, cell *[aal.CellSize]byte) {
	e.Flow().Header(aal.VC{}).Put(cell[:])
	f.send(cell[:])
}

// watch runs the timer while there is a defect.
func (f *f5End) watch() {
	f.alarm = f.ends[0].Monitor.State()|f.ends[1].Monitor.State() != 0
	if f.alarm && !f.timer.Running() {
		f.hub.StartTimer(&f.timer, f.hub.Now())
	}
}

// tick sends what is due.
func (f *f5End) tick() {
	for i := range f.ends {
		e := &f.ends[i]
		if due := e.Poll(time.Duration(f.hub.Now())); due&aal.OAMDueRDI != 0 {
			var cell [aal.CellSize]byte
			if aal.OAMDueRDI.Put(cell[aal.HeaderSize:]) == nil {
				f.put(e, &cell)
			}
		}
	}
	if f.watch(); f.timer.Running() {
		f.hub.StartTimer(&f.timer, f.hub.Now()+oamTick)
	}
}

// dropped is the cells that were of no use: damaged, or of a function that is not done.
func (f *f5End) dropped() (n uint64) {
	for i := range f.ends {
		c := f.ends[i].Counts()
		n += c.Bad + c.Other
	}
	return n
}

// looped is the requests that were answered.
func (f *f5End) looped() uint64 { return f.ends[0].Counts().Looped + f.ends[1].Counts().Looped }
