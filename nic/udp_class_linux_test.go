package nic

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// Datagrams have the class asked for, as a plain socket is told of it.
func TestUDPTrafficClass(t *testing.T) {
	for _, c := range []struct {
		local, remote        string
		family, level        int
		receive, told, class int
	}{
		{"127.0.0.1:6635", "127.0.0.2:6636", unix.AF_INET, unix.IPPROTO_IP, unix.IP_RECVTOS, unix.IP_TOS, 46 << 2},
		{"[::1]:6635", "[::1]:6636", unix.AF_INET6, unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, unix.IPV6_TCLASS, 10 << 2},
	} {
		in(t, namespace(t), func() error {
			to := netip.MustParseAddrPort(c.remote)
			fd, err := unix.Socket(c.family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			at, err := socketAddress(to)
			if err != nil {
				return err
			}
			if err := unix.Bind(fd, at); err != nil {
				return err
			}
			if err := unix.SetsockoptInt(fd, c.level, c.receive, 1); err != nil {
				return err
			}
			dev, err := OpenUDP(UDPConfig{Local: netip.MustParseAddrPort(c.local), Remote: to, TrafficClass: uint8(c.class)})
			if err != nil {
				return err
			}
			defer dev.Close()
			transmitAll(t, dev, [][]byte{{1}})
			var payload [8]byte
			control := make([]byte, 128)
			_, n, _, _, err := unix.Recvmsg(fd, payload[:], control, 0)
			if err != nil {
				return err
			}
			messages, err := unix.ParseSocketControlMessage(control[:n])
			if err != nil || len(messages) != 1 || int(messages[0].Header.Type) != c.told || int(messages[0].Data[0]) != c.class {
				t.Errorf("%s: told %+v, %v; want class %#x", c.local, messages, err, c.class)
			}
			return nil
		})
	}
}
