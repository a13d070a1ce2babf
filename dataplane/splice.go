package dataplane

import "errors"

// spliceFar makes a direct path between two hubs beside the one that goes round.
func (f *Fabric) spliceFar(s *splice, lowHub, highHub int) error {
	low, high, err := f.link(lowHub, highHub)
	if err != nil {
		return err
	}
	s.down, s.up = &low.gate, &high.gate
	hold := func(x, old *proxy) func() error {
		return func() error {
			x.gate.data, x.gate.high = true, true
			old.heir = &x.gate // before the first barrier can come
			return nil
		}
	}
	if err := f.on(lowHub, hold(low, s.lowEnd)); err != nil {
		return err
	}
	if err := f.on(highHub, hold(high, s.highEnd)); err != nil {
		return err
	}
	if err := f.on(lowHub, func() error {
		lowPair, _ := f.hubs[lowHub].pair(low.id)
		f.hubs[lowHub].reroute(s.x.rq, lowPair, s.lowEnd)
		return nil
	}); err != nil {
		return err
	}
	return f.on(highHub, func() error {
		highPair, _ := f.hubs[highHub].pair(high.id)
		f.hubs[highHub].reroute(s.y.wq, highPair, s.highEnd)
		return nil
	})
}

// spliceLocal joins two pairs that have come to be on one hub.
func (f *Fabric) spliceLocal(s *splice, i int) error {
	h := f.hubs[i]
	return f.on(i, func() error {
		up, down := &gate{data: true, high: true}, &gate{data: true, high: true}
		id, err := h.Add(gateModule(up, down))
		if err != nil {
			return err
		}
		p, _ := h.pair(id)
		up.queue, down.queue = p.rq, p.wq
		s.gatePair, s.up, s.down = id, up, down
		s.lowEnd.heir, s.highEnd.heir = down, up
		h.reroute(s.x.rq, p, s.lowEnd)
		h.reroute(s.y.wq, p, s.highEnd)
		return nil
	})
}

// reroute has q put to the new pair instead of the old path's end, and sends the
// barriers behind the last message by the old path. What comes back by that opens the
// new path's gate; q's own mate is fed by both.
func (h *Hub) reroute(q *Queue, fresh *pair, old *proxy) {
	h.settle()
	q.pair().pinned++
	if q.Reader() {
		q.next, fresh.wq.next = fresh.rq, q.mate
		h.resolve(fresh.wq)
	} else {
		q.next, fresh.rq.next = fresh.wq, q.mate
		h.resolve(fresh.rq)
	}
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
			return len(f.splices) + len(f.long), err
		}
		if !done {
			left = append(left, s)
		}
	}
	f.splices = left
	long := f.long
	f.long = nil
	var err error
	for _, p := range long {
		err = errors.Join(err, f.shorten(p))
	}
	return len(f.splices) + len(f.long), err
}

// finish ends one splice if it can.
func (f *Fabric) finish(s *splice) (done bool, err error) {
	open := func(i int, g *gate) bool {
		var yes bool
		_ = f.on(i, func() error { yes = !g.data && !g.high && g.queue.Empty(); return nil })
		return yes
	}
	lowHub, highHub, mid := s.lowEnd.id.Hub(), s.highEnd.id.Hub(), s.low.id.Hub()
	if !open(lowHub, s.down) || !open(highHub, s.up) {
		return false, nil
	}
	for _, step := range []struct {
		hub int
		fn  func() error
	}{
		{lowHub, func() error { s.x.pinned--; return f.hubs[lowHub].discard(s.lowEnd) }},
		{highHub, func() error { s.y.pinned--; return f.hubs[highHub].discard(s.highEnd) }},
		{mid, func() error { return f.hubs[mid].discard(s.low) }},
		{mid, func() error { return f.hubs[mid].discard(s.high) }},
	} {
		if err := f.on(step.hub, step.fn); err != nil {
			return false, err
		}
	}
	if s.gatePair != 0 {
		return true, f.on(lowHub, func() error { return f.hubs[lowHub].Pop(s.gatePair) })
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
	p.rq.next, p.wq.next = nil, nil
	return h.Remove(x.id)
}
