package nic

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// reports reads what the kernel tells of datagrams that were sent earlier (IP_RECVERR): routers' and the peer's ICMP,
// and refusals of our own. With them a socket also says what its interface's queue has dropped. Unread ones would wake
// whoever sleeps on the socket for ever.
type reports struct {
	header  unix.Msghdr
	vector  unix.Iovec
	quoted  [8]byte // the beginning of the datagram: not looked at
	control [256]byte
	dirty   bool // there may be some
	empty   uint // looks at the socket that found nothing
}

// maxReports is how many are read at once: more wait for the next time.
const maxReports = 64

// enableReports has the kernel keep them.
func enableReports(fd int, is4 bool) error {
	if is4 {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVERR, 1)
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
}

// idle is called when nothing was received: now and then it looks whether a report has been missed.
func (r *reports) idle(fd int, count *Counters) {
	if r.empty++; r.empty%errorPeriod == 0 || r.dirty {
		r.drain(fd, count)
	}
}

// drain counts what waits.
func (r *reports) drain(fd int, count *Counters) {
	r.dirty = false
	for range maxReports {
		pointTo(&r.vector, r.quoted[:])
		r.header = unix.Msghdr{Iov: &r.vector, Control: &r.control[0]}
		r.header.SetIovlen(1)
		r.header.SetControllen(len(r.control))
		if !recvError(fd, &r.header) {
			return
		}
		errno, origin := extendedError(r.control[:r.header.Controllen])
		countReport(errno, origin, count)
	}
	r.dirty = true
}

// extendedError finds the struct sock_extended_err among control messages.
func extendedError(control []byte) (errno unix.Errno, origin byte) {
	const header = unix.SizeofCmsghdr
	for len(control) >= header {
		length := int(binary.NativeEndian.Uint32(control))
		if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 && header == 16 { // size_t of 64 bits, its low half last
			length = int(binary.NativeEndian.Uint32(control[4:]))
		}
		if length < header || length > len(control) {
			return 0, 0
		}
		level := binary.NativeEndian.Uint32(control[header-8:])
		kind := binary.NativeEndian.Uint32(control[header-4:])
		ours := level == unix.IPPROTO_IP && kind == unix.IP_RECVERR || level == unix.IPPROTO_IPV6 && kind == unix.IPV6_RECVERR
		if data := control[header:length]; ours && len(data) >= 5 {
			return unix.Errno(binary.NativeEndian.Uint32(data)), data[4]
		}
		control = control[min(len(control), unix.CmsgSpace(length-header)):]
	}
	return 0, 0
}

// countReport counts a report about a datagram that had left, which is in TxFrames. What the kernel itself refused was
// counted when it did.
func countReport(errno unix.Errno, origin byte, count *Counters) {
	if origin != unix.SO_EE_ORIGIN_ICMP && origin != unix.SO_EE_ORIGIN_ICMP6 {
		return
	}
	switch errno {
	case unix.ECONNREFUSED:
		count.PeerRefused++
	case unix.EMSGSIZE:
		count.PathTooLong++
	default:
		count.PeerUnreachable++
	}
}
