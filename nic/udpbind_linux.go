package nic

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// bind gives the socket its local address, and with a zone its interface. A device that is to be replaced lets its
// address be shared for that moment: of two sockets with one address the kernel gives datagrams to the later.
func (u *udp) bind(local, remote unix.Sockaddr, replaces Device) error {
	u.zone = max(zoneOf(local), zoneOf(remote))
	if err := u.bindZone(); err != nil {
		return err
	}
	if before, ok := replaces.(*udp); ok && before.fd >= 0 {
		for _, fd := range []int{before.fd, u.fd} {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
				return err
			}
			defer func() { _ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 0) }()
		}
	}
	err := unix.Bind(u.fd, local)
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return ErrAddressInUse
	case errors.Is(err, unix.EACCES):
		return ErrPrivilegedPort
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return fmt.Errorf("%w: not an address of this host", err)
	}
	return err
}

// bindZone takes only what comes by the zone's interface.
func (u *udp) bindZone() error {
	if u.zone == 0 {
		return nil
	}
	return unix.SetsockoptInt(u.fd, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, u.zone)
}

// zoneOf is the interface that an address is of; 0: any.
func zoneOf(address unix.Sockaddr) int {
	if a, ok := address.(*unix.SockaddrInet6); ok {
		return int(a.ZoneId)
	}
	return 0
}
