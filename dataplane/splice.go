package dataplane

import "errors"

// spliceFar makes a direct path between two hubs beside the one that goes round. All
// is ready at both ends before the first barrier can come.
func (f *Fabric) spliceFar(s *splice, lowHub, highHub int) error {
	low, high, err := f.link(lowHub, highHub)
	if err != nil {
		return err
	}
	s.down, s.up = &low.gate, &high.gate
	a, b := f.hubs[lowHub], f.hubs[highHub]
	for _, step := range []struct {
		hub int
		fn  func()
	}{
		{lowHub, func() { a.prepare(s.x.rq, low.in, s.lowEnd, s.down) }},
		{highHub, func() { b.prepare(s.y.wq, high.in, s.highEnd, s.up) }},
		{lowHub, func() { a.reroute(s.x.rq, low.out, s.lowEnd) }},
		{highHub, func() { b.reroute(s.y.wq, high.out, s.highEnd) }},
	} {
		if err := f.on(step.hub, func() error { step.fn(); return nil }); err != nil {
			return err
		}
	}
	return nil
}

// spliceLocal joins two pairs that have come to be on one hub.
func (f *Fabric) spliceLocal(s *splice, i int) error {
	h := f.hubs[i]
	return f.on(i, func() error {
		s.up, s.down = &gate{}, &gate{}
		id, err := h.Add(gateModule(s.up, s.down))
		if err != nil {
			return err
		}
		p, _ := h.pair(id)
		s.gatePair, s.up.queue, s.down.queue = id, p.rq, p.wq
		h.prepare(s.x.rq, p.wq, s.lowEnd, s.down)
		h.prepare(s.y.wq, p.rq, s.highEnd, s.up)
		h.reroute(s.x.rq, p.rq, s.lowEnd)
		h.reroute(s.y.wq, p.wq, s.highEnd)
		return nil
	})
}

// prepare has the new path's queue in put to q's mate, as the old path's end does
// still, but hold everything back until the old path's barrier has come.
func (h *Hub) prepare(q, in *Queue, old *proxy, g *gate) {
	g.data, g.high = true, true
	old.heir = g
	in.next = q.mate
	h.resolve(in)
}

// reroute has q put to the new path instead of the old one, and sends the barriers by
// that behind the last message.
func (h *Hub) reroute(q, fresh *Queue, old *proxy) {
	h.settle()
	q.next = fresh
	h.resolve(q)
	h.deliver(old.out, Msg{Type: Barrier})
	h.deliver(old.out, Msg{Type: PCBarrier})
}

// Finish removes the old paths of moves whose barriers have all come through, and
// starts to make direct what had to wait for them; it returns how many paths are still
// under way.
func (f *Fabric) Finish() (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var left []*splice
	for i, s := range f.splices {
		done, err := f.finish(s)
		if err != nil {
			f.splices = append(left, f.splices[i:]...)
			return len(f.splices), err
		}
		if !done {
			left = append(left, s)
		}
	}
	f.splices = left
	long := f.long
	f.long = nil
	for _, p := range long {
		if err := f.shorten(p); err != nil {
			return len(f.splices) + len(f.long), err
		}
	}
	return len(f.splices) + len(f.long), nil
}

// finish ends one splice if it can: it lets its ends be changed again, and takes down
// the old path. A part of that may be an end of another splice, and waits for it.
func (f *Fabric) finish(s *splice) (done bool, err error) {
	lowHub, highHub, mid := s.lowEnd.id.Hub(), s.highEnd.id.Hub(), s.low.id.Hub()
	if s.left == nil {
		for _, end := range []struct {
			hub  int
			gate *gate
		}{{lowHub, s.down}, {highHub, s.up}} {
			var open bool
			if err := f.on(end.hub, func() error { open = end.gate.isOpen(); return nil }); err != nil || !open {
				return false, err
			}
		}
		s.left = []func() error{
			func() error { return f.on(lowHub, func() error { s.x.pinned--; return nil }) },
			func() error { return f.on(highHub, func() error { s.y.pinned--; return nil }) },
			func() error { return f.on(lowHub, func() error { return f.hubs[lowHub].discard(s.lowEnd) }) },
			func() error { return f.on(highHub, func() error { return f.hubs[highHub].discard(s.highEnd) }) },
			func() error { return f.on(mid, func() error { return f.hubs[mid].discard(s.low) }) },
			func() error { return f.on(mid, func() error { return f.hubs[mid].discard(s.high) }) },
		}
		if s.gatePair != 0 {
			s.left = append(s.left, func() error { return f.on(lowHub, func() error { return f.hubs[lowHub].Pop(s.gatePair) }) })
		}
	}
	for ; len(s.left) > 0; s.left = s.left[1:] {
		if err := s.left[0](); errors.Is(err, ErrMoving) {
			return false, nil
		} else if err != nil {
			return false, err
		}
	}
	return true, nil
}

// discard removes a proxy of a path that nothing uses any more, without touching
// whom it stood beside: they are joined to another by now.
func (h *Hub) discard(x *proxy) error {
	p, err := h.pair(x.id)
	if err != nil {
		return err
	}
	if p.pinned > 0 {
		return ErrMoving
	}
	p.rq.next, p.wq.next = nil, nil
	return h.Remove(x.id)
}
