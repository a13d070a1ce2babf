package nic

import (
	"encoding/binary"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

// PeerBytes is the octets of a Peer.
const PeerBytes = unix.SizeofSockaddrInet6

// Peer is the address that a frame of a UDP device with many peers begins with: where it
// came from, or where it goes. It is the kernel's own form of it, so that nothing is
// copied; comparable, and opaque but for its methods.
type Peer [PeerBytes]byte

// PeerOf gives the form that frames have. The address of a device of IPv4 is an IPv4 one.
// The zone of a link-local address must be a number or name an interface there is.
func PeerOf(a netip.AddrPort) (Peer, error) {
	s, err := socketAddress(netip.AddrPortFrom(a.Addr().Unmap(), a.Port()))
	if err != nil {
		return Peer{}, err
	}
	name, _ := nameOf(s)
	return Peer(name), nil
}

// nameOf is the kernel's form of an address, and its size there.
func nameOf(s unix.Sockaddr) (name socketName, size uint32) {
	switch to := s.(type) {
	case *unix.SockaddrInet4:
		binary.NativeEndian.PutUint16(name[:], unix.AF_INET)
		binary.BigEndian.PutUint16(name[2:], uint16(to.Port))
		copy(name[nameOffset4:], to.Addr[:])
		return name, unix.SizeofSockaddrInet4
	case *unix.SockaddrInet6:
		binary.NativeEndian.PutUint16(name[:], unix.AF_INET6)
		binary.BigEndian.PutUint16(name[2:], uint16(to.Port))
		copy(name[nameOffset6:], to.Addr[:])
		binary.NativeEndian.PutUint32(name[nameOffset6+16:], to.ZoneId)
	}
	return name, unix.SizeofSockaddrInet6
}

// Flow is the peer with a number of a flow to it, which chooses the source port where the device has some: frames of one
// flow have the same, and arrive in order. It is no part of where, and what is received has none.
func (p Peer) Flow(n uint8) Peer {
	*p.flowAt() = n
	return p
}

func (p *Peer) flow() uint8 { return *p.flowAt() }

// flowAt is an octet that the kernel does not look at: of the flow label, or behind an address of IPv4.
func (p *Peer) flowAt() *uint8 {
	if p.is6() {
		return &p[nameOffset6-1]
	}
	return &p[unix.SizeofSockaddrInet4]
}

// Host is the peer with its port left out, for whoever takes datagrams from all ports of
// a host: RFC 7510 puts the entropy of flows there.
func (p Peer) Host() Peer {
	p[2], p[3] = 0, 0
	if p.is6() {
		clear(p[4:nameOffset6]) // the flow label says nothing about where
	} else {
		clear(p[unix.SizeofSockaddrInet4:]) // the kernel does not write there
	}
	return p
}

// Hash is for tables of hosts: that of Host, whatever the port.
func (p *Peer) Hash() uint64 {
	const prime = 0x9E3779B97F4A7C15
	if !p.is6() {
		return uint64(binary.NativeEndian.Uint32(p[nameOffset4:])) * prime
	}
	h := binary.NativeEndian.Uint64(p[nameOffset6:]) * prime
	h ^= binary.NativeEndian.Uint64(p[nameOffset6+8:])
	return (h ^ h>>32) * prime
}

func (p *Peer) is6() bool { return binary.NativeEndian.Uint16(p[:]) == unix.AF_INET6 }

// AddrPort is the address in Go's form. The zone is a number.
func (p Peer) AddrPort() netip.AddrPort {
	port := binary.BigEndian.Uint16(p[2:])
	if !p.is6() {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(p[nameOffset4:])), port)
	}
	a := netip.AddrFrom16([16]byte(p[nameOffset6:]))
	if zone := binary.NativeEndian.Uint32(p[nameOffset6+16:]); zone != 0 {
		a = a.WithZone(strconv.FormatUint(uint64(zone), 10))
	}
	return netip.AddrPortFrom(a, port)
}
