package modules

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
)

// OAMConfig says what a port does about the OAM of a cross-connected VC or VP: F5 of a
// channel, F4 of a path. Without one all of it passes.
type OAMConfig struct {
	End     bool      // the path itself ends here, and is not switched: its loopback is answered, and RDI returned
	Segment bool      // a segment ends here: its flow is not passed on, and loopback of it answered
	Source  bool      // continuity check cells of the segment are sent out of the port
	Sink    bool      // and watched for
	PM      PMConfig  // performance monitoring of the segment
	ID      aal.OAMID // our own identifier
}

// oamPoint is the OAM of one connection at one port.
type oamPoint struct {
	conn    Connection
	config  OAMConfig
	segment aal.OAMEnd
	whole   aal.OAMEnd // a connecting point: for loopback that we have asked for
}

// oamPoints are those of a port.
type oamPoints struct {
	of    map[uint32]*oamPoint // by entry
	timer dataplane.Timer
}

var errOAM error = &refusal{"continuity check and performance monitoring are of a segment's end, and an end of a path that is not switched", syscall.EINVAL}

// SetOAM sets what is done about a connection's OAM where it comes in, or, with nil, that
// nothing is. On the hub.
func (d *Carrier) SetOAM(c Connection, config *OAMConfig) error {
	if p := d.port(c.Port); p != nil && c.Path && (config != nil && config.End || config == nil && p.f4[c.VC.VPI] != nil) {
		return p.setPathEnd(c, config != nil)
	}
	p, e, err := d.connected(c)
	switch {
	case errors.Is(err, ErrNotConnected):
		return d.port(c.Port).setEnd(c, config)
	case err != nil:
		return err
	case config != nil && config.End:
		return errOAM
	}
	x := p.cross
	i, _ := x.table.find(c.key())
	if config == nil {
		p.forgetOAM(i, e)
		return nil
	}
	if (config.Source || config.Sink || config.PM.on()) && !config.Segment {
		return errOAM
	}
	if config.PM.on() && p.sar != nil {
		return errPM
	}
	point := aal.OAMConnectingPoint
	if config.Segment {
		point = aal.OAMEndPoint
	}
	flows := flowsOfVC
	if c.Path {
		flows = flowsOfPath
	}
	o := &oamPoint{
		conn: c, config: *config, segment: aal.MakeOAMEnd(flows[0], point, config.ID),
		whole: aal.MakeOAMEnd(flows[1], aal.OAMConnectingPoint, config.ID),
	}
	o.segment.Monitor.Sink(p.oamNow(), config.Sink)
	o.segment.Monitor.Source(p.oamNow(), config.Source)
	p.monitor(o)
	if x.oam.of == nil {
		x.oam.of = map[uint32]*oamPoint{}
		x.oam.timer.Fire = p.pollOAM
	}
	x.oam.of[i] = o
	e.note(crossWatched, true)
	p.watchOAM()
	return nil
}

func (p *port) forgetOAM(i uint32, e *crossEntry) {
	if o := p.cross.oam.of[i]; o != nil {
		p.unmonitor(o)
	}
	delete(p.cross.oam.of, i)
	e.note(crossWatched, false)
}

// watchOAM runs the clock of the points while there are any.
func (p *port) watchOAM() {
	if x := p.cross; x != nil && len(x.oam.of) > 0 && !x.oam.timer.Running() {
		p.carrier.hub.StartTimer(&x.oam.timer, p.carrier.hub.Now())
	}
}

// pollOAM sends what is due.
func (p *port) pollOAM() {
	for _, o := range p.cross.oam.of { // a few times a second, of those that were configured
		due := o.segment.Poll(p.oamNow())
		o.whole.Poll(p.oamNow())
		p.askPM(o)
		if due&aal.OAMDueCC != 0 {
			var payload [aal.PayloadSize]byte
			if aal.OAMDueCC.Put(payload[:]) == nil {
				p.putOAM(o, &o.segment, &payload)
			}
		}
	}
	if len(p.cross.oam.of) > 0 {
		p.carrier.hub.StartTimer(&p.cross.oam.timer, p.carrier.hub.Now()+oamTick)
	}
}

// putOAM sends a cell out of the port, back along a connection that comes in there.
func (p *port) putOAM(o *oamPoint, e *aal.OAMEnd, payload *[aal.PayloadSize]byte) {
	var cell [aal.CellSize]byte
	e.Flow().Header(o.conn.VC).Put(cell[:])
	copy(cell[aal.HeaderSize:], payload[:])
	p.sendCell(cell[:])
}

// sendCell sends a cell of the port's own.
func (p *port) sendCell(cell []byte) {
	switch d := p.carrier; {
	case !d.present() || p.stopped:
		d.lost++
	case p.sar != nil:
		p.sendAdmin(cell)
	default:
		p.pour(cell)
		d.in.AskSend()
	}
}

// watched looks at a cell of a connection that has a point here; false: it ends here.
func (p *port) watched(entry, h uint32, cell []byte) bool {
	o := p.cross.oam.of[entry]
	flow, ok := aal.Header(h).OAMFlow()
	if o.user(aal.Header(h), ok, flow) {
		o.segment.Monitor.User()
		o.segment.Performance.Received(cell[aal.HeaderSize:aal.CellSize], aal.Header(h).CLP())
		return true
	}
	e := &o.segment
	switch flow {
	case e.Flow():
	case o.whole.Flow():
		e = &o.whole
	default: // F4 cells of a channel do not exist, and F5 cells in a path are others'
		return true
	}
	var reply [aal.PayloadSize]byte
	action := e.Cell(p.oamNow(), cell[aal.HeaderSize:aal.CellSize], reply[:])
	if action == aal.OAMLoop || action == aal.OAMLoopPass {
		p.putOAM(o, e, &reply)
	}
	return action == aal.OAMPass || action == aal.OAMLoopPass
}

// Ping asks for loopback out of the port, back along a connection that comes in there: of the
// segment, or from the end of the whole connection; a location of its own may be named. Its
// result is among ConnectionCounts. A connection without a point here gets one, until SetOAM
// takes it away. On the hub.
func (d *Carrier) Ping(c Connection, segment bool, location aal.OAMID) error {
	p, _, err := d.connected(c)
	if errors.Is(err, ErrNotConnected) {
		end, err := d.port(c.Port).endOf(c)
		if err == nil {
			err = end.ask(segment, location)
		}
		return err
	}
	if err != nil {
		return err
	}
	i, _ := p.cross.table.find(c.key())
	o := p.cross.oam.of[i]
	if o == nil { // a connecting point, which passes all but our own answers
		if err := d.SetOAM(c, &OAMConfig{ID: aal.FilledOAMID(aal.OAMIDNone)}); err != nil {
			return err
		}
		o = p.cross.oam.of[i]
	}
	e := &o.whole
	if segment {
		e = &o.segment
	}
	var payload [aal.PayloadSize]byte
	if !e.Ask(p.oamNow(), location, payload[:]) {
		return errAsked
	}
	p.putOAM(o, e, &payload)
	return nil
}

var errAsked error = &refusal{"a loopback cell is out", syscall.EALREADY}

// oam reads "segment [source] [sink] [pm=…] [id=HEX]", "id=HEX", "end" or "off".
func (w *words) oam() *OAMConfig {
	if len(w.left) == 1 && w.left[0] == "off" {
		w.left = nil
		return nil
	}
	c := &OAMConfig{ID: aal.FilledOAMID(aal.OAMIDNone)}
	for ; len(w.left) > 0; w.left = w.left[1:] {
		id, given := strings.CutPrefix(w.left[0], "id=")
		pm, performance := strings.CutPrefix(w.left[0], "pm=")
		switch {
		case given:
			c.ID = w.identifier(id)
		case performance:
			c.PM = w.pm(pm)
		case w.left[0] == "end":
			c.End = true
		case w.left[0] == "segment":
			c.Segment = true
		case w.left[0] == "source":
			c.Source = true
		case w.left[0] == "sink":
			c.Sink = true
		default:
			w.fail(fmt.Errorf("%q: segment, source, sink, pm=CELLS, end, id=HEX or off", w.left[0]))
		}
	}
	return c
}

func (w *words) identifier(s string) (id aal.OAMID) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != aal.OAMIDSize {
		w.fail(fmt.Errorf("identifier %q: %d octets in hexadecimal", s, aal.OAMIDSize))
		return id
	}
	return aal.OAMID(b)
}

// ping reads "segment" or "end", and perhaps "id=HEX"; "segment all" is to every point of it.
func (w *words) ping() (segment bool, location aal.OAMID) {
	location = aal.FilledOAMID(aal.OAMIDEnd)
	switch s := w.next("segment or end"); s {
	case "segment":
		segment = true
	case "end":
	default:
		w.fail(fmt.Errorf("%q: segment or end", s))
	}
	if segment && w.flag("all") {
		return segment, aal.FilledOAMID(aal.OAMIDAll)
	}
	if len(w.left) > 0 {
		id, given := strings.CutPrefix(w.left[0], "id=")
		if !given {
			w.fail(fmt.Errorf("%q: id=HEX", w.left[0]))
		}
		location, w.left = w.identifier(id), w.left[1:]
	}
	return segment, location
}

// appendCounts appends what a point has counted; oam_rtt_ns is the last round trip, oam_defects
// an aal.OAMState.
func (o *oamPoint) appendCounts(counts []dataplane.Count) []dataplane.Count {
	a, b := o.segment.Counts(), o.whole.Counts()
	rtt := a.Last
	if b.Returned > 0 {
		rtt = b.Last
	}
	counts = appendHops(appendPM(counts, &o.segment.Performance), &o.segment)
	return append(counts,
		dataplane.Count{Name: "oam_defects", N: uint64(o.segment.Monitor.State())}, dataplane.Count{Name: "oam_looped", N: a.Looped + b.Looped},
		dataplane.Count{Name: "oam_sent", N: a.Sent + b.Sent}, dataplane.Count{Name: "oam_returned", N: a.Returned + b.Returned},
		dataplane.Count{Name: "oam_lost", N: a.Lost + b.Lost}, dataplane.Count{Name: "oam_rtt_ns", N: uint64(rtt)},
		dataplane.Count{Name: "rx_drop_oam", N: a.Bad + a.Other + b.Bad + b.Other})
}

// appendHops appends the answers to a request for all points: "oam_hop_ID" with the round trip, in order.
func appendHops(counts []dataplane.Count, e *aal.OAMEnd) []dataplane.Count {
	for _, h := range e.Hops() {
		counts = append(counts, dataplane.Count{Name: "oam_hop_" + hex.EncodeToString(h.ID[:]), N: uint64(h.RTT)})
	}
	return counts
}

// setPathEnd has the F4 of a path that ends at the port looked after, or not any more.
func (p *port) setPathEnd(c Connection, on bool) error {
	vpi := c.VC.VPI
	switch {
	case !p.carries(c.VC, c.Path):
		return p.cfg.Mode.Refuse(p.cfg.VC, c.VC, c.Path)
	case p.cross != nil && p.cross.paths[vpi/64]>>(vpi%64)&1 != 0:
		return errSwitched
	case !on:
		p.f4[vpi].leave()
		if delete(p.f4, vpi); len(p.f4) == 0 {
			p.f4 = nil
		}
		return nil
	case p.f4[vpi] != nil:
		return ErrConnected
	}
	if p.f4 == nil {
		p.f4 = map[uint16]*oamEnd{}
	}
	o := new(oamEnd)
	o.open(p.carrier.hub, flowsOfPath, func(cell []byte) {
		aal.ReadHeader(cell).WithVPI(vpi).Put(cell)
		p.sendCell(cell)
	})
	p.f4[vpi] = o
	return nil
}

// endOfPaths takes the F4 cells of paths that end here, and gives the block with the others,
// or 0.
func (p *port) endOfPaths(b block.ID) block.ID {
	pool := p.carrier.hub.Pool
	all, stay := pool.Bytes(b), 0
	for cells := all; len(cells) >= aal.CellSize; cells = cells[aal.CellSize:] {
		h := aal.ReadHeader(cells)
		vc := h.VC()
		if end := p.f4[vc.VPI]; end != nil {
			if flow, ok := h.OAMFlow(); ok && (flow == aal.OAMF4Segment || flow == aal.OAMF4EndToEnd) {
				end.cell(cells[:aal.CellSize])
				continue
			}
			end.user()
		}
		stay += copy(all[stay:], cells[:aal.CellSize])
	}
	if stay == 0 {
		pool.Free(b)
		return 0
	}
	pool.Cut(b, stay)
	return b
}
