package modules

import (
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
)

// A port that cannot receive, because its device has gone or it was told to stop, tells so
// downstream: an AIS cell for every connection that comes in there, at once and then each
// second (I.610, 9.2.1). The walk goes in steps, and other traffic goes on between them.
const (
	alarmStep = 1024                   // connections told in one step …
	alarmNext = 1000 * 1000            // … and ns to the next
	alarmEach = int64(aal.OAMPeriod)   // ns between two cells of one connection
	aisOfPath = aal.F4EndToEndVCI << 4 // F4, end to end: its header below the VPI
	aisOfVC   = aal.PTIEndToEndOAM << 1
)

// alarm is the state of the walk.
type alarm struct {
	timer dataplane.Timer
	at    int   // the entry to go on with
	round int64 // when this walk began
}

// aisPayload is that of every AIS cell: neither a type nor a location is told.
var aisPayload = func() (p [aal.PayloadSize]byte) {
	c := aal.MakeOAMFault(aal.OAMAIS)
	if err := c.Encode(p[:]); err != nil {
		panic(err)
	}
	return p
}()

// deaf tells whether nothing can come in by the port.
func (p *port) deaf() bool { return p.stopped || !p.carrier.present() }

// raise begins to tell, if there is anything to tell about and somebody to be told.
func (p *port) raise() {
	if x := p.cross; x != nil && !x.alarm.timer.Running() {
		x.alarm.timer.Fire = p.tellAlarm
		x.alarm.at, x.alarm.round = 0, p.carrier.hub.Now()
		p.carrier.hub.StartTimer(&x.alarm.timer, x.alarm.round)
	}
}

// tellAlarm is one step of the walk.
func (p *port) tellAlarm() {
	x, h := p.cross, p.carrier.hub
	if !p.deaf() {
		return
	}
	a := &x.alarm
	end := min(a.at+alarmStep, len(x.entries))
	for ; a.at < end; a.at++ {
		if e := &x.entries[a.at]; e.leaves > 0 && e.flags&crossMerged == 0 {
			low := uint32(aisOfVC)
			if e.kept == keptOfPath {
				low = aisOfPath
			}
			p.inject(e, low, &aisPayload)
		}
	}
	next := h.Now() + alarmNext
	if a.at == len(x.entries) {
		a.at, a.round = 0, max(a.round+alarmEach, h.Now())
		next = a.round
	}
	h.StartTimer(&a.timer, next)
}

// inject sends a cell of our own along a connection, as if it had come in there.
func (p *port) inject(e *crossEntry, low uint32, payload *[aal.PayloadSize]byte) {
	x, w := p.cross, p.carrier.relay
	var cell [aal.CellSize]byte
	copy(cell[aal.HeaderSize:], payload[:])
	w.begin()
	for l := &e.first; ; l = &x.leaves[l.next] {
		if w.n == relayItems {
			p.flushRelay(cell[:])
		}
		w.add(x, l.out, low|l.bits, 0)
		if l.next == 0 {
			break
		}
	}
	p.flushRelay(cell[:])
}

// oamNow is the hub's time for machines of package aal.
func (p *port) oamNow() time.Duration { return time.Duration(p.carrier.hub.Now()) }
