package modules

import (
	"fmt"
	"strconv"
	"sync"
	"syscall"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/region"
)

// Limits of what one application is given in a pass: those behind it have their turn then.
const (
	MaxHeard   = 256       // doorbells
	MaxPassSDU = 256       // SDUs sent
	MaxPass    = 256 << 10 // octets sent
	turnSDUs   = 32        // of these, of one socket before the next
)

// Sockets is the hub's end of an application's shared region: a driver without a device, and
// a pair for each of its sockets, the top of a stream. What the application has put in a
// socket's ring goes down; what comes up is copied into its other ring, or waits in the queue
// while that is full. The application is told only when it waits.
type Sockets struct {
	region *region.Region
	clock  func() int64 // the time of day, nanoseconds since 1970
	broken func(number uint32)
	hub    *dataplane.Hub
	q      *dataplane.Queue // of the driver; nil when it has closed
	watch  *dataplane.Watch

	mu       sync.Mutex
	expected map[uint32]*socket // channels whose pair is still to come; under mu

	sockets []*socket // by channel
	deaf    bool      // the doorbells make no sense
	active  socketList
	touched []*socket // what they were sent is to be published
	stamp   int64     // the time of day of the pass that began at stampAt
	stampAt int64
	counts  socketsCounts
}

// trafficCounts is what a socket has counted, and all of an application's together.
type trafficCounts struct {
	out, octetsOut uint64 // SDUs, or runs of cells, of the application
	in, octetsIn   uint64
	refused        uint64 // of the application's: no whole cells, or more than a block holds
	long           uint64 // received, and over what the channel holds
}

func (c *trafficCounts) count() []dataplane.Count {
	return []dataplane.Count{
		{Name: "tx_sdus", N: c.out}, {Name: "tx_octets", N: c.octetsOut}, {Name: "rx_sdus", N: c.in}, {Name: "rx_octets", N: c.octetsIn},
		{Name: "tx_drop_sdu", N: c.refused}, {Name: "rx_drop_long", N: c.long},
	}
}

type socketsCounts struct {
	trafficCounts
	strays uint64 // doorbells that name no socket
	broken uint64 // sockets, or the region, that held what makes no sense
	failed uint64 // wakes that failed
}

// SocketsConfig is what the hub's end of a region needs.
type SocketsConfig struct {
	Region *region.Region
	// Now is the time of day, nanoseconds since 1970: it stamps what is received.
	Now func() int64
	// Broken is told, on the hub, of a socket whose ring makes no sense and which carries
	// nothing any more; of the whole region if number is NoSocket. It must not block.
	Broken func(number uint32)
}

// NoSocket is no channel's number.
const NoSocket = 1<<32 - 1

// NewSockets makes the driver of a region. The region is the caller's, and open as long as the
// process is.
func NewSockets(c SocketsConfig) (*Sockets, error) {
	if c.Region == nil || c.Now == nil || c.Broken == nil {
		return nil, fmt.Errorf("sockets: a region, a clock and somebody to tell are wanted")
	}
	return &Sockets{region: c.Region, clock: c.Now, broken: c.Broken, expected: map[uint32]*socket{}, stampAt: -1}, nil
}

// Module is the driver's code. Its pairs are made by "NUMBER", the channel's; see Expect.
func (s *Sockets) Module() dataplane.Module {
	return dataplane.Module{
		Name: "sockets", Poller: s, Pair: s.pair, Counters: s.count,
		Open: func(q *dataplane.Queue) error {
			var err error
			s.hub, s.q = q.Hub(), q
			s.watch, err = q.WatchBell(s.region.Ear(), s.ready, s.region.Sleeps.Arm)
			return err
		},
		Close: func(*dataplane.Queue) {
			s.watch.Forget()
			s.q = nil
		},
	}
}

// Expect announces a channel whose pair is about to be made. Any goroutine.
func (s *Sockets) Expect(c *region.Channel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expected[c.Number] = &socket{owner: s, channel: c}
}

// Forget takes that back, when the pair could not be made.
func (s *Sockets) Forget(number uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.expected, number)
}

func (s *Sockets) pair(arg string) (dataplane.Module, error) {
	n, err := strconv.ParseUint(arg, 10, 32)
	if err != nil {
		return dataplane.Module{}, fmt.Errorf("socket %q: a channel's number", arg)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.expected[uint32(n)]
	if c == nil {
		return dataplane.Module{}, fmt.Errorf("socket %d: %w", n, syscall.ENOENT)
	}
	delete(s.expected, uint32(n))
	return c.module(), nil
}

// ready tells whether to be polled: the application names sockets, or its doorbells make no sense.
func (s *Sockets) ready() bool {
	return !s.deaf && (!s.region.Silent() || s.region.Broken())
}

// enter and leave keep the table of sockets.
func (s *Sockets) enter(c *socket) error {
	n := int(c.channel.Number)
	for len(s.sockets) <= n {
		s.sockets = append(s.sockets, nil)
	}
	if s.sockets[n] != nil {
		return fmt.Errorf("socket %d: %w", n, syscall.EEXIST)
	}
	s.sockets[n] = c
	return nil
}

func (s *Sockets) leave(c *socket) {
	s.sockets[c.channel.Number] = nil
	s.active.remove(c)
	if c.touched {
		s.publish(c)
		s.askSend()
		for i, o := range s.touched {
			if o == c {
				s.touched = append(s.touched[:i], s.touched[i+1:]...)
				break
			}
		}
	}
}

// Poll hears which sockets the application names, and sends what they have, in turns.
func (s *Sockets) Poll() (work int) {
	s.region.Sleeps.Disarm()
	for ; work < MaxHeard; work++ {
		number, ok := s.region.Heard()
		if !ok {
			break
		}
		if int(number) >= len(s.sockets) || s.sockets[number] == nil {
			s.counts.strays++
			continue
		}
		s.sockets[number].named()
	}
	if s.region.Broken() {
		s.breakDown()
		return work
	}
	return work + s.send()
}

// send goes round the sockets that have something, until the application's share of the pass
// is used up.
func (s *Sockets) send() (sdus int) {
	octets := 0
	for sdus < MaxPassSDU && octets < MaxPass {
		c := s.active.take()
		if c == nil {
			break
		}
		n, o, more := c.transmit(min(turnSDUs, MaxPassSDU-sdus))
		if more {
			s.active.push(c)
		}
		sdus, octets = sdus+n, octets+o
	}
	if s.active.first != nil {
		s.askPoll()
	}
	return sdus
}

// Drain sends what the application has put in a socket's ring so far, as far as there is room
// below, and, of a local call, that nothing follows: the connection is about to end. On the hub.
func (s *Sockets) Drain(number uint32) {
	if int(number) >= len(s.sockets) || s.sockets[number] == nil {
		return
	}
	if c := s.sockets[number]; !c.broken && !c.drained {
		c.drained = true
		c.wq.Enter(func() {
			c.drain(c.channel.Shape.Entries)
			c.channel.Receive.Release()
			if c.channel.Shape.Kind&region.Local != 0 {
				c.wq.PutNext(dataplane.Msg{Type: dataplane.Proto})
			}
		})
	}
}

func (s *Sockets) askPoll() {
	if s.q != nil {
		s.q.AskPoll()
	}
}

func (s *Sockets) askSend() {
	if s.q != nil {
		s.q.AskSend()
	}
}

// breakDown stops listening to a region whose doorbells make no sense.
func (s *Sockets) breakDown() {
	if !s.deaf {
		s.deaf = true
		s.counts.broken++
		s.broken(NoSocket)
	}
}

// Send ends the pass: what the sockets were sent is published, and the application woken, once,
// if it waits for any of it.
func (s *Sockets) Send() {
	for i, c := range s.touched {
		s.publish(c)
		s.touched[i] = nil
	}
	s.touched = s.touched[:0]
	if s.region.Flush() != nil {
		s.counts.failed++
	}
}

func (s *Sockets) publish(c *socket) {
	c.touched = false
	if c.channel.Send.Publish() && c.channel.PeerWantsData.Needs() {
		s.region.Tell(c.channel.Number)
	}
}

// now is the time of day of this pass.
func (s *Sockets) now() int64 {
	if at := s.hub.Now(); at != s.stampAt {
		s.stamp, s.stampAt = s.clock(), at
	}
	return s.stamp
}

func (s *Sockets) count() []dataplane.Count {
	c := &s.counts
	return append(c.trafficCounts.count(), []dataplane.Count{
		{Name: "doorbell_strays", N: c.strays}, {Name: "doorbell_unheard", N: s.region.Unheard()},
		{Name: "broken", N: c.broken}, {Name: "wakes_failed", N: c.failed},
	}...)
}

// socketList is the sockets that have something to send, in their order.
type socketList struct{ first, last *socket }

func (l *socketList) push(c *socket) {
	if c.listed {
		return
	}
	c.listed = true
	if l.last != nil {
		l.last.next = c
	} else {
		l.first = c
	}
	l.last = c
}

func (l *socketList) take() *socket {
	c := l.first
	if c != nil {
		if l.first = c.next; l.first == nil {
			l.last = nil
		}
		c.next, c.listed = nil, false
	}
	return c
}

func (l *socketList) remove(c *socket) {
	if !c.listed {
		return
	}
	var rest socketList
	for o := l.take(); o != nil; o = l.take() {
		if o != c {
			rest.push(o)
		}
	}
	*l = rest
}
