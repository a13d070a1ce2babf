package modules

import (
	"fmt"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
)

// This file is what the end of a VC does about OAM when it is told to: continuity check, performance monitoring,
// loopback of its own.

// commands are those of a module that is an end; they run on its hub.
func (o *oamEnd) commands() []dataplane.ModuleCommand {
	in := func(number control.Type, name string, read func(*words) func() error) dataplane.ModuleCommand {
		return dataplane.ModuleCommand{
			Number: uint8(number), Name: name, Direction: control.DirectionIn, Most: maxCrossCommand,
			Run: func(arg []byte) ([]byte, error) { return nil, obey(string(arg), read) },
		}
	}
	return []dataplane.ModuleCommand{
		in(control.EndOAM, "oam", func(w *words) func() error {
			c := w.oam()
			return func() error { return o.configure(c) }
		}),
		in(control.EndPing, "loopback", func(w *words) func() error {
			segment, location := w.ping()
			return func() error { return o.ask(segment, location) }
		}),
	}
}

// configure sets what is done at one of the ends: that of the whole VC, unless it says segment; nil: nothing, at both.
func (o *oamEnd) configure(c *OAMConfig) error {
	if c != nil && c.End {
		return errOAM
	}
	now := time.Duration(o.hub.Now())
	if o.told = c != nil; c == nil {
		c = &OAMConfig{ID: aal.FilledOAMID(aal.OAMIDNone)}
		o.set(&o.ends[0], c, now)
	}
	e := &o.ends[1]
	if c.Segment {
		e = &o.ends[0]
	}
	o.set(e, c, now)
	o.monitors()
	o.watch()
	return nil
}

func (o *oamEnd) set(e *aal.OAMEnd, c *OAMConfig, now time.Duration) {
	e.Name(c.ID)
	e.Monitor.Sink(now, c.Sink)
	e.Monitor.Source(now, c.Source)
	c.PM.begin(&e.Performance)
}

// ask sends a loopback cell; its result is among the counters.
func (o *oamEnd) ask(segment bool, location aal.OAMID) error {
	e := &o.ends[1]
	if segment {
		e = &o.ends[0]
	}
	var cell [aal.CellSize]byte
	if !e.Ask(time.Duration(o.hub.Now()), location, cell[aal.HeaderSize:]) {
		return errAsked
	}
	o.told = true
	o.put(e, &cell)
	o.watch()
	return nil
}

// monitors notes whether user cells are counted, which may begin and end by activation.
func (o *oamEnd) monitors() { o.pm = o.ends[0].Performance.On() || o.ends[1].Performance.On() }

// received counts the user cells of a run.
func (o *oamEnd) received(cells []byte) {
	for ; len(cells) >= aal.CellSize; cells = cells[aal.CellSize:] {
		if h := aal.ReadHeader(cells); h.User() {
			for i := range o.ends {
				o.ends[i].Performance.Received(cells[aal.HeaderSize:aal.CellSize], h.CLP())
			}
		}
	}
}

// left is how many user cells may be sent together.
func (o *oamEnd) left() int {
	n := uint32(MaxPMBlock)
	for i := range o.ends {
		if m := &o.ends[i].Performance; m.Block() > 0 {
			n = min(n, max(m.Left(), 1))
		}
	}
	return int(n)
}

// sent counts user cells that are about to be sent, and tells at which ends a monitoring cell is due behind them.
func (o *oamEnd) sent(cells []byte) (due [2]bool) {
	for ; len(cells) >= aal.CellSize; cells = cells[aal.CellSize:] {
		for i := range o.ends {
			due[i] = o.ends[i].Performance.Sent(cells[aal.HeaderSize:aal.CellSize], aal.ReadHeader(cells).CLP())
		}
	}
	return due
}

// forward sends the monitoring cells that are due.
func (o *oamEnd) forward(due [2]bool) {
	for i := range due {
		var cell [aal.CellSize]byte
		if due[i] && o.ends[i].Performance.Forward(cell[aal.HeaderSize:]) == nil {
			o.put(&o.ends[i], &cell)
		}
	}
}

// defects are those that the ends see.
func (o *oamEnd) defects() aal.OAMState { return o.ends[0].Monitor.State() | o.ends[1].Monitor.State() }

// appendCounts appends what an end that was told something has counted.
func (o *oamEnd) appendCounts(counts []dataplane.Count) []dataplane.Count {
	if !o.told && !o.pm {
		return counts
	}
	a, b := o.ends[0].Counts(), o.ends[1].Counts()
	rtt := a.Last
	if b.Returned > 0 {
		rtt = b.Last
	}
	counts = append(counts, dataplane.Count{Name: "oam_defects", N: uint64(o.defects())},
		dataplane.Count{Name: "oam_sent", N: a.Sent + b.Sent}, dataplane.Count{Name: "oam_returned", N: a.Returned + b.Returned},
		dataplane.Count{Name: "oam_lost", N: a.Lost + b.Lost}, dataplane.Count{Name: "oam_rtt_ns", N: uint64(rtt)})
	m := &o.ends[1].Performance
	if o.ends[0].Performance.On() {
		m = &o.ends[0].Performance
	}
	return appendHops(appendPM(counts, m), &o.ends[0])
}

// endOf is the OAM of the end of a VC of SDUs, which the port itself is; an error: it is none.
func (p *port) endOf(c Connection) (*oamEnd, error) {
	if p.cfg.Mode.Cells() || p.trunk != nil || c.Path || c.VC != p.cfg.VC {
		return nil, fmt.Errorf("%v: no cells of it are cross-connected: %w", c, syscall.EOPNOTSUPP)
	}
	p.needEnd()
	return p.f5, nil
}

// needEnd makes the end of the port's VC, once.
func (p *port) needEnd() {
	if p.f5 == nil {
		p.f5 = new(oamEnd)
		p.f5.open(p.carrier.hub, flowsOfVC, p.sendAdmin)
	}
}

// setEnd is SetOAM for a VC of SDUs that ends above the port.
func (p *port) setEnd(c Connection, config *OAMConfig) error {
	o, err := p.endOf(c)
	if err == nil && config != nil && config.PM.on() {
		err = errPM
	}
	if err == nil {
		err = o.configure(config)
	}
	return err
}
