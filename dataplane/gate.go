package dataplane

// gate holds back what has come by a new path until the old path has run empty:
// ordinary and high-priority messages apart, for they have an order each.
type gate struct {
	data, high bool
	queue      *Queue // who is to go on when it opens
}

// drain passes on what may pass, in order.
func (g *gate) drain(q *Queue, pass func(*Queue, Msg)) {
	for q.first != 0 {
		m := &q.hub.nodes.at(q.first).msg
		if m.Type.HighPriority() {
			if g.high {
				return
			}
		} else if g.data || !q.CanPutNextBand(m.Band) {
			return
		}
		taken, _ := q.GetQ()
		pass(q, taken)
	}
	q.flags |= qWantR
}

// open lets one kind pass: what the barrier of that kind on the old path does.
func (g *gate) open(barrier Type) {
	if barrier == PCBarrier {
		g.high = false
	} else {
		g.data = false
	}
	g.queue.Enable()
}

// isOpen tells whether all that was held back has passed.
func (g *gate) isOpen() bool { return !g.data && !g.high && g.queue.Empty() }

// gateModule is a pair that only holds back: it stands where two pairs that were
// joined across hubs come to be on one.
func gateModule(up, down *gate) Module {
	put := func(g *gate) func(*Queue, Msg) {
		return func(q *Queue, m Msg) {
			if m.Type == Flush {
				q.FlushPair(m)
			}
			if m.Type.HighPriority() {
				if !g.high && !q.highWaits() {
					q.PutNext(m)
					return
				}
			} else if q.first == 0 && !g.data && q.CanPutNextBand(m.Band) {
				q.PutNext(m)
				return
			}
			q.PutQ(m)
		}
	}
	return Module{
		Name:    "gate",
		ReadPut: put(up), WritePut: put(down),
		ReadService:  func(q *Queue) { up.drain(q, (*Queue).PutNext) },
		WriteService: func(q *Queue) { down.drain(q, (*Queue).PutNext) },
	}
}
