package nic

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Limits of sockets that only send.
const (
	// MaxSourcePorts is how many source ports a UDP device has at most, beside its own.
	MaxSourcePorts = 16

	firstSourcePort = 49152 // the dynamic range, RFC 6335, section 6, which RFC 7510, section 3, asks for
	sourcePorts     = 1<<16 - firstSourcePort
	sourceStep      = sourcePorts / MaxSourcePorts // between the ports of one device
	sourceTries     = 256                          // ports that may be others'
)

// senders are the sockets that datagrams leave by, whose source ports carry entropy.
type senders struct {
	sockets []sender
	full    int // the one that had no room last
}

type sender struct {
	fd    int
	port  int
	drops uint32 // datagrams that came, as the kernel counts
	reports
}

// openSenders opens the sockets. A bound address lets each be connected to the one peer, which saves looking the route
// up for each datagram; without one the source address is to follow the route.
func (u *udp) openSenders(local, remote unix.Sockaddr, cfg UDPConfig) error {
	_, is4 := local.(*unix.SockaddrInet4)
	connects := u.tx.head == 0 && !unspecified(local)
	for i := range cfg.SourcePorts {
		fd, err := openSender(is4, u.zone, cfg)
		if err != nil {
			return fmt.Errorf("udp: source port: %w", err)
		}
		u.out.sockets = append(u.out.sockets, sender{fd: fd})
		s := &u.out.sockets[i]
		if err := s.bind(local, int(cfg.Entropy)+i*sourceStep, cfg.Replaces); err != nil {
			return fmt.Errorf("udp: source port: %w", err)
		}
		if connects {
			if err := unix.Connect(fd, remote); err != nil {
				return fmt.Errorf("udp: source port: connect: %w", err)
			}
		}
	}
	switch {
	case connects:
		u.tx.aim(nil)
	case u.tx.head == 0:
		u.tx.aim(remote)
	}
	u.info.Room = func() int { return u.out.sockets[u.out.full].fd }
	return nil
}

func openSender(is4 bool, zone int, cfg UDPConfig) (fd int, err error) {
	family := unix.AF_INET6
	if is4 {
		family = unix.AF_INET
	}
	if fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return -1, err
	}
	growBuffer(fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF)
	program := unix.SockFprog{Len: uint16(len(refuseAll)), Filter: &refuseAll[0]}
	err = errors.Join(
		setOptions(fd, is4, cfg.TrafficClass),
		unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program))
	if cfg.ZeroChecksum && !is4 {
		err = errors.Join(err, unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_NO_CHECK6_TX, 1))
	}
	if zone != 0 {
		err = errors.Join(err, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, zone))
	}
	if err != nil {
		_ = unix.Close(fd)
	}
	return fd, err
}

// bind takes the port that entropy chooses, or one of the next; beside the device that is to be replaced the same.
func (s *sender) bind(local unix.Sockaddr, entropy int, replaces Device) error {
	if before, ok := replaces.(*udp); ok && before.fd >= 0 {
		fds := []int{s.fd}
		for i := range before.out.sockets {
			fds = append(fds, before.out.sockets[i].fd)
		}
		for _, fd := range fds {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
				return err
			}
			defer func() { _ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 0) }()
		}
	}
	err := error(unix.EADDRINUSE)
	for i := 0; i < sourceTries && errors.Is(err, unix.EADDRINUSE); i++ {
		s.port = firstSourcePort + (entropy+i)%sourcePorts
		err = unix.Bind(s.fd, atPort(local, s.port))
	}
	return err
}

func atPort(a unix.Sockaddr, port int) unix.Sockaddr {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		return &unix.SockaddrInet4{Port: port, Addr: a.Addr}
	case *unix.SockaddrInet6:
		return &unix.SockaddrInet6{Port: port, Addr: a.Addr, ZoneId: a.ZoneId}
	}
	return a
}

func unspecified(a unix.Sockaddr) bool {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		return a.Addr == [4]byte{}
	case *unix.SockaddrInet6:
		return a.Addr == [16]byte{}
	}
	return false
}

// transmit sends runs of frames of one sender each, in order.
func (o *senders) transmit(t *trains, frames [][]byte, count *Counters) (taken int, errno unix.Errno) {
	for taken < len(frames) {
		i := o.of(t, frames[taken])
		end := taken + 1
		if len(o.sockets) == 1 {
			end = len(frames)
		}
		for end < len(frames) && o.of(t, frames[end]) == i {
			end++
		}
		s := &o.sockets[i]
		t.reports = &s.reports
		n, errno := t.transmit(s.fd, frames[taken:end], count)
		if s.dirty {
			s.drain(s.fd, count)
		}
		if taken += n; taken < end || errno != 0 {
			o.full = i
			return taken, errno
		}
	}
	return taken, 0
}

// of is the sender of a frame.
func (o *senders) of(t *trains, frame []byte) int {
	if t.head == 0 || len(o.sockets) == 1 {
		return 0
	}
	return int((*Peer)(frame).flow()) % len(o.sockets)
}

// idle looks now and then what the kernel tells of datagrams that have left.
func (o *senders) idle(count *Counters) {
	for i := range o.sockets {
		s := &o.sockets[i]
		s.reports.idle(s.fd, count)
	}
}

// look does so at once, and counts what has come where nothing is received.
func (o *senders) look(memory []uint32, count *Counters) {
	for i := range o.sockets {
		s := &o.sockets[i]
		s.drain(s.fd, count)
		if getsockopt(s.fd, unix.SOL_SOCKET, unix.SO_MEMINFO, memory) == 0 {
			count.RxForeign += uint64(memory[memInfoDrops] - s.drops)
			s.drops = memory[memInfoDrops]
		}
	}
}

func (o *senders) close() (err error) {
	for i := range o.sockets {
		err = errors.Join(err, unix.Close(o.sockets[i].fd))
	}
	o.sockets = nil
	return err
}

// SourcePort is the port that the datagrams of a UDP device with one peer leave by; 0: it is no such device.
func SourcePort(dev Device) uint16 {
	u, ok := dev.(*udp)
	if !ok || u.tx.head != 0 {
		return 0
	}
	if len(u.out.sockets) > 0 {
		return uint16(u.out.sockets[0].port)
	}
	local, err := unix.Getsockname(u.fd)
	if err != nil {
		return 0
	}
	switch a := local.(type) {
	case *unix.SockaddrInet4:
		return uint16(a.Port)
	case *unix.SockaddrInet6:
		return uint16(a.Port)
	}
	return 0
}
