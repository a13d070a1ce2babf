package dataplane

import (
	"errors"
	"slices"
	"syscall"

	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/control"
)

// change does one random thing to the topology.
func (w *world) change() {
	s := w.segments[w.rng.IntN(len(w.segments))]
	switch w.rng.IntN(9) {
	case 0, 1:
		w.push(s)
	case 2:
		w.pop(s)
	case 3:
		w.replace(s)
	case 4:
		if !w.calm {
			w.partOrJoin(s)
		}
	case 5:
		if !w.calm {
			w.exchange(s)
		}
	case 6, 7:
		w.move(s)
	case 8:
		if w.chance(40) && !w.calm {
			w.reopen(s)
		}
	}
}

// refused tells whether a change was refused as it may be; any other error is a fault.
func (w *world) refused(what string, err error) bool {
	switch {
	case err == nil:
		w.cover.hit(what)
		return false
	case errors.Is(err, ErrNoRoom), errors.Is(err, syscall.EAGAIN):
		w.cover.hit("refused for want of room")
	case errors.Is(err, syscall.ENOBUFS):
		w.cover.hit("command without a block")
	default:
		w.fail("%s: %v%s", what, err, w.describe())
	}
	return true
}

// do carries a command out: called, or sent as a message from one hub's line to any hub,
// and answered there.
func (w *world) do(c Command) (Answer, error) {
	if w.chance(60) {
		w.changing++
		defer func() { w.changing-- }()
		return w.fabric.Do(c)
	}
	w.cover.hit("command")
	l := w.lines[w.rng.IntN(len(w.lines))]
	w.seq++
	if !l.Send(Msg{Type: Ctl, Class: control.ClassHub, Dst: w.hubs[w.rng.IntN(len(w.hubs))].Number(), Info: uint32(c.Number), Conn: w.seq}, c.Encode()) {
		w.fail("the ring of a line is full")
	}
	for range 60 {
		for _, h := range w.hubs {
			w.pass(h)
		}
		w.changing++
		w.fabric.attend()
		w.changing--
		m, data, ok := l.Receive()
		if !ok {
			continue
		}
		a, err := DecodeAnswer(m, data)
		if errors.Is(err, syscall.ENOBUFS) {
			w.made++ // the hub has counted it as lost
		}
		if m.Conn != w.seq {
			w.fail("command %d has the answer to %d", w.seq, m.Conn)
		}
		return a, err
	}
	w.fail("command %d is not answered%s", c.Number, w.describe())
	return Answer{}, syscall.EPROTO
}

// by does something by a command half the time, and else directly, as the hub does it.
func (w *world) by(c Command, directly func() (ProcID, error)) (ProcID, error) {
	if w.chance(50) {
		a, err := w.do(c)
		return a.Number, err
	}
	w.changing++
	defer func() { w.changing-- }()
	return directly()
}

func (w *world) push(s *segment) {
	i := w.rng.IntN(len(s.linked))
	if !s.linked[i] || len(s.nodes) > 9 {
		return
	}
	at, kind := s.nodes[i].id, w.rng.IntN(int(simKinds))
	id, err := w.by(Command{Number: control.HubPush, A: at, Name: "sim", Arg: string(rune(kind))}, func() (ProcID, error) {
		w.fresh = w.newElem(kind)
		return w.hubOf(at).Push(at, w.fresh.module())
	})
	if !w.refused("push", err) {
		s.nodes = slices.Insert(s.nodes, i+1, simNode{id, w.fresh})
		s.linked = slices.Insert(s.linked, i, true)
	}
}

// hubOf is the hub that a process stands on.
func (w *world) hubOf(id ProcID) *Hub {
	p, err := w.fabric.find(id)
	w.must(err)
	if err != nil {
		return w.hubs[0]
	}
	return p.rq.hub
}

// inner picks a module of a segment; 0 for none.
func (w *world) inner(s *segment) int {
	if len(s.nodes) < 3 {
		return 0
	}
	return 1 + w.rng.IntN(len(s.nodes)-2)
}

func (w *world) pop(s *segment) {
	i := w.inner(s)
	if i == 0 || !s.linked[i-1] || !s.linked[i] {
		return
	}
	_, err := w.do(Command{Number: control.HubPop, A: s.nodes[i].id})
	if !w.refused("pop", err) {
		s.nodes = slices.Delete(s.nodes, i, i+1)
		s.linked = slices.Delete(s.linked, i, i+1)
	}
}

func (w *world) replace(s *segment) {
	i := w.inner(s)
	if i == 0 {
		return
	}
	id, kind := s.nodes[i].id, w.rng.IntN(int(simKinds))
	_, err := w.by(Command{Number: control.HubReplace, A: id, Name: "sim", Arg: string(rune(kind))}, func() (ProcID, error) {
		w.fresh = w.newElem(kind)
		return id, w.hubOf(id).Replace(id, w.fresh.module())
	})
	if !w.refused("replace", err) {
		s.nodes[i].elem = w.fresh
	}
}

// part takes a segment apart above node i.
func (w *world) part(s *segment, i int) bool {
	if !s.linked[i] {
		return true
	}
	_, err := w.do(Command{Number: control.HubUnlink, A: s.nodes[i].id})
	s.linked[i] = w.refused("part", err)
	return !s.linked[i]
}

func (w *world) partOrJoin(s *segment) {
	for i, linked := range s.linked {
		if !linked {
			w.join(s, i)
			w.cover.hit("join")
			return
		}
	}
	if w.chance(40) {
		w.part(s, w.rng.IntN(len(s.linked)))
	}
}

// exchange joins the upper part of each of two segments to the lower part of the other.
func (w *world) exchange(s *segment) {
	o := w.segments[w.rng.IntN(len(w.segments))]
	if o == s || o.class != s.class || w.chance(50) {
		return
	}
	i, j := w.rng.IntN(len(s.linked)), w.rng.IntN(len(o.linked))
	if !w.part(s, i) || !w.part(o, j) {
		return
	}
	upper, links := slices.Clone(s.nodes[i+1:]), slices.Clone(s.linked[i+1:])
	s.nodes = append(s.nodes[:i+1], o.nodes[j+1:]...)
	s.linked = append(s.linked[:i+1], o.linked[j+1:]...)
	o.nodes = append(o.nodes[:j+1], upper...)
	o.linked = append(o.linked[:j+1], links...)
	w.loosen()
	w.join(s, i)
	w.join(o, j)
	w.cover.hit("exchange")
}

// loosen begins new flows: those that had messages in two segments which change places
// may find their parts in the wrong order.
func (w *world) loosen() {
	for i := range w.flows {
		w.flows[i].loose = true
	}
	for _, e := range w.ends {
		e.src = w.newSource()
	}
	for _, s := range w.heads {
		s.src = w.newSource()
	}
}

// move takes a process to another hub: a module, a head, or a multiplexor.
func (w *world) move(s *segment) {
	n := s.nodes[w.rng.IntN(len(s.nodes))]
	_, err := w.do(Command{Number: control.HubMove, A: n.id, B: w.hubs[w.rng.IntN(len(w.hubs))].Number()})
	w.refused("move", err)
}

// reopen closes an end and puts another in its place.
func (w *world) reopen(s *segment) {
	top := len(s.nodes) - 1
	at, gap := top, top-1
	if w.chance(40) {
		at, gap = 0, 0
	}
	old := s.nodes[at].id
	if w.mux != nil && w.mux.has(old) || !w.part(s, gap) {
		return
	}
	_, err := w.fabric.Do(Command{Number: control.HubClose, A: old})
	w.must(err)
	w.heads = slices.DeleteFunc(w.heads, func(o *simHead) bool { return o.id == old })
	if at == top {
		s.nodes[at].id = w.openTop()
	} else {
		s.nodes[at].id = w.openEnd(false)
	}
	w.join(s, gap)
	w.cover.hit("reopen")
}

func (x *simMux) has(id ProcID) bool {
	for _, q := range slices.Concat(x.lowers, x.uppers) {
		if q.ID() == id {
			return true
		}
	}
	return false
}

// trouble does one random thing to whatever is not topology.
func (w *world) trouble() {
	i := w.rng.IntN(len(w.hubs))
	h := w.hubs[i]
	var e *simEnd
	if len(w.ends) > 0 {
		e = w.ends[w.rng.IntN(len(w.ends))]
	}
	what := w.rng.IntN(9)
	if w.calm && (what < 4 || what == 5 || what == 6) {
		what = 4
	}
	switch what {
	case 0, 1:
		w.release(i)
		w.hog(h)
	case 2, 3:
		w.release(i)
	case 4:
		if e != nil {
			w.cover.hit("stall")
			e.stall(!e.stalled)
		}
	case 5:
		w.flush(e)
	case 6:
		if e != nil && w.chance(30) {
			w.end(e)
		}
	case 7:
		n := 1 + w.rng.IntN(8)
		if h.BufCall(n, 1, func() { w.calls--; w.cover.hit("bufcall") }) {
			w.calls++
		}
	case 8:
		w.storm(e)
	}
}

// hog takes blocks, views, or places in the table of queued messages away.
func (w *world) hog(h *Hub) {
	i := h.index
	switch w.rng.IntN(4) {
	case 0:
		w.hogs[i] = append(w.hogs[i], w.takeWhile(func() block.ID { return h.Pool.AllocControl(1) }, 1+w.rng.IntN(80))...)
	case 1:
		w.hogs[i] = append(w.hogs[i], w.takeWhile(func() block.ID { return h.Pool.Alloc(1) }, 1000)...)
	case 2:
		if free(h) > 0 {
			b := h.Pool.AllocControl(1)
			w.hogs[i] = append(w.hogs[i], b)
			w.hogs[i] = append(w.hogs[i], w.takeWhile(func() block.ID { return h.Pool.Dup(b) }, 1000)...)
		}
	case 3:
		w.fakeNodes[i] = MaxQueued - reserveNodes - h.nodes.Used - w.rng.IntN(30)
		h.nodes.Used += w.fakeNodes[i]
	}
	w.cover.hit("hog")
}

func (w *world) takeWhile(take func() block.ID, n int) (taken []block.ID) {
	for range n {
		b := take()
		if b == 0 {
			return taken
		}
		taken = append(taken, b)
	}
	return taken
}

// release gives back what hog has taken of a hub.
func (w *world) release(i int) {
	h := w.hubs[i]
	for _, b := range w.hogs[i] {
		h.Pool.Free(b)
	}
	w.hogs[i] = nil
	h.nodes.Used -= w.fakeNodes[i]
	w.fakeNodes[i] = 0
}

// flush starts at an end or a head.
func (w *world) flush(e *simEnd) {
	bits := 1 + w.rng.Uint32N(3)
	w.cover.hit("flush")
	if len(w.heads) > 0 && w.chance(50) {
		w.heads[w.rng.IntN(len(w.heads))].flush(bits)
		return
	}
	if e == nil {
		return
	}
	m := Msg{Type: Flush, Info: bits}
	if w.chance(40) {
		m.Info |= FlushBand
		m.Band = simBand
	}
	e.send(m)
}

// end sends a hangup or an error up; the heads that hear it are of no more use.
func (w *world) end(e *simEnd) {
	if e.top {
		return
	}
	if w.chance(60) {
		w.cover.hit("hangup")
		e.send(Msg{Type: Hangup})
		return
	}
	w.cover.hit("error")
	e.send(Msg{Type: Error, Info: 5})
}

// storm sends more high-priority messages than a ring holds.
func (w *world) storm(e *simEnd) {
	if e == nil {
		return
	}
	for range 20 + w.rng.IntN(120) {
		id := w.number(&e.src, classHigh)
		w.sent(&e.src, classHigh)
		e.out.PutNext(Msg{Type: PCProto, Conn: id + 1})
	}
}
