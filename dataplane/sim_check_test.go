package dataplane

import "github.com/cellhub/cellhub/dataplane/block"

// check audits the world: between passes all of this must hold.
func (w *world) check() {
	if w.fault != nil {
		return
	}
	for _, h := range w.hubs {
		h.publish()
	}
	w.audit++
	inside, blocks, views, refused := int64(0), 0, 0, 0
	for i, h := range w.hubs {
		inside += w.auditQueues(h, &refused)
		inside += w.auditDeferred(h)
		inside += w.auditRings(h)
		for _, b := range w.hogs[i] {
			w.meet(b)
		}
		outside, shown := h.Pool.InUse()
		blocks += w.arena.Blocks() - outside + h.Pool.Returning()
		views += w.views - shown
		refused -= h.refusals.Used
		w.auditTrouble(h)
	}
	if refused != 0 {
		w.fail("%d refusals more are remembered at queues than in the tables", refused)
	}
	if lost := w.lost(); w.made != w.taken+lost+inside {
		w.fail("%d messages were made; %d taken, %d lost and counted, %d are under way: %d are missing",
			w.made, w.taken, lost, inside, w.made-w.taken-lost-inside)
	}
	w.auditHolders()
	for id := range w.seen {
		if w.seen[id] != w.audit {
			continue
		}
		if w.arena.Stat(block.ID(id)).Own {
			blocks++
		} else {
			views++
		}
	}
	if all := len(w.hubs) * w.arena.Blocks(); blocks != all {
		w.fail("%d chunks of %d are accounted for", blocks, all)
	}
	if all := len(w.hubs) * w.views; views != all {
		w.fail("%d views of %d are accounted for", views, all)
	}
}

// pool is any of the pools: they read each other's blocks.
func (w *world) pool() *block.Pool { return w.hubs[0].Pool }

// lost is what the hubs have counted.
func (w *world) lost() (n int64) {
	for _, h := range w.hubs {
		c := &h.counters
		n += int64(c.Unlinked + c.Unknown + c.NoBlocks + c.NoNodes + c.NoDefer + c.Flushed)
	}
	return n - w.unknown
}

func (w *world) underWay() int64 { return w.made - w.taken - w.lost() }

// meet notes a block, and the one whose memory it shows.
func (w *world) meet(b block.ID) {
	h := w.arena.Stat(b)
	if h.Free {
		w.fail("block %d is free and in use", b)
		return
	}
	w.seen[b] = w.audit
	if h.Base != 0 {
		w.seen[h.Base] = w.audit
	}
}

// meetMessage notes a message's blocks: none of them may be another message's.
func (w *world) meetMessage(m *Msg) {
	for b := m.Block; b != 0; b = w.pool().Next(b) {
		if w.seen[b] == w.audit && w.arena.Stat(b).Holders == 1 {
			w.fail("block %d is in two messages", b)
			return
		}
		w.meet(b)
	}
}

// auditQueues goes through all queues of a hub and gives the messages there.
func (w *world) auditQueues(h *Hub, refused *int) (n int64) {
	nodes := w.fakeNodes[h.index]
	for _, p := range h.standing() {
		for _, q := range [...]*Queue{p.rq, p.wq} {
			n += w.auditQueue(q)
			nodes += q.Len()
			for i := q.refused.First; i != 0; i = h.refusals.At(i).Next {
				*refused++
				w.auditRefused(q, h.refusals.At(i).Value.caller)
			}
			w.auditWaiting(p, q)
		}
		if p.proxy != nil {
			w.auditCredit(p.proxy)
		}
	}
	if nodes != h.nodes.Used {
		w.fail("hub %d: %d messages are queued, the table has %d", h.index, nodes, h.nodes.Used)
	}
	return n
}

// auditQueue counts a queue again: order, marks, lists.
func (w *world) auditQueue(q *Queue) (n int64) {
	var counts [256]int
	msgs, rank, last := 0, 256, nodeID(0)
	for at := q.waiting.First; at != 0; at = q.hub.nodes.At(at).Next {
		m := &q.hub.nodes.At(at).Value
		if r := m.rank(); r > rank {
			w.fail("%s: a message of rank %d stands behind one of %d", q.pair.module.Name, r, rank)
		} else {
			rank = r
		}
		if !m.Type.HighPriority() {
			counts[m.Band] += m.cost()
		}
		n++
		w.meetMessage(m)
		msgs++
		last = at
	}
	if msgs != q.Len() || last != q.waiting.Last {
		w.fail("%s: %d messages, it says %d; the last is %d, it says %d", q.pair.module.Name, msgs, q.msgs, last, q.waiting.Last)
	}
	w.auditMarks(q, 0, q.flags&qFull != 0, counts[0], q.count, int(q.hi), int(q.lo))
	if q.bands != nil {
		for _, b := range *q.bands {
			w.auditMarks(q, b.number, b.full, counts[b.number], b.count, int(b.hi), int(b.lo))
		}
	}
	return n
}

func (w *world) auditMarks(q *Queue, band uint8, full bool, count, says, hi, lo int) {
	switch {
	case count != says:
		w.fail("%s, band %d: %d octets are queued, it says %d", q.pair.module.Name, band, count, says)
	case full && count == 0, !full && count >= hi: // memory may have been short when it filled
		w.fail("%s, band %d: %d octets with marks %d and %d: full is %v", q.pair.module.Name, band, count, hi, lo, full)
	}
	if full {
		w.cover.hit([]string{"queue full", "band full"}[min(band, 1)])
	}
}

// auditWaiting wants whoever has messages to be scheduled, or to wait for somebody who
// will schedule it; and who is waited for to be full.
func (w *world) auditWaiting(p *pair, q *Queue) {
	if q.refused.First != 0 {
		w.cover.hit("refusal")
		w.auditTurns(q)
	}
	if q.waiting.First != 0 && q.service == nil {
		w.fail("%s has no service, and %d messages", p.module.Name, q.msgs)
	}
	if q.waiting.First == 0 || q.flags&(qNoEnable|qEnabled) != 0 || q.waits > 0 {
		return
	}
	switch x := p.proxy; {
	case x != nil && q == x.out:
		if x.credit == 0 || q.flags&qForRoom != 0 {
			w.cover.hit(map[bool]string{true: "credit exhausted", false: "ring full"}[x.credit == 0])
			return
		}
	case p.module.Name == "device":
		return // stalled, or no room until its flush
	}
	w.fail("%s has %d messages, and nothing will schedule it: %s", p.module.Name, q.msgs, w.describe())
}

// auditTurns wants a band that somebody waits for to be full, or somebody who is scheduled
// to have its turn at it.
func (w *world) auditTurns(q *Queue) {
	for i := q.refused.First; i != 0; i = q.hub.refusals.At(i).Next {
		e := &q.hub.refusals.At(i).Value
		if e.caller == nil || q.marked(e.band) {
			continue
		}
		turn := false
		for _, p := range q.hub.standing() {
			for _, o := range [...]*Queue{p.rq, p.wq} {
				turn = turn || o.turn == q && o.turnIn == e.band && o.flags&qEnabled != 0
			}
		}
		if !turn {
			w.fail("%s has room in band %d, %s waits for it, and nobody has a turn", q.pair.module.Name, e.band, e.caller.pair.module.Name)
		}
		w.cover.hit("turn")
	}
}

// auditRefused wants whoever waits for a queue to ask that one still. A multiplexor's
// or a loop's queue waits on behalf of another.
func (w *world) auditRefused(q, caller *Queue) {
	if caller == nil || caller.flags&qClosed != 0 {
		return
	}
	switch name := caller.pair.module.Name; {
	case name == "mux", name == "device", caller.ahead == q:
	default:
		w.fail("%s waits for %s and would ask another", name, q.pair.module.Name)
	}
}

func (w *world) auditDeferred(h *Hub) (n int64) {
	d := &h.deferred
	if d.head != d.tail {
		w.cover.hit("deferral")
	}
	for at := d.head; at != d.tail; at++ {
		e := &d.slots[at%uint32(len(d.slots))]
		w.meetMessage(&e.msg)
		n++
	}
	return n
}

// auditRings looks into the rings to a hub without taking anything.
func (w *world) auditRings(h *Hub) (n int64) {
	for _, p := range h.peers {
		if p == nil {
			continue
		}
		data, high := *p.dataIn, *p.urgentIn
		for _, in := range [...]func() (Msg, bool){data.Get, high.Get} {
			for m, ok := in(); ok; m, ok = in() {
				if m.Type == credit {
					continue
				}
				w.meetMessage(&m)
				n++
			}
		}
		if p.data.Free() == 0 {
			w.cover.hit("data ring full")
		}
		if p.urgent.Free() == 0 {
			w.cover.hit("urgent ring full")
		}
	}
	return n
}

// auditCredit wants the credit of a path to be complete: with the sender, on the way
// with messages, at the receiver, and on the way back.
func (w *world) auditCredit(x *proxy) {
	far, y := x.mate.hub, x.mate
	if y.out.flags&qClosed != 0 {
		w.fail("one side of a path has gone")
		return
	}
	sum := x.credit + y.in.ordinary() + y.owed
	there, back := *far.peers[x.hub.index].dataIn, *x.hub.peers[far.index].urgentIn
	for m, ok := there.Get(); ok; m, ok = there.Get() {
		if m.Dst == y.pair().id && m.Src == x.pair().id {
			sum++
		}
	}
	for m, ok := back.Get(); ok; m, ok = back.Get() {
		if m.Type == credit && m.Dst == x.pair().id && m.Src == y.pair().id {
			sum += int(m.Info)
		}
	}
	if sum != creditWindow {
		w.fail("the credit of a path adds up to %d", sum)
	}
}

// auditTrouble notes what a hub has counted.
func (w *world) auditTrouble(h *Hub) {
	c, p := &h.counters, h.Pool.Counters()
	for _, e := range [...]struct {
		n    uint64
		name string
	}{
		{c.Unlinked, "lost: unlinked"}, {c.NoBlocks, "lost: no blocks"}, {c.NoNodes, "lost: no nodes"},
		{c.NoDefer, "lost: no room aside"}, {c.Flushed, "lost: flushed"}, {p.Copied, "shared or borrowed copied"},
		{p.Refused, "chunks refused"}, {p.RefusedViews, "views refused"},
	} {
		if e.n > 0 {
			w.cover.hit(e.name)
		}
	}
}

// auditHolders notes the blocks that modules and ends have.
func (w *world) auditHolders() {
	for _, e := range w.ends {
		for _, b := range e.tx {
			w.meet(b)
		}
		if e.loan != 0 {
			w.meet(e.loan)
		}
	}
	for _, s := range w.segments {
		for _, n := range s.nodes {
			if n.elem == nil {
				continue
			}
			for _, d := range n.elem.dups {
				for b := d.block; b != 0; b = w.pool().Next(b) {
					w.meet(b)
				}
			}
		}
	}
}

// marked tells whether a band was found full and has not fallen since; unlike fullFor it
// does not look at the memory left, which changes between a question and its answer.
func (q *Queue) marked(number uint8) bool {
	if number == 0 {
		return q.flags&qFull != 0
	}
	b := q.findBand(number)
	return b != nil && b.full
}
