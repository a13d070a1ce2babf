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

// Marker is a device whose frames travel in IP, so that each has a traffic class beside it: DSCP and ECN field.
type Marker interface {
	// Class is the traffic class that frames have unless marked: the ECN field in it is NotECT.
	Class() uint8
	// Mark tells for each frame of the next Transmit how its traffic class differs from Class: the bits that are the
	// other way round. Of the ECN field that is the field itself. The slice is the caller's again when Transmit
	// returns. Frames of different marks are calls of their own.
	Mark(differs []uint8)
	// Marks is the ECN field of each frame of the last Receive. It belongs to the device.
	Marks() []uint8
}

// marks are those of a UDP device.
type marks struct {
	in  [groBatch]uint8 // ECN fields
	out []uint8         // of the next Transmit
}

func (u *udp) Class() uint8 { return u.tx.class &^ ecnMask }

func (u *udp) Mark(differs []uint8) {
	u.marks.out = nil
	for _, mark := range differs {
		if mark != 0 { // else there is nothing to do
			u.marks.out = differs
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
	out := u.marks.out
	u.marks.out = nil
	defer func() { u.tx.differs = 0 }()
	for taken < len(frames) {
		end := taken + 1
		for end < len(frames) && end < len(out) && out[end] == out[taken] {
			end++
		}
		if u.tx.differs = 0; taken < len(out) {
			u.tx.differs = out[taken]
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
	binary.NativeEndian.PutUint32(c.parts[c.used-1].value[:], uint32(m.class&^ecnMask^m.differs))
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
