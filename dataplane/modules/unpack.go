package modules

import (
	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane/block"
)

// This file is about the modes in which cells of a frame have no header: what is received becomes
// whole cells of the port's VC or VP at once, and what is sent is whole cells until the frame is
// closed, so that no other code knows.

// unpack takes a frame of such a mode, from the ATM-specific octet on.
func (p *port) unpack(b block.ID) {
	pool := p.carrier.hub.Pool
	src := pool.Bytes(b)
	size := p.cfg.Mode.cellSize()
	pdu := p.cfg.Mode == ModeAAL5PDU
	if pdu && !aal.SpecificFrame(src[0]) { // a cell that is no part of a PDU has a frame of its own
		size, pdu = aal.ChannelCellSize, false
	}
	octets := len(src)
	if pdu {
		octets--
	}
	n := octets / size
	if n == 0 || octets%size != 0 {
		p.drop(b, badLength)
		return
	}
	whole := pool.Alloc(n * aal.CellSize)
	if whole == 0 {
		p.drop(b, noMemory)
		return
	}
	dst := pool.Extend(whole, n*aal.CellSize)
	var ok bool
	switch {
	case pdu:
		ok = aal.UnpackPDU(dst, src[0], src[1:], p.cfg.VC)
	case p.cfg.Mode == ModeVPC:
		ok = aal.UnpackPath(dst, src, p.cfg.VC.VPI)
	default:
		ok = aal.UnpackChannel(dst, src, p.cfg.VC)
	}
	if !ok {
		pool.Free(whole)
		p.drop(b, wrongMode)
		return
	}
	pool.Free(b)
	p.cells(whole)
}

// wire gives a frame that is to be sent the form of the port's mode.
func (p *port) wire(b block.ID) {
	if p.cfg.Mode.specific() {
		pool := p.carrier.hub.Pool
		pool.Cut(b, p.pw.pack(pool.Bytes(b)))
	}
}
