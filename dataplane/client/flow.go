package client

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/dataplane/region"
)

// cell is the octets of a cell in a run: without HEC.
const cell = 52

// flow is a connection's data: both rings, and who waits for them.
type flow struct {
	shared  *shared
	channel *region.Channel
	data    chan struct{} // the hub has named the channel: there may be data …
	room    chan struct{} // … or room
	over    chan struct{} // closed when nothing may be sent any more …
	silent  chan struct{} // … and when nothing comes that is not there yet
	spin    time.Duration // how long to look before sleeping

	reading sync.Mutex // guards channel.Receive and what follows
	held    region.Descriptor
	octets  []byte
	holds   bool // an SDU is taken, and was not returned yet

	writing sync.Mutex // guards channel.Send and what follows
	shut    bool       // CloseWrite was called

	readBy, writeBy *deadline

	mu     sync.Mutex
	reason error // why it is over
	closed bool  // by its user
}

func newFlow(s *shared, c *region.Channel) *flow {
	return &flow{shared: s, channel: c, data: make(chan struct{}, 1), room: make(chan struct{}, 1), over: make(chan struct{}), silent: make(chan struct{}),
		readBy: newDeadline(), writeBy: newDeadline()}
}

// end says that the connection is over, and why. What has come can still be read. Of a call
// within the host the ring itself says where it ends: the hub has more than has come.
func (f *flow) end(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reason == nil {
		f.reason = err
		close(f.over)
	}
	if f.channel.Shape.Kind&region.Local == 0 || !errors.Is(err, io.EOF) {
		f.hush()
	}
}

func (f *flow) hush() {
	if !isClosed(f.silent) {
		close(f.silent)
	}
}

// close says that its user has closed it; false: he had already.
func (f *flow) close() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.closed
	f.closed = true
	f.hush()
	if f.reason == nil {
		f.reason = net.ErrClosed
		close(f.over)
	}
	return !was
}

// why is the error of an operation on what is over.
func (f *flow) why() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return net.ErrClosed
	}
	return f.reason
}

func (f *flow) isClosed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

// errBroken: the hub has written what makes no sense.
var errBroken = errors.New("ring makes no sense")

// read takes one SDU.
func (f *flow) read(p []byte) (n int, d region.Descriptor, err error) {
	f.reading.Lock()
	defer f.reading.Unlock()
	for {
		if f.isClosed() {
			return 0, d, net.ErrClosed
		}
		if isClosed(f.readBy.wait()) {
			return 0, d, os.ErrDeadlineExceeded
		}
		if f.take() {
			return f.give(p)
		}
		if err := f.await(f.data, f.silent, f.readBy, f.channel.WantsData, f.take); err != nil {
			if f.take() { // it came before the end
				return f.give(p)
			}
			return 0, d, err
		}
	}
}

// take has the next SDU held; false: there is none.
func (f *flow) take() bool {
	if !f.holds {
		f.held, f.octets, f.holds = f.channel.Receive.Get()
	}
	return f.holds
}

// give copies what is held, or as many whole cells of it as p has room for.
func (f *flow) give(p []byte) (n int, d region.Descriptor, err error) {
	d = f.held
	if d.Flags&region.FlagEnd != 0 { // stays: every later read ends too
		return 0, d, io.EOF
	}
	if f.channel.Shape.Kind&region.Cells != 0 {
		p = p[:len(p)-len(p)%cell]
	} else if len(p) < len(f.octets) {
		return 0, d, io.ErrShortBuffer
	}
	if n = copy(p, f.octets); n == 0 {
		return 0, d, io.ErrShortBuffer
	}
	if f.octets = f.octets[n:]; len(f.octets) > 0 {
		return n, d, nil
	}
	f.holds = false
	f.channel.Receive.Release()
	if f.channel.PeerWantsRoom.Needs() {
		f.shared.tell(f.channel.Number)
	}
	return n, d, nil
}

// await waits until the hub names the channel, or done says that it need not: first it looks
// for as long as spin, then it asks to be told, looks once more, and sleeps.
func (f *flow) await(poked, over chan struct{}, by *deadline, wants region.Flag, done func() bool) error {
	if f.channel.Broken() {
		return errBroken
	}
	if f.spin > 0 && look(f.spin, done) {
		return nil
	}
	wants.Arm()
	defer wants.Disarm()
	if done() {
		return nil
	}
	select {
	case <-poked:
		return nil
	default:
	}
	select {
	case <-poked:
		return nil
	case <-over:
		return f.why()
	case <-by.wait():
		return os.ErrDeadlineExceeded
	}
}

// How often who spins looks, before the clock, and before it lets others of its process run: that
// may wake a thread of theirs, and is seldom.
const (
	looksATime  = 64
	timesAYield = 256
)

// look spins until done, or for as long as limit.
func look(limit time.Duration, done func() bool) bool {
	for i, until := 1, time.Now().Add(limit); time.Now().Before(until); i++ {
		for range looksATime {
			if done() {
				return true
			}
		}
		if i%timesAYield == 0 {
			runtime.Gosched() // whoever is waited for may be one of ours
		}
	}
	return false
}

// write sends one SDU, or one run of cells.
func (f *flow) write(p []byte, d region.Descriptor) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	if err := f.fits(len(p)); err != nil {
		return err
	}
	room, err := f.space(len(p))
	if err != nil {
		return err
	}
	f.put(room, p, d)
	return nil
}

// tryWrite is write that waits for nothing: EAGAIN, there is no room.
func (f *flow) tryWrite(p []byte) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	if err := f.fits(len(p)); err != nil {
		return err
	}
	if isClosed(f.over) {
		return f.why()
	}
	room := f.channel.Send.Room(len(p))
	if room == nil {
		return syscall.EAGAIN
	}
	f.put(room, p, region.Descriptor{})
	return nil
}

// fits tells whether n octets may be written at all.
func (f *flow) fits(n int) error {
	switch cells := f.channel.Shape.Kind&region.Cells != 0; {
	case f.shut:
		return syscall.EPIPE
	case n > f.channel.Shape.MaxSDU:
		return syscall.EMSGSIZE
	case cells && n%cell != 0:
		return syscall.EINVAL
	}
	return nil
}

// put writes p where there is room, and tells the hub if it sleeps.
func (f *flow) put(room, p []byte, d region.Descriptor) {
	copy(room, p)
	f.channel.Send.Put(len(p), d)
	f.channel.Send.Publish()
	if f.channel.PeerWantsData.Needs() {
		f.shared.tell(f.channel.Number)
	}
}

// space waits for room for n octets.
func (f *flow) space(n int) (room []byte, err error) {
	done := func() bool { room = f.channel.Send.Room(n); return room != nil }
	for {
		if isClosed(f.over) {
			return nil, f.why()
		}
		if isClosed(f.writeBy.wait()) {
			return nil, os.ErrDeadlineExceeded
		}
		if done() {
			return room, nil
		}
		if err := f.await(f.room, f.over, f.writeBy, f.channel.WantsRoom, done); err != nil {
			return nil, err
		}
		if room != nil {
			return room, nil
		}
	}
}

// closeWrite ends this half of a local call.
func (f *flow) closeWrite() error {
	if f.channel.Shape.Kind&region.Local == 0 {
		return errors.ErrUnsupported // ATM releases a connection, never half of it
	}
	if err := f.write(nil, region.Descriptor{Flags: region.FlagEnd}); err != nil {
		return err
	}
	f.writing.Lock()
	defer f.writing.Unlock()
	f.shut = true
	return nil
}

// flush waits, for as long as limit, until the hub has taken what was written. It does not wait
// for a writer that waits itself.
func (f *flow) flush(limit time.Duration) {
	if !f.writing.TryLock() {
		return
	}
	defer f.writing.Unlock()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for !isClosed(f.over) && !f.channel.Send.Idle() && !f.channel.Broken() {
		f.channel.WantsRoom.Arm()
		if f.channel.Send.Idle() {
			break
		}
		select {
		case <-f.room:
		case <-f.over:
		case <-timer.C:
			return
		}
	}
}
