package nic

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// Limits of reception with UDP_GRO.
const (
	groMessages = 16              // of one call
	groRoom     = 1 << 16         // octets that a message may have
	groStride   = groRoom + 192   // between messages in memory: no power of two, with which they would share cache lines
	groBatch    = 2 * maxSegments // frames of one Receive: as vnetBatch
)

// groups receives trains of datagrams, which the kernel has kept or put together (UDP_GRO), and gives out the frames in
// them: lent, where they lie, or copied.
type groups struct {
	*mmsg
	lends    bool
	controls [groMessages]control
	memory   []byte

	next, end int    // messages received and not begun to be given out
	rest      []byte // of the message that is being given out
	left      int    // frames in it
	size      int    // octets of each of them but the last
	ecn       uint8  // of all of them
	lent      bool   // frames have been lent and not been given back
	usual     int    // frames in the longest of the last messages
}

func newGroups(m *mmsg, lends bool) *groups {
	g := &groups{mmsg: m, lends: lends, memory: make([]byte, groMessages*groStride), usual: 1}
	for i := range groMessages {
		pointTo(&m.vectors[i], g.memory[i*groStride:][:groRoom])
	}
	return g
}

func (g *groups) release() { g.lent = false }

// receive fills bufs as far as there is something. It asks for no more messages than bufs are likely to have room for,
// so that none is left over here.
func (g *groups) receive(fd int, bufs [][]byte, count *Counters) (int, unix.Errno) {
	bufs = bufs[:min(len(bufs), groBatch)]
	n, reserve := g.cut(bufs, 0, count), len(bufs)-maxBatch
	for n < len(bufs) && (n == 0 || len(bufs)-n >= min(g.usual, reserve)) {
		if !g.lent {
			g.next, g.end = 0, 0
		}
		want := min(max((len(bufs)-n)/g.usual, 1), groMessages-g.end)
		if want == 0 {
			break // all memory is lent
		}
		got, errno := g.call(fd, want, count)
		if errno != 0 {
			if n > 0 {
				errno = 0 // the next call meets it again
			}
			return n, errno
		}
		if got == 0 {
			break
		}
		g.end += got
		g.measure()
		if n = g.cut(bufs, n, count); got < want {
			break
		}
	}
	return n, 0
}

// call is one recvmmsg, or two when the first only told of an earlier failure.
func (g *groups) call(fd, want int, count *Counters) (int, unix.Errno) {
	messages := g.messages[g.end : g.end+want]
	for range 2 {
		for i := range messages {
			header := &messages[i].Hdr
			g.controls[g.end+i].attach(header)
			if g.peer != nil {
				nameMessage(header, &g.names[g.end+i])
			}
		}
		got, errno := recvmmsg(fd, messages)
		switch {
		case errno == unix.EAGAIN:
			g.reports.idle(fd, count)
			return 0, 0
		case isReport(errno):
			g.reports.drain(fd, count)
		default:
			return got, errno
		}
	}
	return 0, 0
}

// frames is how many message i holds, and the size of all but the last.
func (g *groups) frames(i int) (n, size int) {
	length := int(g.messages[i].Len)
	size = g.controls[i].size(&g.messages[i].Hdr)
	if size <= 0 || size >= length {
		return 1, length
	}
	return (length + size - 1) / size, size
}

// measure notes how many frames the messages have that have just come, to be ready for as many.
func (g *groups) measure() {
	g.usual = 1
	for i := g.next; i < g.end; i++ {
		n, _ := g.frames(i)
		g.usual = max(g.usual, min(n, maxSegments))
	}
}

// cut gives out frames, from bufs[n] on, and returns the new n.
func (g *groups) cut(bufs [][]byte, n int, count *Counters) int {
	for n < len(bufs) {
		if g.left == 0 {
			if g.next == g.end {
				break
			}
			g.open(g.next, count)
			g.next++
			continue
		}
		frame := g.rest[:min(g.size, len(g.rest))]
		g.rest = g.rest[len(frame):]
		g.left--
		switch {
		case g.lends:
			bufs[n] = frame
			g.lent = true
		case len(frame) > len(bufs[n]):
			count.RxTruncated++
			continue
		default:
			bufs[n] = bufs[n][:copy(bufs[n], frame)]
		}
		if g.marks != nil {
			g.marks[n] = g.ecn
		}
		count.RxFrames++
		count.RxOctets += uint64(len(frame))
		n++
	}
	return n
}

// open begins to give out a message, unless it is too long or not from the peer: then all of it is counted.
func (g *groups) open(i int, count *Counters) {
	n, size := g.frames(i)
	switch {
	case g.messages[i].Hdr.Flags&unix.MSG_TRUNC != 0:
		count.RxTruncated += uint64(n)
	case g.peer != nil && !bytes.Equal(g.address(i), g.peer):
		count.RxForeign += uint64(n)
	case g.emptyIsRefused && g.messages[i].Len == 0:
		count.RxChecksum++
	default:
		g.rest, g.size, g.left = g.memory[i*groStride:][:g.messages[i].Len], size, n
		if g.marks != nil {
			g.ecn = g.controls[i].ecnOf(&g.messages[i].Hdr)
		}
	}
}
