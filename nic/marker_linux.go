package nic

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// The ECN field of an IP header, RFC 3168, section 5.
const (
	NotECT = 0 // the transport takes no marks
	ECT1   = 1
	ECT0   = 2
	CE     = 3 // congestion was met

	ecnMask = 3
)

// Marker is a device whose frames travel in IP, so that each has an ECN field beside it.
type Marker interface {
	// Mark gives the ECN field of each frame of the next Transmit; without it they have NotECT. The slice is the
	// caller's again when Transmit returns. Frames of different marks are calls of their own.
	Mark(ecn []uint8)
	// Marks is the ECN field of each frame of the last Receive. It belongs to the device.
	Marks() []uint8
}

// marks are the ECN fields of a UDP device.
type marks struct {
	in  [groBatch]uint8
	out []uint8 // of the next Transmit
}

func (u *udp) Mark(ecn []uint8) {
	u.marks.out = nil
	for _, mark := range ecn {
		if mark != NotECT { // else there is nothing to do
			u.marks.out = ecn
			return
		}
	}
}

func (u *udp) Marks() []uint8 { return u.marks.in[:] }

// tellMarks has the kernel tell of each datagram's.
func (u *udp) tellMarks(is4 bool) error {
	u.rx.extra, u.rx.marks = new([maxBatch]control), &u.marks.in
	u.tx.extra = new([maxBatch]control)
	u.tx.is4 = is4
	if is4 {
		return unix.SetsockoptInt(u.fd, unix.IPPROTO_IP, unix.IP_RECVTOS, 1)
	}
	return unix.SetsockoptInt(u.fd, unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, 1)
}

// transmitMarked sends runs of frames of one mark each.
func (u *udp) transmitMarked(frames [][]byte) (taken int, errno unix.Errno) {
	ecn := u.marks.out
	u.marks.out = nil
	defer func() { u.tx.ecn = NotECT }()
	for taken < len(frames) {
		end := taken + 1
		for end < len(frames) && end < len(ecn) && ecn[end] == ecn[taken] {
			end++
		}
		if u.tx.ecn = NotECT; taken < len(ecn) {
			u.tx.ecn = ecn[taken] & ecnMask
		} else {
			end = len(frames)
		}
		n, errno := u.transmit(frames[taken:end])
		if taken += n; taken < end || errno != 0 {
			return taken, errno
		}
	}
	return taken, 0
}

// mark has message i carry the mark of its run.
func (m *mmsg) mark(c *control, header *unix.Msghdr) {
	level, kind := int32(unix.IPPROTO_IP), int32(unix.IP_TOS)
	if !m.is4 {
		level, kind = unix.IPPROTO_IPV6, unix.IPV6_TCLASS
	}
	c.add(header, level, kind, 4)
	binary.NativeEndian.PutUint32(c.parts[c.used-1].value[:], uint32(m.class&^ecnMask|m.ecn))
}

// ecnOf is the mark that a message came with.
func (c *control) ecnOf(header *unix.Msghdr) uint8 {
	for i := range c.received(header) {
		switch p := &c.parts[i]; {
		case p.header.Level == unix.IPPROTO_IP && p.header.Type == unix.IP_TOS:
			return p.value[0] & ecnMask
		case p.header.Level == unix.IPPROTO_IPV6 && p.header.Type == unix.IPV6_TCLASS:
			return uint8(binary.NativeEndian.Uint32(p.value[:])) & ecnMask
		}
	}
	return NotECT
}
