package modules

import (
	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
)

// This file is how a port of SDUs sends those that no frame holds, in fragments, and puts
// together what comes so (RFC 4623). aal.FragmentReceiver knows which belong together.

// MaxFragments is how many fragments an SDU is sent in at most: what one call of the kernel takes.
const MaxFragments = transmitBatch

// infoRest marks, beside CPCS-UU, the rest of an SDU of which some has been sent.
const infoRest = 1 << 31

// fragments is the SDU of a port that is under way, in and out.
type fragments struct {
	aal.FragmentReceiver
	block  block.ID // parked between two fragments
	ticket uint64
	timer  dataplane.Timer
	begun  int64 // in the hub's time
	flags  uint8 // CLP of any fragment
}

// MaxSDU is the octets of the longest SDU that a port sends, by the limits of its device now; of
// a port of cells, and without a device, AAL5's. On the hub.
func (d *Carrier) MaxSDU(number uint32) int {
	p := d.port(number)
	if p == nil || p.cfg.Mode.Cells() || p.maxFrame == 0 {
		return aal.MaxSDU
	}
	return p.maxSDU()
}

// maxSDU is that of a port of SDUs.
func (p *port) maxSDU() int {
	n := max(p.maxFrame-p.pw.overhead(), 0)
	if p.frags != nil {
		n *= MaxFragments
	}
	return min(n, aal.MaxSDU)
}

// fragmentsOf is how many frames an SDU of n octets takes.
func (p *port) fragmentsOf(n int) int {
	size := p.maxFrame - p.pw.overhead()
	return (n + size - 1) / size
}

// roomFor tells whether an SDU of n octets that nobody can be asked to wait for finds room, all
// its fragments.
func (p *port) roomFor(n int) bool {
	d := p.carrier
	if p.frags == nil || n+p.pw.overhead() <= p.maxFrame || n > p.maxSDU() { // which is too long
		return d.tx.room()
	}
	need := p.fragmentsOf(n)
	if transmitBatch-d.tx.n < need {
		d.tx.flush()
		d.check()
	}
	return d.present() && transmitBatch-d.tx.n >= need
}

// outputFragments sends an SDU in fragments. What the device has no room for goes back to the head
// of the queue.
func (p *port) outputFragments(m dataplane.Msg) {
	d := p.carrier
	size := p.maxFrame - p.pw.overhead()
	part := aal.FragmentFirst
	if m.Info&infoRest != 0 {
		part = aal.FragmentMiddle
	}
	sdu := d.hub.Pool.Bytes(m.Block)
	for len(sdu) > 0 {
		n := min(len(sdu), size)
		if n == len(sdu) {
			part = aal.FragmentLast
		}
		switch {
		case !d.tx.room():
			d.hub.Pool.Trim(m.Block, int(m.Len)-len(sdu))
			m.Len = uint32(len(sdu))
			if part != aal.FragmentFirst {
				m.Info |= infoRest
			}
			d.in.PutBQ(m)
			return
		case !p.sendPart(part, sdu[:n], &m): // the far end sees that it is not whole
			d.hub.Free(m)
			return
		}
		sdu, part = sdu[n:], aal.FragmentMiddle
	}
	p.counts.pdusOut++
	d.hub.Free(m)
}

// sendPart sends a fragment; false: there is no memory.
func (p *port) sendPart(part aal.Fragment, octets []byte, m *dataplane.Msg) bool {
	d := p.carrier
	head := p.pw.overhead()
	b := d.hub.Pool.Alloc(head + len(octets))
	if b == 0 {
		p.counts.noBlocks++
		return false
	}
	f := d.hub.Pool.Extend(b, head+len(octets))
	p.pw.putPart(f, part, len(octets), m.Flags&dataplane.FlagCLP != 0, m.Flags&dataplane.FlagEFCI != 0, uint8(m.Info))
	copy(f[head:], octets)
	p.counts.fragmentsOut++
	p.markSDU(b, m)
	d.send(b)
	p.unmark()
	return true
}

// joinFragment takes a frame, a fragment perhaps, and tells whether m is an SDU now.
func (p *port) joinFragment(part aal.Fragment, number uint16, m *dataplane.Msg) bool {
	f, pool := p.frags, p.carrier.hub.Pool
	if f.block != 0 && !pool.Unpark(f.block, f.ticket) { // others had need of it
		f.block = 0
		f.Abandon()
	}
	if part != aal.FragmentWhole {
		p.counts.fragmentsIn++
	}
	action := f.Receive(part, number, int(m.Len))
	switch action {
	case aal.FragmentAppend, aal.FragmentEnd:
		p.appendFragment(m)
	default:
		f.free(pool)
	}
	switch {
	case action == aal.FragmentBegin:
		p.beginFragments(m)
	case action == aal.FragmentDrop:
		pool.Free(m.Block)
	case action == aal.FragmentEnd && f.block != 0:
		m.Block, m.Len = f.block, uint32(pool.Len(f.block))
		m.Flags |= f.flags
		f.block = 0
	}
	p.countFragments()
	if f.block != 0 {
		f.ticket = pool.Park(f.block)
	}
	return action == aal.FragmentTake || action == aal.FragmentEnd && m.Block != 0
}

// beginFragments keeps the first.
func (p *port) beginFragments(m *dataplane.Msg) {
	f, h := p.frags, p.carrier.hub
	f.flags = m.Flags & dataplane.FlagCLP
	if f.block = h.Pool.Unshare(m.Block, false); f.block == 0 {
		p.counts.drops[noMemory]++
		f.Abandon()
		return
	}
	f.begun = h.Now()
	if !f.timer.Running() {
		h.StartTimer(&f.timer, f.begun+ReassemblyTimeout)
	}
}

// appendFragment adds the octets of m, which it takes, to what has come before.
func (p *port) appendFragment(m *dataplane.Msg) {
	f, pool := p.frags, p.carrier.hub.Pool
	octets := pool.Bytes(m.Block)
	larger := pool.Grow(f.block, len(octets))
	if larger == 0 {
		f.free(pool)
		f.Abandon()
		p.counts.drops[noMemory]++
	} else {
		f.block = larger
		copy(pool.Extend(larger, len(octets)), octets)
		f.flags |= m.Flags & dataplane.FlagCLP
	}
	pool.Free(m.Block)
	m.Block = 0
}

func (f *fragments) free(pool *block.Pool) {
	pool.Free(f.block)
	f.block = 0
}

// countFragments notes what the receiver has counted.
func (p *port) countFragments() {
	n := p.frags.Counts()
	p.counts.drops[strayFragment], p.counts.drops[incomplete] = n.Stray, n.Incomplete
}

// expireFragments looks whether the SDU under way is too old.
func (p *port) expireFragments() {
	f, h := p.frags, p.carrier.hub
	if !f.Open() {
		return
	}
	if due := f.begun + ReassemblyTimeout; h.Now() < due {
		h.StartTimer(&f.timer, due)
		return
	}
	p.dropFragments()
}

// dropFragments gives up the SDU under way.
func (p *port) dropFragments() {
	f, pool := p.frags, p.carrier.hub.Pool
	if f.block != 0 && pool.Unpark(f.block, f.ticket) {
		pool.Free(f.block)
	}
	f.block = 0
	f.Abandon()
	p.countFragments()
}
