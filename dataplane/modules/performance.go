package modules

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"syscall"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
)

// This file is performance monitoring (I.610, 9.2.1 and 9.2.2) where cells are switched: a port counts the user
// cells of a connection that it sends, behind its queues, and puts a forward monitoring cell after each block; it judges
// those that come in.

// PMConfig says what is done about performance monitoring at an end. The zero value is nothing.
type PMConfig struct {
	Block  uint32 // user cells of a block, a power of two from MinPMBlock to MaxPMBlock: sent, judged and reported on
	Answer bool   // what the far end's activation asks for is granted
	Ask    bool   // the far end is asked for it, both ways, in blocks of Block
}

// Limits of a block, in user cells (I.610, 9.2.1.4).
const (
	MinPMBlock = 128
	MaxPMBlock = 32768
)

var errPM error = &refusal{"a port of SDUs has no cells to count", syscall.EOPNOTSUPP}

func (c PMConfig) on() bool { return c != PMConfig{} }

// begin has an end do it.
func (c PMConfig) begin(m *aal.OAMPerformance) {
	if !c.Ask {
		m.Configure(c.Block, c.Block > 0, c.Answer)
		return
	}
	m.Configure(0, false, c.Answer)
	m.Ask(c.Block, 1)
}

// pm reads "CELLS", "answer" or "ask:CELLS".
func (w *words) pm(text string) (c PMConfig) {
	if text == "answer" {
		return PMConfig{Answer: true}
	}
	text, c.Ask = strings.CutPrefix(text, "ask:")
	n, err := strconv.ParseUint(text, 10, 32)
	most := uint64(MaxPMBlock)
	if c.Ask {
		most = uint64(aal.OAMBlockSizes[len(aal.OAMBlockSizes)-1])
	}
	if err != nil || n < MinPMBlock || n > most || bits.OnesCount64(n) != 1 {
		w.fail(fmt.Errorf("pm=%s: answer, CELLS or ask:CELLS, a block of %d, %d … %d user cells", text, MinPMBlock, 2*MinPMBlock, most))
	}
	c.Block, c.Answer = uint32(n), true
	return c
}

// monitor has a connection's cells counted where they leave by the port, if its point wants that.
func (p *port) monitor(o *oamPoint) {
	if !o.config.PM.on() {
		return
	}
	o.config.PM.begin(&o.segment.Performance)
	if p.monitors == nil {
		p.monitors = map[uint32]*oamPoint{}
	}
	p.monitors[o.conn.key()] = o
}

func (p *port) unmonitor(o *oamPoint) {
	if delete(p.monitors, o.conn.key()); len(p.monitors) == 0 {
		p.monitors = nil
	}
}

// monitored counts a cell that has just been put into the port's frame, and puts the monitoring cell behind it
// that is due. Where there is no room now the next user cell is followed by it.
func (p *port) monitored(cell []byte) {
	h := aal.ReadHeader(cell)
	o := p.monitors[uint32(h)>>4]
	if o == nil {
		if o = p.monitors[pathKey(uint32(h)>>20)]; o == nil {
			return
		}
	}
	flow, ok := h.OAMFlow()
	if !o.user(h, ok, flow) {
		return
	}
	m := &o.segment.Performance
	if !m.Sent(cell[aal.HeaderSize:aal.CellSize], h.CLP()) {
		return
	}
	var c [aal.CellSize]byte
	o.segment.Flow().Header(o.conn.VC).Put(c[:])
	if p.spaceFor(c[:]) == 0 || m.Forward(c[aal.HeaderSize:]) != nil {
		return
	}
	p.join(c[:])
	p.poured(aal.CellSize)
}

// user tells whether a cell is one of the users of a point's flow: of a channel all but management and RM, of
// a path all but its own flows, and RM.
func (o *oamPoint) user(h aal.Header, oam bool, flow aal.OAMFlow) bool {
	if !o.conn.Path {
		return h.User()
	}
	return (!oam || flow == aal.OAMF5Segment || flow == aal.OAMF5EndToEnd) && h.VC().VCI != pathRMVCI
}

const pathRMVCI = 6 // I.371: resource management of a path

// askPM sends an activation cell that is due.
func (p *port) askPM(o *oamPoint) {
	var payload [aal.PayloadSize]byte
	if o.segment.Performance.Poll(p.oamNow(), payload[:]) {
		p.putOAM(o, &o.segment, &payload)
	}
}

// appendPM appends what performance monitoring has found: pm_rx of what came in, pm_tx of what was sent, by the
// far end's reports; pm_state is an aal.OAMActivationState.
func appendPM(counts []dataplane.Count, m *aal.OAMPerformance) []dataplane.Count {
	if !m.On() && m.State() == aal.OAMNotAsked && m.Near == (aal.OAMTotals{}) {
		return counts
	}
	counts = append(counts, dataplane.Count{Name: "pm_block", N: uint64(m.Block())}, dataplane.Count{Name: "pm_state", N: uint64(m.State())})
	for _, way := range []struct {
		name string
		t    *aal.OAMTotals
	}{{"pm_rx_", &m.Near}, {"pm_tx_", &m.Far}} {
		t := way.t
		for _, n := range []dataplane.Count{
			{Name: "blocks", N: t.Blocks}, {Name: "cells", N: t.Cells}, {Name: "lost", N: t.Lost}, {Name: "misinserted", N: t.Misinserted},
			{Name: "errored", N: t.Errored}, {Name: "severe", N: t.Severe}, {Name: "missed", N: t.Missed},
		} {
			counts = append(counts, dataplane.Count{Name: way.name + n.Name, N: n.N})
		}
	}
	return counts
}
