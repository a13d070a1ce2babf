package dataplane

import "encoding/binary"

// flush is control.HubFlush: it frees the data that waits in the queues of A's stream, and
// nowhere else: what a carrier has of it already, with that of others, goes on. B is
// FlushRead, FlushWrite or both, and 0 both. It gives how many messages that were.
func (x Changes) flush(c Command) (data []byte, err error) {
	x.lock()
	defer x.unlock()
	p, err := x.f.find(c.A)
	if err != nil {
		return nil, err
	}
	sides := uint32(c.B)
	if sides == 0 {
		sides = FlushRead | FlushWrite
	}
	freed := 0
	err = x.still(func() error {
		for below := p; below != nil; below = beyond(below.below()) {
			p = below
		}
		for p != nil {
			freed += p.flush(sides)
			for p = p.above(); p != nil && p.proxy != nil; p = p.proxy.mate.in.neighbour() {
				freed += p.flush(sides) + p.proxy.mate.pair().flush(sides)
			}
		}
		return nil
	})
	return binary.BigEndian.AppendUint32(nil, uint32(freed)), err
}

// flush empties the queues of a pair of data, and gives of how many messages.
func (p *pair) flush(sides uint32) (freed int) {
	before := p.rq.Len() + p.wq.Len()
	if m := (Msg{Type: Flush, Info: sides}); p.proxy != nil {
		p.proxy.flush(p.rq, m)
	} else {
		p.rq.FlushPair(m)
	}
	return before - p.rq.Len() - p.wq.Len()
}
