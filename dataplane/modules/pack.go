package modules

import (
	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/nic"
)

// pack appends a run of cells to the port's frame, and to further ones. What the device
// has no room for goes back to the head of the queue.
func (p *port) pack(m dataplane.Msg) {
	d := p.carrier
	cells := d.hub.Pool.Bytes(m.Block)
	inner := p.markByInner(&m)
	for len(cells) > 0 {
		part := cells
		if !inner {
			part = p.alike(cells)
		}
		if p.frame == 0 {
			if !p.openFrame() {
				p.counts.noBlocks++
				break
			}
			p.mark = ecn(&m)
		} else if p.mark != ecn(&m) { // its packets do not agree
			p.mark = nic.NotECT
		}
		n := p.share(part)
		if n == 0 {
			if p.closeFrame() {
				continue
			}
			d.hub.Pool.Trim(m.Block, int(m.Len)-len(cells))
			m.Len = uint32(len(cells))
			d.in.PutBQ(m)
			return
		}
		p.join(cells[:n])
		cells = cells[n:]
		p.charge(n / aal.CellSize)
	}
	if p.frame != 0 && p.room() == 0 && !p.closeFrame() {
		p.list()
	}
	d.hub.Free(m)
}

// join adds cells to the frame under construction, as many as share allows.
func (p *port) join(cells []byte) {
	copy(p.carrier.hub.Pool.Extend(p.frame, len(cells)), cells)
	p.counts.cellsOut += uint64(len(cells) / aal.CellSize)
	if p.cfg.Mode == ModeAAL5PDU {
		last := aal.ReadHeader(cells[len(cells)-aal.CellSize:])
		p.sealed = !last.User() || last.AUU()
	}
}

// share is the octets of cells that may join the frame under construction; 0: it is to be sent
// before. A frame of AAL5 PDU mode has cells of one PDU, or one cell that is no user's.
func (p *port) share(cells []byte) int {
	n := min(len(cells), p.room())
	switch {
	case p.cfg.Mode != ModeAAL5PDU || n == 0:
		return n
	case aal.ReadHeader(cells).User():
		return aal.PDURun(cells[:n])
	case p.carrier.hub.Pool.Len(p.frame) == p.pw.overhead():
		return aal.CellSize
	}
	p.sealed = true
	return 0
}

// charge takes cells that streams send from the port's rate: they wait in the streams, and not
// in its queues.
func (p *port) charge(cells int) {
	if s := p.sched; s != nil && s.rated {
		for range cells {
			s.rate.Take(p.oamNow())
		}
	}
}

// room is the octets of cells that the frame under construction still takes, of the marking that is wanted.
func (p *port) room() int {
	if p.sealed || p.marked != p.want {
		return 0
	}
	return max(0, p.maxCells+p.pw.overhead()-p.carrier.hub.Pool.Len(p.frame)) // it may have been begun for longer frames
}

// openFrame begins a frame, which is sent with this pass, or when its time has come.
func (p *port) openFrame() bool {
	d := p.carrier
	if p.frame = d.hub.Pool.Alloc(p.pw.overhead() + p.maxCells); p.frame == 0 {
		return false
	}
	p.marked = p.want
	p.pw.put(d.hub.Pool.Extend(p.frame, p.pw.overhead()), 0, false, false, 0)
	if p.wait > 0 && d.hub.StartTimer(&p.timer, d.hub.Now()+p.wait) {
		return true
	}
	p.list()
	return true
}

// list has the frame sent at the end of the pass.
func (p *port) list() {
	if d := p.carrier; !p.listed {
		p.next, p.listed, d.open = d.open, true, p
	}
}

// packed ends the time that a frame waits for more cells.
func (p *port) packed() {
	p.list()
	p.carrier.in.AskSend()
}

// closeFrame hands the frame, if there is one, to the transmitter; false when that has no
// room.
func (p *port) closeFrame() bool {
	d := p.carrier
	switch {
	case p.frame == 0:
		return true
	case !d.tx.room():
		return false
	}
	d.hub.StopTimer(&p.timer)
	b := p.frame
	p.frame, p.sealed = 0, false
	p.wire(b)
	p.markFrame(b, p.marked, p.mark)
	d.send(b)
	p.unmark()
	return true
}

// dropFrame loses the frame under construction.
func (p *port) dropFrame() {
	if p.frame != 0 {
		p.carrier.hub.StopTimer(&p.timer)
		p.carrier.hub.Pool.Free(p.frame)
		p.frame, p.sealed = 0, false
		p.counts.down++
	}
}
