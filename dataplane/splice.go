package dataplane

// spliceFar makes a direct path between two hubs beside the one that goes round.
func (f *Fabric) spliceFar(s *splice, lowHub, highHub int) error {
	low, high, err := f.link(lowHub, highHub)
	if err != nil {
		return err
	}
	s.down, s.up = &low.gate, &high.gate
	hold := func(x *proxy) func() error {
		return func() error { x.gate.data, x.gate.high = true, true; return nil }
	}
	if err := f.on(lowHub, hold(low)); err != nil {
		return err
	}
	if err := f.on(highHub, hold(high)); err != nil {
		return err
	}
	if err := f.on(lowHub, func() error {
		lowPair, _ := f.hubs[lowHub].pair(low.id)
		f.hubs[lowHub].reroute(s.x.rq, lowPair, s.lowEnd, s.down)
		return nil
	}); err != nil {
		return err
	}
	return f.on(highHub, func() error {
		highPair, _ := f.hubs[highHub].pair(high.id)
		f.hubs[highHub].reroute(s.y.wq, highPair, s.highEnd, s.up)
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
		h.reroute(s.x.rq, p, s.lowEnd, s.down)
		h.reroute(s.y.wq, p, s.highEnd, s.up)
		return nil
	})
}

// reroute has q put to the new pair instead of the old path's end, sends the
// barriers behind the last message by the old path, and has what comes back by it
// open the new path's gate. q's own mate is still fed by both.
func (h *Hub) reroute(q *Queue, fresh *pair, old *proxy, heir *gate) {
	h.settle()
	q.pair().pinned++
	old.heir = heir
	if q.Reader() {
		q.next, fresh.wq.next = fresh.rq, q.mate
		h.resolve(fresh.wq)
	} else {
		q.next, fresh.rq.next = fresh.wq, q.mate
		h.resolve(fresh.rq)
	}
	h.resolve(q)
	old.out.put(old.out, Msg{Type: Barrier})
	old.out.put(old.out, Msg{Type: PCBarrier})
}

// Finish removes the old paths of moves whose barriers have all come through; it
// returns how many are still under way.
func (f *Fabric) Finish() (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	left := f.splices[:0]
	for _, s := range f.splices {
		done, err := f.finish(s)
		if err != nil {
			return len(f.splices), err
		}
		if !done {
			left = append(left, s)
		}
	}
	f.splices = left
	return len(left), nil
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
