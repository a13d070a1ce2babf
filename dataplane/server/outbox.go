package server

import (
	"sync"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
)

// MaxOutbox is how many messages that the hub begins wait for one client, events apart.
const MaxOutbox = 1024

// outbox is what the hub has begun and not sent yet. A goroutine empties it, which an idle
// client has not.
type outbox struct {
	mu      sync.Mutex
	cond    *sync.Cond // sent, or taken from, or not held any more
	queue   []parcel
	events  int    // of the queue
	lost    uint64 // events that found no room
	sending bool   // a goroutine empties it
	inHand  bool   // it sends one now
	held    bool   // it is to wait: a dump is being told
}

type parcel struct {
	p     *control.Packet
	event bool
}

// post has a message sent that the hub begins, without waiting; false when too many wait.
// s.mu is held.
func (c *client) post(p *control.Packet) bool {
	p.Epoch, p.Dst = c.s.epoch, c.id
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if c.s.closed || len(o.queue)-o.events >= MaxOutbox {
		return false
	}
	c.enqueue(parcel{p: p})
	return true
}

// notify is post for an event: one that finds no room is counted, and the client told so when
// there is. s.mu is held.
func (c *client) notify(p *control.Packet) {
	p.Epoch, p.Dst = c.s.epoch, c.id
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case c.s.closed:
	case o.lost > 0 || o.events >= MaxEvents: // LOST comes before any other
		o.lost++
	default:
		o.events++
		c.enqueue(parcel{p, true})
	}
}

func (c *client) enqueue(p parcel) {
	c.out.queue = append(c.out.queue, p)
	if !c.out.sending {
		c.out.sending = true
		c.s.wait.Go(c.send)
	}
}

// send empties the outbox.
func (c *client) send() {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		for o.held {
			o.cond.Wait()
		}
		p, ok := c.nextParcel()
		if !ok {
			o.sending = false
			return
		}
		o.inHand = true
		o.mu.Unlock()
		err := c.conn.Send(p)
		o.mu.Lock()
		o.inHand = false
		o.cond.Broadcast()
		if err != nil { // whoever reads will see that it has ended
			o.queue, o.events, o.lost = nil, 0, 0
		}
	}
}

// nextParcel takes the first that waits, or tells of lost events when all before have gone.
func (c *client) nextParcel() (*control.Packet, bool) {
	o := &c.out
	if len(o.queue) > 0 {
		first := o.queue[0]
		o.queue[0] = parcel{}
		if o.queue = o.queue[1:]; first.event {
			o.events--
		}
		return first.p, true
	}
	o.queue = nil
	if o.lost == 0 {
		return nil, false
	}
	p := new(control.Packet)
	p.Type, p.Flags, p.Epoch, p.Dst = control.EvtLost, control.FlagNoReply, c.s.epoch, c.id
	p.SetEvt(&control.Evt{Lost: o.lost, NS: uint64(time.Now().UnixNano())})
	o.lost = 0
	return p, true
}

// hold stops the outbox, once what is on its way has gone, so that a dump comes in one piece.
func (c *client) hold() {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	o.held = true
	for o.inHand {
		o.cond.Wait()
	}
}

// overtaken drops the events that wait: the state that is told next has them all. s.mu is held.
func (c *client) overtaken() {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	kept := o.queue[:0]
	for _, p := range o.queue {
		if !p.event {
			kept = append(kept, p)
		}
	}
	clear(o.queue[len(kept):])
	o.queue, o.events, o.lost = kept, 0, 0
}

// release lets the outbox go on.
func (c *client) release() {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	o.held = false
	o.cond.Broadcast()
}
