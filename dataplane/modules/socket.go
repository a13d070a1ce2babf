package modules

import (
	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/region"
)

// socket is one connection of an application: the top of its stream.
type socket struct {
	owner   *Sockets
	channel *region.Channel
	vc      aal.VC // whose cells it carries, if it carries cells: as it was announced
	rq, wq  *dataplane.Queue

	held    region.Descriptor // taken from the ring, and there was no block for it …
	octets  []byte            // … and its octets
	holds   bool
	waiting bool // for a block
	broken  bool // carries nothing any more
	counts  trafficCounts
	last    loss
	closed  bool
	drained bool // what it had was sent: it is about to end
	touched bool // has something to publish
	listed  bool
	next    *socket
}

func (c *socket) module() dataplane.Module {
	s := c.owner
	return dataplane.Module{
		Name: "socket", Pair: s.pair, Counters: func() []dataplane.Count { return c.last.mark(c.owner.hub, c.counts.count()) },
		ReadPut: c.readPut, ReadService: c.readService,
		WriteService: func(*dataplane.Queue) { c.resume() },
		Open: func(q *dataplane.Queue) error {
			c.rq, c.wq = q, q.Mate()
			s.hub = q.Hub()
			return s.enter(c)
		},
		Close: func(*dataplane.Queue) {
			c.closed = true
			s.leave(c)
		},
	}
}

// named is called when the application has named the socket: there is something to send, or
// room for what waits.
func (c *socket) named() {
	if !c.rq.Empty() {
		c.rq.Enable()
	}
	c.resume()
}

// resume has the socket's ring looked at.
func (c *socket) resume() {
	if !c.broken && !c.waiting && !c.drained {
		c.owner.active.push(c)
		c.owner.askPoll()
	}
}

// transmit sends up to most SDUs down the stream; more tells that there may be others. A socket
// that finds nothing has the application tell when there is something; one whose stream is full
// has its service run when it is not.
func (c *socket) transmit(most int) (sdus, octets int, more bool) {
	ch := c.channel
	sdus, octets, more = c.drain(most)
	if ch.Receive.Release(); ch.PeerWantsRoom.Needs() {
		c.owner.region.Tell(ch.Number)
		c.owner.askSend()
	}
	if ch.Broken() {
		c.fail()
		return sdus, octets, false
	}
	if !more || sdus > 0 {
		return sdus, octets, more
	}
	ch.WantsData.Arm()
	if ch.Receive.Empty() {
		return 0, 0, false
	}
	ch.WantsData.Disarm()
	return 0, 0, true
}

// drain takes SDUs while the stream has room for them.
func (c *socket) drain(most int) (sdus, octets int, more bool) {
	for sdus < most {
		if c.broken || !c.wq.CanPutNext() {
			return sdus, octets, false
		}
		if !c.holds {
			if c.held, c.octets, c.holds = c.channel.Receive.Get(); !c.holds {
				return sdus, octets, true // the caller looks once more
			}
		}
		n := len(c.octets)
		switch {
		case c.held.Flags&region.FlagEnd != 0:
			c.end()
		case n > c.owner.hub.Pool.MaxAlloc(): // no block will ever hold it
			c.refuse()
		default:
			b := c.owner.hub.Pool.Alloc(n)
			if b == 0 {
				c.await(n)
				return sdus, octets, false
			}
			copy(c.owner.hub.Pool.Extend(b, n), c.octets)
			c.put(b, n)
		}
		c.holds = false
		sdus, octets = sdus+1, octets+n
	}
	return sdus, octets, true
}

// end tells the other socket of a local call that nothing follows: an ordinary message, so
// that it comes after all data. No other call knows such an end.
func (c *socket) end() {
	if c.channel.Shape.Kind&region.Local == 0 || len(c.octets) > 0 {
		c.refuse()
		return
	}
	c.wq.PutNext(dataplane.Msg{Type: dataplane.Proto})
}

// refuse counts what the application may not send.
func (c *socket) refuse() {
	c.counts.refused++
	c.last.note(c.owner.hub, "tx_drop_sdu")
	c.owner.counts.refused++
}

// await goes on when there is a block for the SDU that is held.
func (c *socket) await(octets int) {
	c.waiting = c.owner.hub.BufCall(1, octets, func() {
		c.waiting = false
		if !c.closed {
			c.resume()
		}
	})
	if !c.waiting { // nobody tells: ask again in the next pass
		c.resume()
	}
}

// put sends what is the hub's own by now.
func (c *socket) put(b block.ID, n int) {
	m := dataplane.Msg{Type: dataplane.Data, Block: b, Len: uint32(n)}
	if c.channel.Shape.Kind&region.Cells != 0 {
		if !c.ownCells(c.owner.hub.Pool.Bytes(b)) {
			c.refuse()
			c.owner.hub.Free(m)
			return
		}
	} else {
		m.Flags, m.Info = flagsOf(c.held.Flags), c.held.UU&0xFF
	}
	for _, t := range [...]*trafficCounts{&c.counts, &c.owner.counts.trafficCounts} {
		t.out++
		t.octetsOut += uint64(n)
	}
	c.wq.PutNext(m)
}

// ownCells makes cells those of the socket's VC, whatever their headers say of it: PTI and CLP
// are the application's.
func (c *socket) ownCells(p []byte) bool {
	if len(p)%aal.CellSize != 0 {
		return false
	}
	for ; len(p) > 0; p = p[aal.CellSize:] {
		h := aal.ReadHeader(p)
		aal.MakeHeader(c.vc, h.PTI(), h.CLP()).Put(p)
	}
	return true
}

// fail stops a socket whose ring makes no sense.
func (c *socket) fail() {
	if !c.broken {
		c.broken = true
		c.owner.counts.broken++
		c.owner.broken(c.channel.Number)
	}
}

// readPut takes what comes up the stream.
func (c *socket) readPut(q *dataplane.Queue, m dataplane.Msg) {
	if vc, ok := announced(&m); ok {
		c.vc = vc
		c.owner.hub.Free(m)
		return
	}
	switch {
	case m.Type == dataplane.Flush:
		q.TurnFlush(m)
	case m.Type != dataplane.Data && (m.Type != dataplane.Proto || c.channel.Shape.Kind&region.Local == 0):
		c.owner.hub.Refuse(m)
	case !q.Empty() || !c.deliver(&m):
		q.PutQ(m)
	}
}

func (c *socket) readService(q *dataplane.Queue) {
	for {
		m, ok := q.GetQ()
		if !ok {
			return
		}
		if !c.deliver(&m) {
			q.PutBQ(m)
			return
		}
	}
}

// deliver copies a message into the application's ring and frees it; false: there is no room,
// and the application tells when there is. Of cells as many as there is room for are taken.
func (c *socket) deliver(m *dataplane.Msg) bool {
	p, most := c.owner.hub.Pool, c.channel.Shape.MaxSDU
	size := int(m.Len)
	if m.Type == dataplane.Proto {
		return c.deliverEnd(m)
	}
	if c.channel.Shape.Kind&region.Cells != 0 {
		most -= most % aal.CellSize
	}
	switch {
	case c.broken || size == 0:
		c.owner.hub.Free(*m)
		return true
	case size > most && c.channel.Shape.Kind&region.Cells == 0:
		c.counts.long++
		c.last.note(c.owner.hub, "rx_drop_long")
		c.owner.counts.long++
		c.owner.hub.Free(*m)
		return true
	}
	for size > 0 {
		n := min(size, most)
		room := c.room(n)
		if room == nil {
			if c.channel.Broken() {
				c.fail()
				c.owner.hub.Free(*m)
				return true
			}
			m.Len = uint32(size)
			return false
		}
		c.fill(room, m.Block)
		c.channel.Send.Put(n, region.Descriptor{Flags: flagsTo(m.Flags), UU: m.Info, NS: c.owner.now()})
		for _, t := range [...]*trafficCounts{&c.counts, &c.owner.counts.trafficCounts} {
			t.in++
			t.octetsIn += uint64(n)
		}
		if size -= n; size > 0 {
			p.Trim(m.Block, n)
		}
	}
	c.owner.hub.Free(*m)
	c.touch()
	return true
}

// deliverEnd is deliver for the end of a local call's other half.
func (c *socket) deliverEnd(m *dataplane.Msg) bool {
	if !c.broken && c.room(0) == nil && !c.channel.Broken() {
		return false
	}
	if !c.channel.Broken() {
		c.channel.Send.Put(0, region.Descriptor{Flags: region.FlagEnd, NS: c.owner.now()})
		c.touch()
	}
	c.owner.hub.Free(*m)
	return true
}

// room looks twice: between the first look and the wish to be told the application may have
// made room.
func (c *socket) room(n int) []byte {
	ch := c.channel
	if room := ch.Send.Room(n); room != nil {
		return room
	}
	c.touch() // what is there already must be seen, or no room comes
	ch.WantsRoom.Arm()
	room := ch.Send.Room(n)
	if room != nil {
		ch.WantsRoom.Disarm()
	}
	return room
}

// fill copies the blocks of a message.
func (c *socket) fill(room []byte, b block.ID) {
	p := c.owner.hub.Pool
	for ; b != 0 && len(room) > 0; b = p.Next(b) {
		room = room[copy(room, p.Bytes(b)):]
	}
}

func (c *socket) touch() {
	if !c.touched && !c.closed {
		c.touched = true
		c.owner.touched = append(c.owner.touched, c)
		c.owner.askSend()
	}
}

// The bits of messages and of descriptors that mean the same.
func flagsOf(d uint32) (f uint8) {
	if d&region.FlagCLP != 0 {
		f |= dataplane.FlagCLP
	}
	if d&region.FlagEFCI != 0 {
		f |= dataplane.FlagEFCI
	}
	return f
}

func flagsTo(f uint8) (d uint32) {
	if f&dataplane.FlagCLP != 0 {
		d |= region.FlagCLP
	}
	if f&dataplane.FlagEFCI != 0 {
		d |= region.FlagEFCI
	}
	return d
}
