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
	heads   [relayCells]uint32
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

// cross sends the cross-connected cells of a frame on, and gives what is left: the block with
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
		if e := &x.entries[i]; e.simple() {
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
		x.find(d.relay, part)
		if len(part) == len(cells) && x.oneWay(d.relay, part) {
			d.handOn(&x.outputs[x.entries[d.relay.entries[0]].first.out], b)
			return 0
		}
		p.split(part)
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

// simple tells whether cells of the entry need nothing but another header.
func (e *crossEntry) simple() bool {
	return e.leaves == 1 && e.police|uint32(e.flags&crossWatched) == 0
}

// find looks up all cells: first it reads the slots where they should be, so that the
// processor fetches them together, and only then looks at any.
func (x *cross) find(w *relay, cells []byte) {
	n, t := len(cells)/aal.CellSize, &x.table
	if len(t.slots) == 0 {
		for i := range n {
			w.entries[i] = noEntry
		}
		return
	}
	for i := range n {
		key := x.key(binary.BigEndian.Uint32(cells[i*aal.CellSize:]))
		w.heads[i], w.slots[i] = key, t.first(key)
	}
	for i := range n {
		switch key, s := w.heads[i], w.slots[i]; {
		case s != 0 && uint32(s>>32) == key:
			w.entries[i] = uint32(s)
		default:
			if e, ok := t.find(key); ok {
				w.entries[i] = e
			} else {
				w.entries[i] = noEntry
			}
		}
	}
}

// oneWay rewrites the headers of cells that all leave by one port; false, and nothing done,
// when they do not.
func (x *cross) oneWay(w *relay, cells []byte) bool {
	n := len(cells) / aal.CellSize
	out := noEntry
	for i, at := range w.entries[:n] {
		if at == noEntry {
			return false
		}
		e := &x.entries[at]
		if i == 0 {
			out = e.first.out
		}
		if !e.simple() || e.first.out != out {
			return false
		}
		w.heads[i] = binary.BigEndian.Uint32(cells[i*aal.CellSize:])&e.keep() | e.first.bits
	}
	for i, at := range w.entries[:n] {
		x.entries[at].cells++
		binary.BigEndian.PutUint32(cells[i*aal.CellSize:], w.heads[i])
	}
	return true
}

// split sends cells that leave by several ports, or are policed, or have leaves.
func (p *port) split(cells []byte) {
	d, x := p.carrier, p.cross
	w := d.relay
	w.begin()
	for i, at := range w.entries[:len(cells)/aal.CellSize] {
		if at == noEntry {
			continue
		}
		e := &x.entries[at]
		e.cells++
		h := binary.BigEndian.Uint32(cells[i*aal.CellSize:])
		if e.police != 0 {
			var ok bool
			if h, ok = x.police.judge(e.police, d.hub.Now(), h); !ok {
				continue
			}
		}
		if e.flags&crossWatched != 0 && !p.watched(at, h, cells[i*aal.CellSize:]) {
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
