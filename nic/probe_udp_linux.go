package nic

import (
	"bytes"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// The self-test of trains of datagrams: the socket, which has no peer yet, is its own for a moment.

// udpTrains are the trains that it sends, as frames and the octets of each.
var udpTrains = [...]struct{ frames, size, last int }{{6, 100, 100}, {40, 1400, 7}}

// probe returns whether trains leave right, and whether they arrive right in one piece. An error says that the test
// cannot be made. What others have sent meanwhile is lost. The socket is left connected to itself.
func (u *udp) probe() (sends, receives bool, err error) {
	bound, err := unix.Getsockname(u.fd)
	if err != nil {
		return false, false, err
	}
	if err := unix.Connect(u.fd, itself(bound)); err != nil {
		return false, false, fmt.Errorf("%w, which needs the loopback interface: %w", errNoProbe, err)
	}
	defer u.drain()
	u.drain()
	single := [][]byte{probeFrame(0, 100)}
	if n, errno := u.tx.mmsg.transmit(u.fd, single, new(Counters)); n != 1 || errno != 0 || !u.echoed(single, u.rx.receive) {
		return false, false, fmt.Errorf("%w, which needs the loopback interface up", errNoProbe)
	}
	if sends = u.tryTrains(u.rx.receive); sends {
		g := newGroups(newMmsg(), false)
		receives = unix.SetsockoptInt(u.fd, unix.SOL_UDP, unix.UDP_GRO, 1) == nil && u.tryTrains(g.receive)
	}
	return sends, receives, nil
}

// tryTrains sends each train, and tells whether it comes back.
func (u *udp) tryTrains(receive func(int, [][]byte, *Counters) (int, unix.Errno)) bool {
	for _, train := range udpTrains {
		var frames [][]byte
		for i := range train.frames {
			size := train.size
			if i == train.frames-1 {
				size = train.last
			}
			frames = append(frames, probeFrame(i, size))
		}
		var count Counters
		n, errno := u.tx.transmit(u.fd, frames, &count)
		if n != len(frames) || errno != 0 || count.GSOFallbacks != 0 || !u.echoed(frames, receive) {
			return false
		}
	}
	return true
}

func (u *udp) echoed(frames [][]byte, receive func(int, [][]byte, *Counters) (int, unix.Errno)) bool {
	memory := make([]byte, maxBatch*2048)
	bufs := make([][]byte, maxBatch)
	for end := time.Now().Add(probeWait); len(frames) > 0; {
		for i := range bufs {
			bufs[i] = memory[i*2048:][:2048]
		}
		n, errno := receive(u.fd, bufs, new(Counters))
		if errno != 0 || n > len(frames) || n == 0 && !await(u.fd, end) {
			return false
		}
		for i, frame := range bufs[:n] {
			if !bytes.Equal(frame, frames[i]) {
				return false
			}
		}
		frames = frames[n:]
	}
	return true
}

func probeFrame(i, size int) []byte {
	p := make([]byte, size)
	for j := range p {
		p[j] = byte(i*7 + j*13 + j>>8)
	}
	copy(p, probeMark)
	return p
}

// drain empties the socket.
func (u *udp) drain() {
	bufs := make([][]byte, maxBatch)
	for i := range bufs {
		bufs[i] = make([]byte, 1)
	}
	for {
		var count Counters
		_, errno := u.rx.receive(u.fd, bufs, &count)
		if errno != 0 || count == (Counters{}) {
			return
		}
		for i := range bufs {
			bufs[i] = bufs[i][:1]
		}
	}
}

// itself is where a bound socket can be reached from its own host.
func itself(bound unix.Sockaddr) unix.Sockaddr {
	switch b := bound.(type) {
	case *unix.SockaddrInet4:
		if b.Addr == [4]byte{} {
			return &unix.SockaddrInet4{Port: b.Port, Addr: [4]byte{127, 0, 0, 1}}
		}
	case *unix.SockaddrInet6:
		if b.Addr == [16]byte{} {
			return &unix.SockaddrInet6{Port: b.Port, Addr: [16]byte{15: 1}}
		}
	}
	return bound
}
