package client

import (
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/dataplane/region"
)

// shared is this process's end of a region: one goroutine waits for the hub, and pokes the
// connections that the hub names.
type shared struct {
	region *region.Region
	ear    *os.File // the pipe; nil: the goroutine reads it no more

	telling sync.Mutex // guards Tell and Flush

	mu    sync.RWMutex
	conns []*flow // by channel
	err   error   // why nothing comes any more
}

// newShared takes a region over and listens.
func newShared(r *region.Region) *shared {
	s := &shared{region: r}
	s.ear = os.NewFile(uintptr(r.TakeEar()), "cellhub")
	go s.listen()
	return s
}

// listen hears which channels the hub names.
func (s *shared) listen() {
	e := earshot{region: s.region}
	raw, err := s.ear.SyscallConn()
	for err == nil {
		for number, ok := s.region.Heard(); ok; number, ok = s.region.Heard() {
			s.poke(number)
		}
		if err = raw.Read(e.wait); err == nil {
			err = e.gone
		}
	}
	s.end(fmt.Errorf("hub: %w", err))
}

// drainEvery is how many wakes leave their octets in the pipe, far below what it holds: a new
// octet wakes whether it is alone or not, and reading costs a system call.
const drainEvery = 1024

// earshot is the sleep of the listener.
type earshot struct {
	region *region.Region
	wakes  int
	asleep bool
	gone   error // the pipe has ended
}

// wait is called before and after each sleep in the pipe; true: look at the doorbells. The
// poller is asked anew before it is called, so that a wake after Arm is not missed.
func (e *earshot) wait(fd uintptr) bool {
	if e.asleep {
		e.asleep = false
		e.wakes++
		e.region.Sleeps.Disarm()
		if !e.region.Silent() && e.wakes%drainEvery != 0 {
			return true
		}
		var octets [2 * drainEvery]byte
		switch n, err := unix.Read(int(fd), octets[:]); {
		case n == 0 && err == nil:
			e.gone = io.EOF
			return true
		case err != nil && err != unix.EAGAIN && err != unix.EINTR:
			e.gone = err
			return true
		}
		return true
	}
	e.region.Sleeps.Arm()
	if !e.region.Silent() {
		e.region.Sleeps.Disarm()
		return true
	}
	e.asleep = true
	return false
}

func (s *shared) poke(number uint32) {
	s.mu.RLock()
	var f *flow
	if int(number) < len(s.conns) {
		f = s.conns[number]
	}
	s.mu.RUnlock()
	if f != nil {
		poke(f.data)
		poke(f.room)
	}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// tell names a channel to the hub, which looks at it.
func (s *shared) tell(number uint32) {
	s.telling.Lock()
	defer s.telling.Unlock()
	s.region.Tell(number)
	_ = s.region.Flush() // a hub that has gone is noticed elsewhere
}

// attach makes the flow of a channel that TLV RING has named.
func (s *shared) attach(offset uint64, size uint32) (*flow, error) {
	c, err := s.region.Attach(offset, size)
	if err != nil {
		return nil, err
	}
	f := newFlow(s, c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	for len(s.conns) <= int(c.Number) {
		s.conns = append(s.conns, nil)
	}
	s.conns[c.Number] = f
	return f, nil
}

// detach forgets a flow, whose memory the hub may use again from now on.
func (s *shared) detach(f *flow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := f.channel.Number; int(n) < len(s.conns) && s.conns[n] == f {
		s.conns[n] = nil
	}
}

// end ends every flow: the hub, or this client, has gone.
func (s *shared) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	for _, f := range s.conns {
		if f != nil {
			f.end(s.err)
		}
	}
}

// close ends listening. The mapping stays: a connection may be reading from it still.
func (s *shared) close(err error) {
	s.end(err)
	_ = s.ear.Close()
	s.telling.Lock()
	defer s.telling.Unlock()
	s.region.CloseDescriptors()
}
