package nic

import (
	"encoding/binary"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Everything unsafe of the package is here: system calls that x/sys does not wrap, or wraps with an allocation, and
// words shared with the kernel.

func ioctl(fd int, request uintptr, arg unsafe.Pointer) error {
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg))
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return errno
		}
	}
}

// ethtool runs one of ethtool's commands, with which data begins.
func ethtool(fd int, name string, data unsafe.Pointer) error {
	request := struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}{data: data}
	copy(request.name[:unix.IFNAMSIZ-1], name)
	return ioctl(fd, unix.SIOCETHTOOL, unsafe.Pointer(&request))
}

// hardwareAddress is what SIOCGIFHWADDR answered: a sockaddr of an ARPHRD_… and an address.
func hardwareAddress(request *unix.Ifreq) (family uint16, address [6]byte) {
	octets := (*[unix.IFNAMSIZ + 8]byte)(unsafe.Pointer(request))
	return request.Uint16(), [6]byte(octets[unix.IFNAMSIZ+2:])
}

// attachFilter has the kernel run a program for every frame of a socket.
func attachFilter(fd int, program []unix.SockFilter) error {
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(program)), Filter: unsafe.SliceData(program)})
}

// pointTo makes an iovec describe the whole of buf.
func pointTo(iov *unix.Iovec, buf []byte) {
	iov.Base = unsafe.SliceData(buf)
	iov.SetLen(len(buf))
}

// unconnect takes the peer off a UDP socket: connect to AF_UNSPEC, which x/sys has no address for.
func unconnect(fd int) error {
	var unspecified socketName
	_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&unspecified)), uintptr(len(unspecified)))
	if errno != 0 {
		return errno
	}
	return nil
}

// nameMessage points a message's name at one of ours.
func nameMessage(header *unix.Msghdr, name *socketName) {
	header.Name, header.Namelen = &name[0], uint32(len(name))
}

// control is room for the control messages of a datagram: of UDP_SEGMENT or UDP_GRO, and its traffic class. Each holds a
// number.
type control struct {
	parts [2]controlPart
	used  int // of those to be sent
}

type controlPart struct {
	header unix.Cmsghdr
	value  [8]byte
}

// attach has a message receive what there is.
func (c *control) attach(header *unix.Msghdr) {
	header.Control = (*byte)(unsafe.Pointer(&c.parts))
	header.SetControllen(int(unsafe.Sizeof(c.parts)))
}

// received counts what came with a message.
func (c *control) received(header *unix.Msghdr) int {
	return min(int(header.Controllen)/int(unsafe.Sizeof(c.parts[0])), len(c.parts))
}

// add has a message carry one more, whose value of that many octets is still to be written.
func (c *control) add(header *unix.Msghdr, level, kind int32, octets int) {
	p := &c.parts[c.used]
	p.header.Level, p.header.Type = level, kind
	p.header.SetLen(unix.CmsgLen(octets))
	c.used++
	header.Control = (*byte)(unsafe.Pointer(&c.parts))
	header.SetControllen(c.used * int(unsafe.Sizeof(*p)))
}

// segment has a message say that it is a train of datagrams of size octets.
func (c *control) segment(header *unix.Msghdr, size int) {
	c.add(header, unix.SOL_UDP, unix.UDP_SEGMENT, 2)
	binary.NativeEndian.PutUint16(c.parts[c.used-1].value[:], uint16(size))
}

// size is that of each datagram in a message received; 0: it is one datagram.
func (c *control) size(header *unix.Msghdr) int {
	for i := range c.received(header) {
		if p := &c.parts[i]; p.header.Level == unix.SOL_UDP && p.header.Type == unix.UDP_GRO {
			return int(int32(binary.NativeEndian.Uint32(p.value[:])))
		}
	}
	return 0
}

// readv reads once into the buffers of iov; EINTR is retried.
func readv(fd int, iov []unix.Iovec) (int, unix.Errno) {
	for {
		n, _, errno := unix.Syscall(unix.SYS_READV, uintptr(fd), uintptr(unsafe.Pointer(&iov[0])), uintptr(len(iov)))
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

// write writes once; EINTR is retried.
func write(fd int, frame []byte) unix.Errno {
	for {
		_, _, errno := unix.Syscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(frame))), uintptr(len(frame)))
		if errno != unix.EINTR {
			return errno
		}
	}
}

// writev writes the buffers of iov once, as one frame; EINTR is retried.
func writev(fd int, iov []unix.Iovec) unix.Errno {
	for {
		_, _, errno := unix.Syscall(unix.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(&iov[0])), uintptr(len(iov)))
		if errno != unix.EINTR {
			return errno
		}
	}
}

// sendmmsg and recvmmsg move several messages without blocking; EINTR is retried.
func sendmmsg(fd int, messages []unix.Mmsghdr) (int, unix.Errno) {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&messages[0])),
			uintptr(len(messages)), unix.MSG_DONTWAIT, 0, 0)
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

func recvmmsg(fd int, messages []unix.Mmsghdr) (int, unix.Errno) {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&messages[0])),
			uintptr(len(messages)), unix.MSG_DONTWAIT, 0, 0)
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

// recvError reads one message of a socket's error queue; false: there is none.
func recvError(fd int, header *unix.Msghdr) bool {
	for {
		_, _, errno := unix.Syscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(header)), unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
		if errno != unix.EINTR {
			return errno == 0
		}
	}
}

// receiveOne reads one message, and returns its length, which may be more than buf's; EINTR is retried.
func receiveOne(fd int, buf []byte) (int, unix.Errno) {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)),
			unix.MSG_DONTWAIT|unix.MSG_TRUNC, 0, 0)
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

// getsockopt fills words with an option's value.
func getsockopt(fd, level, option int, words []uint32) unix.Errno {
	size := uint32(len(words) * 4)
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), uintptr(level), uintptr(option),
		uintptr(unsafe.Pointer(&words[0])), uintptr(unsafe.Pointer(&size)), 0)
	return errno
}

// slotHeader is the kernel's header of a ring slot. Only its Status is shared while both sides live; see loadStatus.
func slotHeader(slot []byte) *unix.Tpacket2Hdr {
	return (*unix.Tpacket2Hdr)(unsafe.Pointer(unsafe.SliceData(slot)))
}

// loadStatus and storeStatus hand a slot over: the kernel's writes before its store are seen after the load, and ours
// before the store are seen by the kernel.
func loadStatus(header *unix.Tpacket2Hdr) uint32         { return atomic.LoadUint32(&header.Status) }
func storeStatus(header *unix.Tpacket2Hdr, value uint32) { atomic.StoreUint32(&header.Status, value) }

// setsockoptUmem registers a region with an AF_XDP socket, in pieces of so many octets.
func setsockoptUmem(fd int, region []byte, piece int) error {
	reg := unix.XDPUmemReg{
		Addr: uint64(uintptr(unsafe.Pointer(unsafe.SliceData(region)))), Len: uint64(len(region)), Size: uint32(piece),
	}
	_, _, errno := unix.Syscall6(unix.SYS_SETSOCKOPT, uintptr(fd), unix.SOL_XDP, unix.XDP_UMEM_REG,
		uintptr(unsafe.Pointer(&reg)), unsafe.Sizeof(reg), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// getsockoptXDP fills what value points to.
func getsockoptXDP[T unix.XDPMmapOffsets | unix.XDPStatistics | uint32](fd, option int, value *T) error {
	size := uint32(unsafe.Sizeof(*value))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_XDP, uintptr(option),
		uintptr(unsafe.Pointer(value)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// ringWord is a word of a mapped ring, which the kernel reads or writes too.
func ringWord(memory []byte, offset uint64) *atomic.Uint32 {
	return (*atomic.Uint32)(unsafe.Pointer(&memory[offset : offset+4][0]))
}

// ringSlots are the n slots of a mapped ring.
func ringSlots[T uint64 | unix.XDPDesc](memory []byte, offset uint64, n int) []T {
	var slot T
	return unsafe.Slice((*T)(unsafe.Pointer(&memory[offset : offset+uint64(n)*uint64(unsafe.Sizeof(slot))][0])), n)
}

// offsetIn is where in a region a slice begins; false: elsewhere.
func offsetIn(region, slice []byte) (int, bool) {
	at := uintptr(unsafe.Pointer(unsafe.SliceData(slice))) - uintptr(unsafe.Pointer(unsafe.SliceData(region)))
	return int(at), at < uintptr(len(region)) // below it wraps
}

// pageAligned tells whether a region begins at a page.
func pageAligned(region []byte) bool {
	return uintptr(unsafe.Pointer(unsafe.SliceData(region)))%uintptr(unix.Getpagesize()) == 0
}

// sendNothing has the kernel look at the transmit ring of an AF_XDP socket; receiveNothing at its fill ring.
func sendNothing(fd int) unix.Errno {
	_, _, errno := unix.Syscall6(unix.SYS_SENDTO, uintptr(fd), 0, 0, unix.MSG_DONTWAIT, 0, 0)
	return errno
}

func receiveNothing(fd int) unix.Errno {
	_, _, errno := unix.Syscall6(unix.SYS_RECVFROM, uintptr(fd), 0, 0, unix.MSG_DONTWAIT, 0, 0)
	return errno
}

// ethtoolChannels fills c.
func ethtoolChannels(fd int, name string, c *channels) error {
	return ethtool(fd, name, unsafe.Pointer(c))
}
