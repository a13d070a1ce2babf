package nic

import (
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// A descriptor that is not what a device needs is refused, and closed.
func TestWrongDescriptors(t *testing.T) {
	open := func(domain, kind int) int {
		fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	local, remote := netip.MustParseAddrPort("127.0.0.1:7000"), netip.MustParseAddrPort("127.0.0.1:7001")
	elsewhere := open(unix.AF_INET, unix.SOCK_DGRAM)
	if err := unix.Bind(elsewhere, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		fd   int
		open func(fd int) (Device, error)
	}{
		{"a TCP socket as a TAP", open(unix.AF_INET, unix.SOCK_STREAM), func(fd int) (Device, error) { return OpenTAP(TAPConfig{Descriptor: fd}) }},
		{"a UDP socket as a packet socket", open(unix.AF_INET, unix.SOCK_DGRAM), func(fd int) (Device, error) {
			return OpenPacket(PacketConfig{Interface: "lo", EtherType: 0x8847, Descriptor: fd})
		}},
		{"a TCP socket as a UDP socket", open(unix.AF_INET, unix.SOCK_STREAM), func(fd int) (Device, error) {
			return OpenUDP(UDPConfig{Local: local, Remote: remote, Descriptor: fd})
		}},
		{"a UDP socket of another family", open(unix.AF_INET6, unix.SOCK_DGRAM), func(fd int) (Device, error) {
			return OpenUDP(UDPConfig{Local: local, Remote: remote, Descriptor: fd})
		}},
		{"a UDP socket of another address", elsewhere, func(fd int) (Device, error) {
			return OpenUDP(UDPConfig{Local: local, Remote: remote, Descriptor: fd})
		}},
	} {
		d, err := c.open(c.fd)
		if !errors.Is(err, ErrGiven) || d != nil {
			t.Errorf("%s: %v, want ErrGiven", c.name, err)
		}
		if _, err := unix.FcntlInt(uintptr(c.fd), unix.F_GETFD, 0); err != unix.EBADF {
			t.Errorf("%s: the descriptor is open still: %v", c.name, err)
		}
	}
}
