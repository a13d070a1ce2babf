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
	for len(cells) > 0 {
		if p.frame == 0 {
			if !p.openFrame() {
				p.counts.noBlocks++
				break
			}
			p.mark = ecn(&m)
		} else if p.mark != ecn(&m) { // its packets do not agree
			p.mark = nic.NotECT
		}
		n := min(len(cells), p.room())
		if n == 0 {
			if p.closeFrame() {
				continue
			}
			d.hub.Pool.Trim(m.Block, int(m.Len)-len(cells))
			m.Len = uint32(len(cells))
			d.in.PutBQ(m)
			return
		}
		copy(d.hub.Pool.Extend(p.frame, n), cells)
		cells = cells[n:]
		p.counts.cellsOut += uint64(n / aal.CellSize)
		p.charge(n / aal.CellSize)
	}
	if p.frame != 0 && p.room() == 0 {
		p.closeFrame()
	}
	d.hub.Free(m)
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

// room is the octets of cells that the frame under construction still takes.
func (p *port) room() int {
	return max(0, p.maxCells+p.pw.overhead()-p.carrier.hub.Pool.Len(p.frame)) // it may have been begun for longer frames
}

// openFrame begins a frame, which is sent with this pass, or when its time has come.
func (p *port) openFrame() bool {
	d := p.carrier
	if p.frame = d.hub.Pool.Alloc(p.pw.overhead() + p.maxCells); p.frame == 0 {
		return false
	}
	p.pw.put(d.hub.Pool.Extend(p.frame, p.pw.overhead()), 0, false, false, 0)
	if p.cfg.Pack > 0 && d.hub.StartTimer(&p.timer, d.hub.Now()+p.cfg.Pack) {
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
	p.frame = 0
	if p.cfg.ECN {
		d.tx.mark = p.mark
	}
	d.send(b)
	d.tx.mark = nic.NotECT
	return true
}

// dropFrame loses the frame under construction.
func (p *port) dropFrame() {
	if p.frame != 0 {
		p.carrier.hub.StopTimer(&p.timer)
		p.carrier.hub.Pool.Free(p.frame)
		p.frame = 0
		p.counts.down++
	}
}
