package nic

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// ErrGiven refuses a descriptor that somebody else opened and that is not what the device needs.
var ErrGiven = errors.New("descriptor passed")

// takeTAP makes a descriptor that somebody else has attached the device's own. It asks for no
// privilege: nothing of the interface changes, and Close leaves it as it is.
func (t *tap) takeTAP(cfg TAPConfig, wanted uint16) (Device, error) {
	t.fd = cfg.Descriptor
	name, flags, err := attachedTo(t.fd)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w is attached to no TAP or TUN: %w", ErrGiven, err)
	case flags&(unix.IFF_TUN|unix.IFF_TAP) != wanted:
		return nil, ErrOtherKind
	case flags&unix.IFF_NO_PI == 0:
		return nil, fmt.Errorf("%w: %s has headers before its frames: attach with IFF_NO_PI", ErrGiven, name)
	}
	t.now = tunState{flags: wanted | unix.IFF_NO_PI | flags&(unix.IFF_MULTI_QUEUE|unix.IFF_VNET_HDR)}
	if err := unix.SetNonblock(t.fd, true); err != nil {
		return nil, err
	}
	if flags&unix.IFF_VNET_HDR != 0 {
		return t.makeVnet(name, cfg)
	}
	return t, t.describe(name, cfg)
}

// TAPOf is the name of the interface that a descriptor is attached to, now.
func TAPOf(descriptor int) (string, error) {
	name, _, err := attachedTo(descriptor)
	if err != nil {
		return "", fmt.Errorf("%w is attached to no TAP or TUN: %w", ErrGiven, err)
	}
	return name, nil
}

// takeSocket makes a socket that somebody else opened fit for a device, or says why it is not.
func takeSocket(fd int, kind int, domains ...int) error {
	got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return fmt.Errorf("%w is no socket: %w", ErrGiven, err)
	}
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrGiven, err)
	}
	for _, d := range domains {
		if got == kind && domain == d {
			return unix.SetNonblock(fd, true)
		}
	}
	return fmt.Errorf("%w is a socket of domain %d and type %d: want %v and %d", ErrGiven, domain, got, domains, kind)
}

// takePacket makes a packet socket the device's own, whatever it was used for before.
func takePacket(fd int) error {
	if err := takeSocket(fd, unix.SOCK_RAW, unix.AF_PACKET); err != nil {
		return err
	}
	err := unix.SetsockoptTpacketReq(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &unix.TpacketReq{})
	if errors.Is(err, unix.EBUSY) {
		return ErrInUse // mapped by another device
	}
	return err
}

// boundTo tells whether a socket has that local address already; another one than that is an
// error.
func boundTo(fd int, local netip.AddrPort) (bool, error) {
	address, err := unix.Getsockname(fd)
	if err != nil {
		return false, err
	}
	var has netip.AddrPort
	switch a := address.(type) {
	case *unix.SockaddrInet4:
		has = netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		has = netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port))
	}
	switch {
	case has.Port() == 0:
		return false, nil
	case has != netip.AddrPortFrom(local.Addr().WithZone(""), local.Port()):
		return false, fmt.Errorf("%w is bound to %s", ErrGiven, has)
	}
	return true, nil
}
