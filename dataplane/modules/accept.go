package modules

import (
	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/nic"
)

// This file is the far side of a cross-connect: how a port sends cells that come straight
// from another one. Nobody can be asked to wait there: what finds no room waits in the port's
// own queues, or is shed and counted.

// accept takes a block of whole cells that leave by a port.
func (d *Carrier) accept(number uint32, b block.ID) {
	p := d.port(number)
	switch {
	case p == nil:
		d.counts.noPort += uint64(d.hub.Pool.Len(b) / aal.CellSize)
	case !d.present():
		d.lost += uint64(d.hub.Pool.Len(b) / aal.CellSize)
	case p.stopped:
		p.counts.down += uint64(d.hub.Pool.Len(b) / aal.CellSize)
	case p.sar != nil:
		p.sar.reassemble(d.hub.Pool.Bytes(b), nic.NotECT)
		d.in.AskSend()
	case p.hand(b):
		d.in.AskSend()
		return
	default:
		p.pour(d.hub.Pool.Bytes(b))
		d.in.AskSend()
	}
	d.hub.Pool.Free(b)
}

// hand sends a block as a frame of its own, the headers written before the cells; false when
// it is short, and so better shares a frame, or its memory is not ours, or the port has no
// room now.
func (p *port) hand(b block.ID) bool {
	d := p.carrier
	n := d.hub.Pool.Len(b)
	if p.managed() || p.monitors != nil || n > p.maxCells || !p.alone(d.hub.Pool.Bytes(b)) || d.hub.Pool.Shared(b) || len(p.alike(d.hub.Pool.Bytes(b))) < n || !p.closeFrame() || !d.tx.room() {
		return false
	}
	dst := d.hub.Pool.Prepend(b, p.pw.overhead())
	if dst == nil {
		return false
	}
	p.pw.put(dst, 0, false, false, 0)
	p.counts.cellsOut += uint64(n / aal.CellSize)
	mark := uint8(nic.NotECT)
	if p.cfg.ECN {
		mark = allCongested(d.hub.Pool.Bytes(b)[p.pw.overhead():])
	}
	p.wire(b)
	p.markFrame(b, p.want, mark)
	d.send(b)
	p.unmark()
	return true
}

// alone tells whether cells make a frame that others need not share: long enough, and all of them
// sent, or in AAL5 PDU mode a whole PDU.
func (p *port) alone(cells []byte) bool {
	if p.cfg.Mode == ModeAAL5PDU {
		n := len(cells)
		return p.frame == 0 && aal.PDURun(cells) == n && aal.ReadHeader(cells[n-aal.CellSize:]).AUU()
	}
	return 2*len(cells) >= p.maxCells && !(p.cfg.Mode.port() && anyNoCell(cells))
}

func anyNoCell(cells []byte) bool {
	for ; len(cells) >= aal.CellSize; cells = cells[aal.CellSize:] {
		if noCell(cells) {
			return true
		}
	}
	return false
}

// pour adds cells to the port's frames; what finds no room waits. A port of RFC 4816 leaves
// idle and unassigned ones out.
func (p *port) pour(cells []byte) {
	if !p.cfg.Mode.port() {
		p.pourAll(cells)
		return
	}
	for len(cells) > 0 {
		n, idle := 0, noCell(cells)
		for n < len(cells) && noCell(cells[n:]) == idle {
			n += aal.CellSize
		}
		if idle {
			p.counts.idle += uint64(n / aal.CellSize)
		} else {
			p.pourAll(cells[:n])
		}
		cells = cells[n:]
	}
}

// noCell tells whether a cell is none of the ATM layer's.
func noCell(cell []byte) bool {
	h := aal.ReadHeader(cell)
	return h.Unassigned() || h.PhysicalLayer()
}

func (p *port) pourAll(cells []byte) {
	if p.managed() {
		p.offer(cells)
		return
	}
	for len(cells) > 0 {
		n := p.spaceFor(cells)
		if n == 0 {
			p.offer(cells)
			return
		}
		if p.monitors != nil {
			n = aal.CellSize
		}
		p.join(cells[:n])
		p.poured(n)
		if p.monitors != nil {
			p.monitored(cells)
		}
		cells = cells[n:]
	}
}

// spaceFor is the octets of these cells that the port takes now; 0 as space.
func (p *port) spaceFor(cells []byte) int {
	cells = p.alike(cells)
	for p.space() > 0 {
		if n := p.share(cells); n > 0 {
			return n
		}
	}
	return 0
}

// space is the octets of cells that the port takes now without sending; 0 when there is
// neither room nor memory.
func (p *port) space() int {
	if p.frame != 0 {
		if n := p.room(); n > 0 {
			return n
		}
		if !p.closeFrame() {
			return 0
		}
	}
	if !p.openFrame() {
		p.counts.noBlocks++
		return 0
	}
	return p.room()
}

// poured notes octets of cells that were added, and sends a frame that is full.
func (p *port) poured(n int) {
	p.noteCongestion(n)
	if p.room() == 0 && !p.closeFrame() {
		p.list()
	}
}

// acceptList takes the cells of a list.
func (d *Carrier) acceptList(o *crossOutput, w *relay, cells []byte) {
	p, rest := d.port(o.port), int(o.cells)
	switch {
	case p == nil:
		d.counts.noPort += uint64(rest)
		return
	case !d.present():
		d.lost += uint64(rest)
		return
	case p.stopped:
		p.counts.down += uint64(rest)
		return
	case p.sar != nil:
		var cell [aal.CellSize]byte
		for i := o.head; rest > 0; rest-- {
			i = w.copyList(cell[:], cells, i, 1)
			p.sar.reassemble(cell[:], nic.NotECT)
		}
	}
	i := o.head
	if p.cfg.Mode.port() || (p.cfg.Mode == ModeAAL5PDU || p.cfg.QoS != nil || p.monitors != nil) && !p.managed() { // each is looked at
		var cell [aal.CellSize]byte
		for ; rest > 0; rest-- {
			i = w.copyList(cell[:], cells, i, 1)
			p.pour(cell[:])
		}
	}
	if p.managed() {
		p.offerList(w, cells, i, rest)
		rest = 0
	}
	for rest > 0 {
		n := min(rest, p.space()/aal.CellSize)
		if n == 0 {
			p.offerList(w, cells, i, rest)
			break
		}
		i = w.copyList(d.hub.Pool.Extend(p.frame, n*aal.CellSize), cells, i, n)
		p.counts.cellsOut += uint64(n)
		rest -= n
		p.poured(n * aal.CellSize)
	}
	d.in.AskSend()
}
