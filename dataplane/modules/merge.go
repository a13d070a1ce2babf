package modules

import (
	"encoding/binary"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
)

// VC merge: connections that leave by one VC keep the cells of a PDU until its last has come, and
// hand all of them on at once. So PDUs of several inputs never interleave, and one that nobody ends
// is in nobody's way. It is for AAL5, whose cells say where a PDU ends: what ends none is dropped
// when it is longer than a PDU may be, or too old. Management cells do not leave by a merged VC,
// where nobody could tell whose they are: they are dropped, and counted.

// MaxMergedCells is how many cells of a PDU are kept: those of the longest. A PDU under way holds one
// block of the hub's, parked between frames, so that it may be taken back; see block.Pool.Park.
const MaxMergedCells = aal.MaxPDUCells

// mergeCause says why cells did not leave by a merged VC.
type mergeCause uint8

const (
	mergeLong       mergeCause = iota // of a PDU longer than AAL5 has, or with no end at all
	mergeTimeout                      // of a PDU that was not ended in ReassemblyTimeout
	mergeNoBlock                      // there was no memory, or others needed it more
	mergePoliced                      // with a cell of their PDU that was above the contract
	mergeManagement                   // of management
	mergeCauses
)

// merger is the PDU under way of a connection that merges.
type merger struct {
	block   block.ID // 0: none has begun
	ticket  uint64   // of the block while it is parked
	begun   int64    // when its first cell came
	cells   uint16
	parked  bool
	discard bool // the rest of the PDU, to its end, for the cause
	cause   mergeCause
	pdus    uint64
	dropped uint64 // cells
}

// merging is what of a port's connections merges.
type merging struct {
	of     map[uint32]*merger // by entry
	timer  dataplane.Timer
	active [relayCells]*merger // that hold a block that is not parked
	n      int
}

// Merge has a connection of a VC, with its one way out, merge whole PDUs of AAL5 into the VC there,
// which others may share. To be called with Connect. On the hub.
func (d *Carrier) Merge(from Connection) error {
	p, e, err := d.connected(from)
	switch {
	case err != nil:
		return err
	case from.Path:
		return errMerge
	}
	x := p.cross
	i, _ := x.table.find(from.key())
	if x.merge == nil {
		x.merge = &merging{of: map[uint32]*merger{}}
		x.merge.timer.Fire = p.expireMerges
	}
	x.merge.of[i] = new(merger)
	e.note(crossMerged, true)
	return nil
}

// mergeCell takes a cell of a connection that merges; policed: it is above the contract.
func (p *port) mergeCell(at, h uint32, cell []byte, policed bool) {
	x, pool := p.cross, p.carrier.hub.Pool
	m, e := x.merge.of[at], &x.entries[at]
	header := aal.Header(h)
	switch {
	case !header.User():
		p.dropMerged(m, mergeManagement, 1)
		return
	case m.discard:
		p.dropMerged(m, m.cause, 1)
		m.discard = !header.AUU()
		return
	case policed:
		p.cutMerge(m, mergePoliced, header)
		return
	case m.cells == MaxMergedCells:
		p.cutMerge(m, mergeLong, header)
		return
	case !p.roomForMerge(m):
		p.cutMerge(m, mergeNoBlock, header)
		return
	}
	c := pool.Extend(m.block, aal.CellSize)
	copy(c, cell[:aal.CellSize])
	binary.BigEndian.PutUint32(c, h&e.keep()|e.first.bits)
	if m.cells++; !header.AUU() {
		return
	}
	b := m.block
	m.block, m.cells = 0, 0
	m.pdus++
	p.carrier.handOn(&x.outputs[e.first.out], b)
}

// roomForMerge has memory for one more cell.
func (p *port) roomForMerge(m *merger) bool {
	x, pool := p.cross, p.carrier.hub.Pool
	switch {
	case m.parked:
		m.parked = false
		if !pool.Unpark(m.block, m.ticket) {
			m.block = 0
			return false
		}
		x.merge.enter(p, m)
	case m.block == 0:
		if m.block = pool.Alloc(aal.CellSize); m.block == 0 {
			return false
		}
		m.begun = p.carrier.hub.Now()
		x.merge.enter(p, m)
		if !x.merge.timer.Running() {
			p.carrier.hub.StartTimer(&x.merge.timer, m.begun+ReassemblyTimeout)
		}
	}
	larger := pool.Grow(m.block, aal.CellSize)
	if larger == 0 {
		return false
	}
	m.block = larger
	return true
}

// enter notes that a merger's block is to be parked at the end of the frame.
func (g *merging) enter(p *port, m *merger) {
	if g.n == len(g.active) {
		p.parkMerges()
	}
	g.active[g.n] = m
	g.n++
}

// cutMerge gives up the PDU under way with a cell of it, and what is still to come of it.
func (p *port) cutMerge(m *merger, cause mergeCause, last aal.Header) {
	p.freeMerge(m, cause)
	p.dropMerged(m, cause, 1)
	m.discard, m.cause = !last.AUU(), cause
}

// freeMerge drops the PDU under way.
func (p *port) freeMerge(m *merger, cause mergeCause) {
	pool := p.carrier.hub.Pool
	if m.block != 0 && (!m.parked || pool.Unpark(m.block, m.ticket)) {
		pool.Free(m.block)
	}
	p.dropMerged(m, cause, uint64(m.cells))
	m.block, m.cells, m.parked = 0, 0, false
}

func (p *port) dropMerged(m *merger, cause mergeCause, cells uint64) {
	p.counts.merges[cause] += cells
	m.dropped += cells
}

// parkMerges puts aside what a frame has begun and not ended.
func (p *port) parkMerges() {
	g := p.cross.merge
	for i, m := range g.active[:g.n] {
		if m.block != 0 && !m.parked {
			m.ticket, m.parked = p.carrier.hub.Pool.Park(m.block), true
		}
		g.active[i] = nil
	}
	g.n = 0
}

// expireMerges gives up PDUs that are too old, and looks again when the next may be.
func (p *port) expireMerges() {
	now, next := p.carrier.hub.Now(), int64(0)
	for _, m := range p.cross.merge.of { // twice a second at most, and only while a PDU is under way
		switch due := m.begun + ReassemblyTimeout; {
		case m.block == 0:
		case due <= now:
			p.freeMerge(m, mergeTimeout)
			m.discard, m.cause = true, mergeTimeout
		case next == 0 || due < next:
			next = due
		}
	}
	if next != 0 {
		p.carrier.hub.StartTimer(&p.cross.merge.timer, max(next, now+ReassemblyTimeout/2))
	}
}

// forgetMerge ends what Merge has begun.
func (p *port) forgetMerge(i uint32) {
	if g := p.cross.merge; g != nil && g.of[i] != nil {
		p.freeMerge(g.of[i], mergeTimeout)
		delete(g.of, i)
	}
}

// dropMerges ends all PDUs under way, before their memory goes to another hub or the port closes.
func (p *port) dropMerges() {
	if p.cross == nil || p.cross.merge == nil {
		return
	}
	p.carrier.hub.StopTimer(&p.cross.merge.timer)
	for _, m := range p.cross.merge.of {
		if m.block != 0 {
			p.freeMerge(m, mergeTimeout)
			m.discard, m.cause = true, mergeTimeout
		}
	}
}
