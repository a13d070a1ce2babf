package nic

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// mmsg is the arrays of sendmmsg or recvmmsg, made once.
type mmsg struct {
	messages [maxBatch]unix.Mmsghdr
	vectors  [maxBatch]unix.Iovec
	names    [maxBatch]socketName // where each goes to or came from, on a socket without a peer of its own
	peer     []byte               // receiving: the address that datagrams must come from; nil: any
	head     int                  // octets that a frame begins with its peer's address: PeerBytes, or 0 where it does not
	reports  *reports             // of the socket; nil: it has none

	extra *[maxBatch]control // of ECN, where it is wanted, or nil
	marks *[groBatch]uint8   // receiving: each frame's
	class uint8              // sending: the traffic class, DSCP and ECN
	is4   bool

	differs uint8 // sending: from the class, in all frames of a call

	prefix []byte // sending: what goes before each frame; nil: nothing
	pairs  [maxBatch][2]unix.Iovec
	// receiving: an empty datagram is one that the socket's filter has cut, because it had no checksum
	emptyIsRefused bool
}

// socketName is a sockaddr_in or a sockaddr_in6 as the kernel has it.
type socketName [unix.SizeofSockaddrInet6]byte

// Where the address lies in each.
const (
	nameOffset4 = 4
	nameOffset6 = 8
)

// address is the part of a name that peer is compared with.
func (m *mmsg) address(i int) []byte {
	if len(m.peer) == 4 {
		return m.names[i][nameOffset4 : nameOffset4+4]
	}
	return m.names[i][nameOffset6 : nameOffset6+16]
}

// name gives every message room for the address it comes from, anew for each call: the kernel writes the length.
func (m *mmsg) name(n int) {
	for i := range n {
		nameMessage(&m.messages[i].Hdr, &m.names[i])
	}
}

// aim has every message go to one address; nil: to the socket's own peer.
func (m *mmsg) aim(to unix.Sockaddr) {
	var size uint32
	if to != nil {
		m.names[0], size = nameOf(to)
	}
	for i := range m.messages {
		header := &m.messages[i].Hdr
		nameMessage(header, &m.names[0])
		if header.Namelen = size; to == nil {
			header.Name = nil
		}
	}
}

func newMmsg() *mmsg {
	m := new(mmsg)
	for i := range m.messages {
		m.messages[i].Hdr.Iov = &m.vectors[i]
		m.messages[i].Hdr.SetIovlen(1)
	}
	return m
}

// fill points the first messages at bufs.
func (m *mmsg) fill(bufs [][]byte) []unix.Mmsghdr {
	if m.prefix != nil {
		for i, buf := range bufs {
			pair := &m.pairs[i]
			pointTo(&pair[0], m.prefix)
			pointTo(&pair[1], buf)
			m.messages[i].Hdr.Iov = &pair[0]
			m.messages[i].Hdr.SetIovlen(len(pair))
		}
		return m.messages[:len(bufs)]
	}
	for i, buf := range bufs {
		if m.head > 0 {
			nameMessage(&m.messages[i].Hdr, (*socketName)(buf))
		}
		pointTo(&m.vectors[i], buf[m.head:])
	}
	if m.extra != nil {
		m.attach(len(bufs))
	}
	return m.messages[:len(bufs)]
}

// attach has the first messages carry the mark of their run, or receive their own.
func (m *mmsg) attach(n int) {
	for i := range n {
		header, c := &m.messages[i].Hdr, &m.extra[i]
		if m.marks != nil {
			c.attach(header)
			continue
		}
		if c.used = 0; m.differs == 0 {
			header.Control, header.Controllen = nil, 0
		} else {
			m.mark(c, header)
		}
	}
}

// receive reads datagrams into bufs, at most maxBatch, with one call (two, when the first only told of an earlier
// failure). A datagram longer than its buffer, or not from the peer, is counted, and those behind it move down.
func (m *mmsg) receive(fd int, bufs [][]byte, count *Counters) (int, unix.Errno) {
	bufs = bufs[:min(len(bufs), maxBatch)]
	if len(bufs) == 0 {
		return 0, 0
	}
	if m.peer != nil {
		m.name(len(bufs))
	}
	got, errno := recvmmsg(fd, m.fill(bufs))
	if isReport(errno) {
		m.reports.drain(fd, count)
		got, errno = recvmmsg(fd, m.messages[:len(bufs)])
	}
	switch {
	case errno == unix.EAGAIN:
		m.reports.idle(fd, count)
		return 0, 0
	case isReport(errno): // another already
		m.reports.drain(fd, count)
		return 0, 0
	case errno != 0:
		return 0, errno
	}
	n := 0
	for i := range got {
		length := m.head + int(m.messages[i].Len)
		if m.messages[i].Hdr.Flags&unix.MSG_TRUNC != 0 || length > len(bufs[n]) {
			count.RxTruncated++
			continue
		}
		if m.messages[i].Len == 0 && m.emptyIsRefused {
			count.RxChecksum++
			continue
		}
		if m.peer != nil && !bytes.Equal(m.address(i), m.peer) {
			count.RxForeign++
			continue
		}
		if n != i {
			copy(bufs[n], bufs[i][:length])
		}
		bufs[n] = bufs[n][:length]
		if m.marks != nil {
			m.marks[n] = m.extra[i].ecnOf(&m.messages[i].Hdr)
		}
		count.RxFrames++
		count.RxOctets += uint64(length - m.head)
		n++
	}
	return n, 0
}

// transmit sends frames by as few calls as the kernel lets it, and returns how many were taken. An errno is the
// interface's failure (ENETDOWN, ENXIO, ENODEV) at frames[n], which was not taken.
//
// The first error at a frame may be about an earlier one (a socket remembers it and tells at the next call), so the
// frame is tried once more before the error is its own.
func (m *mmsg) transmit(fd int, frames [][]byte, count *Counters) (int, unix.Errno) {
	taken, tries := 0, retries{at: -1}
	for taken < len(frames) {
		batch := frames[taken:min(len(frames), taken+maxBatch)]
		sent, errno := sendmmsg(fd, m.fill(batch))
		switch {
		case errno == 0:
			for _, frame := range batch[:sent] {
				count.TxFrames++
				count.TxOctets += uint64(len(frame) - m.head)
			}
			taken += sent
		case errno == unix.EAGAIN:
			return taken, 0
		case errno == unix.ENOBUFS || errno == unix.ENOMEM:
			count.TxNoBuffer++
			taken++
		case tries.again(m, taken, errno):
		case errno == unix.ENETDOWN || errno == unix.ENXIO || errno == unix.ENODEV:
			return taken, errno
		case errno == unix.ENETUNREACH || errno == unix.EHOSTUNREACH: // nor will the others be sent
			count.TxUnreachable += uint64(len(frames) - taken)
			return len(frames), 0
		default:
			countRefusal(errno, count)
			taken++
		}
	}
	return taken, 0
}

// retries are the frames that one transmit has tried once more.
type retries struct{ at, refused int }

// again tells whether an error may be about an earlier frame than the one at which it came.
func (r *retries) again(m *mmsg, at int, errno unix.Errno) bool {
	switch {
	case r.at != at:
		r.at = at
		m.told()
	case errno == unix.ECONNREFUSED && r.refused < maxReports: // always
		r.refused++
	default:
		return false
	}
	return true
}

// told notes that the socket's error queue has something to read.
func (m *mmsg) told() {
	if m.reports != nil {
		m.reports.dirty = true
	}
}

// isReport tells whether an errno comes from ICMP, about a datagram sent earlier (net/ipv4/icmp.c, net/ipv6/icmp.c).
func isReport(errno unix.Errno) bool {
	switch errno {
	case unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EMSGSIZE, unix.ENOPROTOOPT, unix.EOPNOTSUPP,
		unix.EHOSTDOWN, unix.ENONET, unix.EACCES, unix.EPROTO:
		return true
	}
	return false
}

// countRefusal counts a frame that the kernel did not take.
func countRefusal(errno unix.Errno, count *Counters) {
	switch errno {
	case unix.EMSGSIZE:
		count.TxTooLong++
	default:
		count.TxErrors++
	}
}
