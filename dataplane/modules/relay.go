package modules

import (
	"encoding/binary"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
)

// Sizes of the work on one frame.
const (
	relayCells = 256  // that are looked up together
	relayItems = 1024 // cells to be sent, before those collected are: one cell may have many leaves

	noEntry = ^uint32(0) // of a cell that is not cross-connected
)

// relay is the work on one frame of cells: a carrier has one, and nothing of it outlives the
// frame. Cells that leave by the same port are a list.
type relay struct {
	entries [relayCells]uint32
	slots   [relayCells]uint64
	keys    [relayCells]uint32
	items   [relayItems]relayItem
	touched [relayItems]uint32 // outputs that have a list
	n, outs int
	frame   uint32 // counts, so that lists of the frame before are told apart
}

// relayItem is a cell of the frame with the header that it leaves with.
type relayItem struct {
	head uint32
	cell uint16
	next uint16
}

// work makes room for relaying, once.
func (d *Carrier) work() {
	if d.relay == nil {
		d.relay = &relay{}
	}
}

// crossConnected sends the cross-connected cells of a frame on, and gives what is left: the block with
// the other cells, or 0. A frame of one VC, or of VCs that leave by one port, goes on as the
// block that it is.
func (p *port) crossConnected(b block.ID) block.ID {
	d, x := p.carrier, p.cross
	cells := d.hub.Pool.Bytes(b)
	h := binary.BigEndian.Uint32(cells)
	if sameVC(cells, h) {
		i, ok := x.lookup(h)
		if !ok {
			return b
		}
		if e := &x.entries[i]; e.flags == 0 {
			e.cells += uint64(len(cells) / aal.CellSize)
			keep, bits := e.keep(), e.first.bits
			for c := cells; len(c) >= aal.CellSize; c = c[aal.CellSize:] {
				binary.BigEndian.PutUint32(c, binary.BigEndian.Uint32(c)&keep|bits)
			}
			d.handOn(&x.outputs[e.first.out], b)
			return 0
		}
	}
	stay := 0
	for at := 0; at < len(cells); {
		part := cells[at:min(len(cells), at+relayCells*aal.CellSize)]
		x.fetch(d.relay, part)
		done := 0
		if len(part) == len(cells) {
			if done = x.oneWay(d.relay, part); done == len(part) {
				d.handOn(&x.outputs[x.entries[d.relay.entries[0]].first.out], b)
				return 0
			}
		}
		p.split(part, done/aal.CellSize)
		stay += d.relay.gather(cells[stay:], part)
		at += len(part)
	}
	if stay == 0 {
		d.hub.Pool.Free(b)
		return 0
	}
	d.hub.Pool.Cut(b, stay)
	return b
}

// sameVC tells whether all cells are of the VC of header h.
func sameVC(cells []byte, h uint32) bool {
	for ; len(cells) >= aal.CellSize; cells = cells[aal.CellSize:] {
		if (binary.BigEndian.Uint32(cells)^h)>>4 != 0 {
			return false
		}
	}
	return true
}

// fetch reads, for all cells, the slots of the table where their keys should be, and looks at
// none: so the processor fetches them together.
func (x *cross) fetch(w *relay, cells []byte) {
	n, t := len(cells)/aal.CellSize, &x.table
	keys, slots := w.keys[:n], w.slots[:n]
	for i := range keys {
		keys[i] = x.key(binary.BigEndian.Uint32(cells))
		slots[i] = t.first(keys[i])
		cells = cells[aal.CellSize:]
	}
}

// entry is the entry of cell i, whose slot has been fetched.
func (x *cross) entry(w *relay, i int) uint32 {
	key, s := w.keys[i], w.slots[i]
	if s != 0 && uint32(s>>32) == key {
		return uint32(s)
	}
	if at, ok := x.table.find(key); ok {
		return at
	}
	return noEntry
}

// oneWay takes cells that leave by one port, and need nothing but another header: it gives how
// many octets of them there are before the first that does not. A header that has its new VPI
// and VCI may be rewritten again: nothing else of it has changed.
func (x *cross) oneWay(w *relay, cells []byte) (done int) {
	out := noEntry
	for i := 0; done < len(cells); i++ {
		at := x.entry(w, i)
		if at == noEntry {
			return done
		}
		e := &x.entries[at]
		if i == 0 {
			out = e.first.out
		}
		if e.flags != 0 || e.first.out != out {
			return done
		}
		e.cells++
		w.entries[i] = at
		c := cells[done : done+aal.CellSize]
		binary.BigEndian.PutUint32(c, binary.BigEndian.Uint32(c)&e.keep()|e.first.bits)
		done += aal.CellSize
	}
	return done
}

// split sends cells that leave by several ports, or are policed, or have leaves. The first of
// them have been counted.
func (p *port) split(cells []byte, counted int) {
	d, x := p.carrier, p.cross
	w := d.relay
	n := len(cells) / aal.CellSize
	for i := counted; i < n; i++ {
		if w.entries[i] = x.entry(w, i); w.entries[i] != noEntry {
			x.entries[w.entries[i]].cells++
		}
	}
	w.begin()
	for i, at := range w.entries[:n] {
		if at == noEntry {
			continue
		}
		e := &x.entries[at]
		h := binary.BigEndian.Uint32(cells[i*aal.CellSize:])
		policed := false
		if e.police != 0 {
			var ok bool
			h, ok = x.police.judge(e.police, d.hub.Now(), h)
			if policed = !ok; policed && e.flags&crossMerged == 0 {
				continue
			}
		}
		if e.flags&crossWatched != 0 && !p.watched(at, h, cells[i*aal.CellSize:]) {
			continue
		}
		if e.flags&crossMerged != 0 {
			p.mergeCell(at, h, cells[i*aal.CellSize:], policed)
			continue
		}
		if e.leaves == 0 {
			p.counts.noLeaf++
			continue
		}
		for l := &e.first; ; l = &x.leaves[l.next] {
			if w.n == relayItems {
				p.flushRelay(cells)
			}
			w.add(x, l.out, h&e.keep()|l.bits, uint16(i))
			if l.next == 0 {
				break
			}
		}
	}
	p.flushRelay(cells)
	if x.merge != nil {
		p.parkMerges()
	}
}

func (w *relay) begin() {
	w.n, w.outs = 0, 0
	w.frame++
}

// add puts a cell on the list of its output.
func (w *relay) add(x *cross, out, head uint32, cell uint16) {
	o, i := &x.outputs[out], uint16(w.n)
	w.items[i] = relayItem{head: head, cell: cell}
	w.n++
	if o.frame == w.frame {
		w.items[o.tail].next = i
		o.tail = i
		o.cells++
		return
	}
	o.frame, o.head, o.tail, o.cells = w.frame, i, i, 1
	w.touched[w.outs] = out
	w.outs++
}

// flushRelay sends the lists.
func (p *port) flushRelay(cells []byte) {
	w := p.carrier.relay
	for _, out := range w.touched[:w.outs] {
		p.carrier.pourOut(&p.cross.outputs[out], cells)
	}
	w.begin()
}

// gather moves the cells that are not cross-connected to the front of dst, which begins at or
// before cells, and tells how many octets they are.
func (w *relay) gather(dst, cells []byte) (n int) {
	for i, at := range w.entries[:len(cells)/aal.CellSize] {
		if at == noEntry {
			n += copy(dst[n:], cells[i*aal.CellSize:(i+1)*aal.CellSize])
		}
	}
	return n
}

// handOn gives a block of cells, their headers rewritten, to the port that they leave by.
func (d *Carrier) handOn(o *crossOutput, b block.ID) {
	if q := d.in.Here(o.carrier); q != nil {
		if c, ok := q.Ptr().(*Carrier); ok {
			c.accept(o.port, b)
			return
		}
	}
	d.post(o, b)
}

// post sends a block of cells to a carrier on another hub.
func (d *Carrier) post(o *crossOutput, b block.ID) {
	n := d.hub.Pool.Len(b)
	if !d.in.CanPost(o.carrier) {
		d.counts.relayLost += uint64(n / aal.CellSize)
		d.hub.Pool.Free(b)
		return
	}
	if b = d.hub.Pool.Unshare(b, false); b == 0 {
		d.counts.relayNoBlocks += uint64(n / aal.CellSize)
		return
	}
	d.in.Post(dataplane.Msg{Type: dataplane.Data, Dst: o.carrier, Block: b, Len: uint32(n), Conn: uint64(o.port) << portShift})
}

// pourOut sends an output's list of cells.
func (d *Carrier) pourOut(o *crossOutput, cells []byte) {
	w := d.relay
	if q := d.in.Here(o.carrier); q != nil {
		if c, ok := q.Ptr().(*Carrier); ok {
			c.acceptList(o, w, cells)
			return
		}
	}
	b := d.hub.Pool.Alloc(int(o.cells) * aal.CellSize)
	if b == 0 {
		d.counts.relayNoBlocks += uint64(o.cells)
		return
	}
	w.copyList(d.hub.Pool.Extend(b, int(o.cells)*aal.CellSize), cells, o.head, int(o.cells))
	d.post(o, b)
}

// copyList writes n cells of a list that begins with item i, and gives the one after them.
func (w *relay) copyList(dst, cells []byte, i uint16, n int) uint16 {
	for range n {
		it := &w.items[i]
		src := cells[int(it.cell)*aal.CellSize:]
		binary.BigEndian.PutUint32(dst, it.head)
		*(*[aal.PayloadSize]byte)(dst[aal.HeaderSize:]) = *(*[aal.PayloadSize]byte)(src[aal.HeaderSize:])
		dst = dst[aal.CellSize:]
		i = it.next
	}
	return i
}
