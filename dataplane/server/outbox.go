package server

import (
	"errors"
	"sync"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
)

// MaxOutbox is how many messages that the hub begins wait for one client, events apart.
const MaxOutbox = 1024

// AnswerPatience is how long a client that owes control.MaxOutstanding answers may give none, before it is
// put out. One that owes fewer keeps its connections, however long it is silent.
const AnswerPatience = 30 * time.Second

// outbox is what the hub has begun and not sent yet. A goroutine empties it, which an idle
// client has not.
type outbox struct {
	sync.Mutex
	queue   []parcel
	events  int         // of the queue
	lost    uint64      // events that found no room
	sending bool        // a goroutine empties it
	held    bool        // until a message was answered: what its answer names comes first
	inHand  bool        // one is on its way to the socket
	owing   *time.Timer // runs while nothing can be sent, as too many answers are missing
	idle    *sync.Cond
}

type parcel struct {
	*control.Packet
	event bool
}

// post has a message sent that the hub begins, without waiting; false when too many wait.
// s.mu is held.
func (c *client) post(p *control.Packet) bool {
	c.out.Lock()
	defer c.out.Unlock()
	if c.s.closed || c.out.full() {
		return false
	}
	c.enqueue(parcel{Packet: p})
	return true
}

// mustPost is post for what must not be lost: there is one such message a connection at most.
func (c *client) mustPost(p *control.Packet) {
	if !c.s.closed {
		c.out.Lock()
		defer c.out.Unlock()
		c.enqueue(parcel{Packet: p})
	}
}

// notify is post for an event: one that finds no room is counted, and the client told so when
// there is. s.mu is held.
func (c *client) notify(p *control.Packet) {
	c.out.Lock()
	defer c.out.Unlock()
	switch {
	case c.s.closed:
	case c.out.lost > 0 || c.out.events >= MaxEvents: // LOST comes before any other
		c.out.lost++
	default:
		c.out.events++
		c.enqueue(parcel{p, true})
	}
}

// hasRoom tells whether post would take a message.
func (c *client) hasRoom() bool {
	c.out.Lock()
	defer c.out.Unlock()
	return !c.out.full()
}

func (o *outbox) full() bool { return len(o.queue)-o.events >= MaxOutbox }

// enqueue has a goroutine send. c.out is locked.
func (c *client) enqueue(p parcel) {
	p.Epoch, p.Dst = c.s.epoch, c.id
	c.out.queue = append(c.out.queue, p)
	c.start()
}

func (c *client) start() {
	if o := &c.out; !o.sending && !o.held && len(o.queue) > 0 {
		o.sending = true
		c.s.wait.Go(c.send)
	}
}

// hold keeps back what is begun while a message is carried out.
func (o *outbox) hold() {
	o.Lock()
	defer o.Unlock()
	o.held = true
}

// resume sends what has waited for an answer.
func (c *client) resume() {
	c.out.Lock()
	defer c.out.Unlock()
	c.out.held = false
	c.start()
}

// send empties the outbox.
func (c *client) send() {
	o := &c.out
	o.Lock()
	defer o.Unlock()
	for !o.held {
		p, ok := c.next()
		if !ok {
			break
		}
		o.inHand = true
		o.Unlock()
		err := c.conn.Send(p.Packet)
		o.Lock()
		o.inHand = false
		o.idle.Broadcast()
		if errors.Is(err, control.ErrOutstanding) { // it answers nothing: what follows waits for that
			o.queue = append([]parcel{p}, o.queue...)
			if o.owing == nil {
				o.owing = time.AfterFunc(c.s.patience, c.putOut)
			}
			break
		}
		p.CloseFiles()
	} // another error: whoever reads will see that it has ended
	o.sending = false
	o.idle.Broadcast()
}

// keepUp waits while much of what the client's own messages have begun is on its way yet: who
// asks faster than it reads is not listened to, and not put out for it.
func (c *client) keepUp() {
	o := &c.out
	o.Lock()
	defer o.Unlock()
	for o.sending && len(o.queue)-o.events > MaxOutbox/2 {
		o.idle.Wait()
	}
}

// hasAnswered notes that a client answers.
func (o *outbox) hasAnswered() {
	o.Lock()
	defer o.Unlock()
	if o.owing != nil {
		o.owing.Stop()
		o.owing = nil
	}
}

// putOut ends the connection of a client that owes control.MaxOutstanding answers and has given none
// for AnswerPatience: whoever waits for it would wait for ever.
func (c *client) putOut() {
	c.s.log.Warn("client does not answer", "client", c.name, "uid", c.conn.Peer().Uid, "owes", control.MaxOutstanding)
	_ = c.conn.Close()
}

// discard lets go of what waits yet, when its client has gone.
func (c *client) discard() {
	c.out.Lock()
	defer c.out.Unlock()
	for _, p := range c.out.queue {
		p.CloseFiles()
	}
	c.out.queue = nil
}

// next takes the first that waits, or tells of lost events when all before have gone. c.out is
// locked.
func (c *client) next() (parcel, bool) {
	o := &c.out
	if len(o.queue) > 0 {
		first := o.queue[0]
		o.queue[0] = parcel{}
		if o.queue = o.queue[1:]; first.event {
			o.events--
		}
		return first, true
	}
	if o.queue = nil; o.lost == 0 {
		return parcel{}, false
	}
	return parcel{Packet: c.loss()}, true
}

// loss is LOST, after which nothing is. c.out is locked.
func (c *client) loss() *control.Packet {
	p := new(control.Packet)
	p.Type, p.Flags, p.Epoch, p.Dst = control.EvtLost, control.FlagNoReply, c.s.epoch, c.id
	p.SetEvt(&control.Evt{Lost: c.out.lost, NS: uint64(time.Now().UnixNano())})
	c.out.lost = 0
	return p
}

// settle waits until nothing is on its way, so that a dump comes in one piece: the outbox is
// held meanwhile.
func (c *client) settle() {
	c.out.Lock()
	defer c.out.Unlock()
	for c.out.inHand {
		c.out.idle.Wait()
	}
}

// overtaken takes the events that wait, and LOST: they come before the state that is told next,
// which has not all that they tell. s.mu is held.
func (c *client) overtaken() (before []*control.Packet) {
	o := &c.out
	o.Lock()
	defer o.Unlock()
	kept := o.queue[:0]
	for _, p := range o.queue {
		if p.event {
			before = append(before, p.Packet)
		} else {
			kept = append(kept, p)
		}
	}
	clear(o.queue[len(kept):])
	o.queue, o.events = kept, 0
	if o.lost > 0 {
		before = append(before, c.loss())
	}
	return before
}
