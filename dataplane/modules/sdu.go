package modules

import (
	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/nic"
)

// This file is how a port of AAL5 SDUs takes part in a switch of cells: our own SAR stands
// between. CLP and EFCI of an SDU are those of each of its cells; back, CLP is that of any
// cell, EFCI that of the last. Cells of management cross as administrative cells.

// needSAR gives a port of SDUs its SAR, once, and a trunk of SDUs that of a VC.
func (p *port) needSAR(vc aal.VC) {
	if p.trunk != nil {
		p.trunk.needSAR(vc)
		return
	}
	if p.cfg.Mode.Cells() || p.sar != nil {
		return
	}
	d := p.carrier
	p.sar = newAAL5(p.cfg.VC)
	p.sar.open(d.hub, p.sendSDU, func(m dataplane.Msg) { d.leave(p.crossConnected(m.Block)) })
	p.sar.oam = p.sendAdmin
}

// leave frees a block that may be none.
func (d *Carrier) leave(b block.ID) {
	if b != 0 {
		d.hub.Pool.Free(b)
	}
}

// crossSDU takes an SDU that was received when its VC is cross-connected; from SDUs to SDUs it
// goes as it is. The message's Info and Flags are as AAL5 gives them.
func (p *port) crossSDU(m dataplane.Msg) bool {
	d, x := p.carrier, p.cross
	i, ok := x.table.find(uint32(Key(p.cfg.VC)))
	if !ok {
		return false
	}
	e := &x.entries[i]
	if e.flags != 0 || !p.sameMode(&x.outputs[e.first.out], e.first.bits, m) {
		p.sar.header = aal.MakeHeader(p.cfg.VC, aal.PTIUser, false)
		p.sar.segment(m)
		return true
	}
	e.cells += uint64(aal.AAL5Cells(d.hub.Pool.Len(m.Block)))
	return true
}

// sameMode sends an SDU on by another port of SDUs of this hub; false when the output is none.
func (p *port) sameMode(o *crossOutput, bits uint32, m dataplane.Msg) bool {
	q := p.carrier.in.Here(o.carrier)
	if q == nil {
		return false
	}
	c, ok := q.Ptr().(*Carrier)
	if !ok {
		return false
	}
	to := c.port(o.port)
	if to == nil || to.sar == nil || to.stopped || uint32(Key(to.cfg.VC)) != bits>>4 || !c.present() {
		return false
	}
	to.sendSDU(m)
	c.in.AskSend()
	return true
}

// sendSDU sends an SDU, or sheds it.
func (p *port) sendSDU(m dataplane.Msg) {
	if d := p.carrier; !d.present() || !p.roomFor(int(m.Len)) {
		p.counts.congested += uint64(aal.AAL5Cells(int(m.Len)))
		d.hub.Free(m)
		return
	}
	m.Conn = p.conn(Key(p.cfg.VC))
	p.output(m)
}

// sendAdmin sends a cell of management as an administrative cell.
func (p *port) sendAdmin(cell []byte) {
	d := p.carrier
	if !d.present() || !d.tx.room() {
		p.counts.congested++
		return
	}
	b := d.hub.Pool.Alloc(p.pw.overhead() + aal.CellSize)
	if b == 0 {
		p.counts.noBlocks++
		return
	}
	p.pw.putAdmin(d.hub.Pool.Extend(b, p.pw.overhead()))
	c := d.hub.Pool.Extend(b, aal.CellSize)
	copy(c, cell)
	aal.ReadHeader(c).WithVC(p.cfg.VC).Put(c)
	p.counts.cellsOut++
	p.alike(c)
	p.markFrame(b, p.want, nic.NotECT)
	d.send(b)
	p.unmark()
	d.in.AskSend()
}

// admin takes an administrative cell.
func (p *port) admin(b block.ID) {
	cell := p.carrier.hub.Pool.Bytes(b)
	if len(cell) != aal.CellSize {
		p.drop(b, badLength)
		return
	}
	h := aal.ReadHeader(cell)
	switch {
	case h.User() || h.PTI() > aal.PTIEndToEndOAM:
		p.drop(b, adminCell)
		return
	case p.cross == nil:
		p.endOAM(cell)
		p.carrier.hub.Pool.Free(b)
		return
	}
	h.WithVC(p.cfg.VC).Put(cell) // the far end may number it otherwise
	p.counts.cellsIn++
	if b = p.crossConnected(b); b != 0 {
		p.drop(b, adminCell)
	}
}

// endOAM takes an OAM cell of a VC that ends above the port.
func (p *port) endOAM(cell []byte) {
	p.needEnd()
	p.counts.cellsIn++
	before := p.f5.dropped()
	p.f5.cell(cell)
	p.counts.drops[adminCell] += p.f5.dropped() - before
}
