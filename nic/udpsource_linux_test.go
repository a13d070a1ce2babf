package nic

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/nic/link"
)

// sourceAddresses are a device's own and its peer's; with an unspecified one the route chooses the source.
var sourceAddresses = []struct{ name, local, from, peer string }{
	{"IPv4", "127.0.0.1:6635", "127.0.0.1", "127.0.0.2:6635"},
	{"IPv4, any local", "0.0.0.0:6636", "127.0.0.1", "127.0.0.2:6635"},
	{"IPv6", "[::1]:6635", "::1", "[::1]:6636"},
	{"IPv6, any local", "[::]:6635", "::1", "[::1]:6636"},
}

// RFC 7510, section 3: the source port is a flow's entropy, from 49152 up, and the destination port stays; reception is
// on the local port, and there only.
func TestUDPSourcePort(t *testing.T) {
	for _, c := range sourceAddresses {
		for _, gso := range []GSO{GSOOff, GSOOn} {
			t.Run(fmt.Sprintf("%s, super-frames %v", c.name, gso), func(t *testing.T) {
				var dev Device
				var peer net.PacketConn
				in(t, namespace(t), func() (err error) {
					if peer, err = net.ListenPacket("udp", c.peer); err != nil {
						return err
					}
					dev, err = OpenUDP(UDPConfig{Local: netip.MustParseAddrPort(c.local), Remote: netip.MustParseAddrPort(c.peer),
						AnySourcePort: true, SourcePorts: 1, Entropy: 0xABCD1234, GSO: gso})
					return err
				})
				closing(t, dev)
				defer peer.Close()
				want := netip.AddrPortFrom(netip.MustParseAddr(c.from), firstSourcePort+0xABCD1234%sourcePorts)
				if port := SourcePort(dev); port != want.Port() {
					t.Errorf("it says that datagrams leave by port %d, want %d", port, want.Port())
				}
				frames := [][]byte{etherFrame(700, 1), etherFrame(700, 2), etherFrame(700, 3), etherFrame(60, 4)}
				transmitAll(t, dev, frames)
				buf := make([]byte, 2000)
				for _, frame := range frames {
					n, from, err := peer.ReadFrom(buf)
					if err != nil || from.String() != want.String() || !slices.Equal(buf[:n], frame) {
						t.Fatalf("%d octets from %v, %v; want %d from %v", n, from, err, len(frame), want)
					}
				}
				local := netip.MustParseAddrPort(c.local)
				for _, to := range []netip.AddrPort{want, netip.AddrPortFrom(want.Addr(), local.Port())} {
					if _, err := peer.WriteTo(frames[0], net.UDPAddrFromAddrPort(to)); err != nil {
						t.Fatal(err)
					}
				}
				equalFrames(t, receiveN(t, dev, 1), frames[:1])
				if n := dev.Counters(); n.RxForeign != 1 || n.RxFrames != 1 || n.TxFrames != 4 || n.GSOFallbacks != 0 {
					t.Errorf("counted %+v, want one to the source port", n)
				}
			})
		}
	}
}

// Of many peers each flow has its source port, whichever peer it goes to; those without a number have the first.
func TestUDPSourcePortOfFlows(t *testing.T) {
	for _, c := range sourceAddresses {
		t.Run(c.name, func(t *testing.T) {
			const ports = 5
			var dev Device
			var peer net.PacketConn
			in(t, namespace(t), func() (err error) {
				if peer, err = net.ListenPacket("udp", c.peer); err != nil {
					return err
				}
				dev, err = OpenUDP(UDPConfig{Local: netip.MustParseAddrPort(c.local), SourcePorts: ports, Entropy: 7})
				return err
			})
			closing(t, dev)
			defer peer.Close()
			to, err := PeerOf(netip.MustParseAddrPort(c.peer))
			if err != nil {
				t.Fatal(err)
			}
			var frames [][]byte
			var flows []uint8
			for i := range 200 {
				flows = append(flows, uint8(i*i))
				p := to.Flow(flows[i])
				frames = append(frames, append(p[:], byte(i)))
				if p.Host() != to.Host() || p.Hash() != to.Hash() || p.AddrPort() != to.AddrPort() {
					t.Errorf("flow %d is elsewhere: %v", flows[i], p.AddrPort())
				}
			}
			transmitAll(t, dev, frames)
			last := map[int]int{}
			buf := make([]byte, 2000)
			for range frames { // the sockets' order among each other is the loopback interface's
				n, from, err := peer.ReadFrom(buf)
				if err != nil || n != 1 {
					t.Fatal(n, err)
				}
				port, i := from.(*net.UDPAddr).Port, int(buf[0])
				if want := firstSourcePort + 7 + int(flows[i])%ports*sourceStep; port != want {
					t.Errorf("flow %d from port %d, want %d", flows[i], port, want)
				}
				if before, ok := last[port]; ok && before > i {
					t.Errorf("port %d: frame %d after %d", port, i, before)
				}
				last[port] = i
			}
			if len(last) != ports {
				t.Errorf("%d source ports", len(last))
			}
		})
	}
}

// A port that another program has is left to it, and the device that takes another's place has the same port.
func TestUDPSourcePortTaken(t *testing.T) {
	in(t, namespace(t), func() error {
		other, err := net.ListenPacket("udp", fmt.Sprint("127.0.0.1:", firstSourcePort+5))
		if err != nil {
			return err
		}
		defer other.Close()
		cfg := UDPConfig{Local: netip.MustParseAddrPort("127.0.0.1:6635"), Remote: netip.MustParseAddrPort("127.0.0.2:6635"), SourcePorts: 1, Entropy: 5}
		for range 3 {
			dev, err := OpenUDP(cfg)
			if err != nil {
				return err
			}
			closing(t, dev)
			if port := dev.(*udp).out.sockets[0].port; port != firstSourcePort+6 {
				t.Errorf("port %d, want %d", port, firstSourcePort+6)
			}
			if cfg.Replaces != nil {
				_ = cfg.Replaces.Close()
			}
			cfg.Replaces = dev
		}
		return nil
	})
}

// What the kernel tells of datagrams that left by a source port is counted, and wakes nobody for ever.
func TestUDPSourcePortReports(t *testing.T) {
	var dev Device
	in(t, namespace(t), func() (err error) {
		dev, err = OpenUDP(UDPConfig{Local: netip.MustParseAddrPort("127.0.0.1:1001"), Remote: netip.MustParseAddrPort("127.0.0.1:1002"), SourcePorts: 1})
		return err
	})
	closing(t, dev)
	const sent = 5
	for range sent { // each tells of the one before
		transmitAll(t, dev, [][]byte{etherFrame(60, 1)})
	}
	for deadline := time.Now().Add(patience); dev.Counters().PeerRefused < sent; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("counted %+v", dev.Counters())
		}
	}
	for _, fd := range []int{dev.FD(), dev.Info().Room()} {
		if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0); n != 0 || err != nil {
			t.Errorf("it would wake: %d, %v", n, err)
		}
	}
	if c := dev.Counters(); c.PeerRefused != sent || c.TxFrames != sent || c.TxDropped() != 0 {
		t.Errorf("%+v", c)
	}
}

// Room tells of the socket that is full: here one whose datagrams wait for an address to be resolved.
func TestUDPSourcePortBackpressure(t *testing.T) {
	a, b := vethPair(t, 1500)
	var tx Device
	in(t, a, func() (err error) {
		if err := link.AddAddr("va", netip.MustParsePrefix("10.9.0.1/24")); err != nil {
			return err
		}
		tx, err = OpenUDP(UDPConfig{Local: netip.MustParseAddrPort("10.9.0.1:9"), SourcePorts: 2})
		return err
	})
	closing(t, tx)
	second := tx.(*udp).out.sockets[1].fd
	if err := unix.SetsockoptInt(second, unix.SOL_SOCKET, unix.SO_SNDBUF, 16384); err != nil {
		t.Fatal(err)
	}
	to, err := PeerOf(netip.MustParseAddrPort("10.9.0.2:9"))
	if err != nil {
		t.Fatal(err)
	}
	var frames, payloads [][]byte
	for i := range 100 {
		p := to.Flow(uint8(min(i, 1)))
		payloads = append(payloads, etherFrame(1400, i))
		frames = append(frames, append(p[:], payloads[i]...))
	}
	n, err := tx.Transmit(frames)
	if n < 2 || n >= len(frames) || err != nil {
		t.Fatalf("Transmit into a full socket = %d, %v", n, err)
	}
	if fd := tx.Info().Room(); fd != second {
		t.Errorf("room is at descriptor %d, want %d", fd, second)
	}
	var rx Device
	in(t, b, func() (err error) {
		if err := link.AddAddr("vb", netip.MustParsePrefix("10.9.0.2/24")); err != nil {
			return err
		}
		rx, err = OpenUDP(UDPConfig{Local: netip.MustParseAddrPort("10.9.0.2:9"), Remote: netip.MustParseAddrPort("10.9.0.1:9"), AnySourcePort: true})
		return err
	})
	closing(t, rx)
	transmitAll(t, tx, frames[n:])
	equalFrames(t, receiveN(t, rx, 100), payloads)
	if c := tx.Counters(); c.TxFrames != 100 || c.TxDropped() != 0 {
		t.Errorf("counted %+v, want 100 sent and none lost", c)
	}
}

func TestUDPSourcePortAllocatesNothing(t *testing.T) {
	for _, gso := range []GSO{GSOOff, GSOOn} {
		var dev [2]Device
		in(t, namespace(t), func() (err error) {
			addrs := [2]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:6635"), netip.MustParseAddrPort("127.0.0.2:6635")}
			for i := range dev {
				if dev[i], err = OpenUDP(UDPConfig{Local: addrs[i], Remote: addrs[1-i], AnySourcePort: true, SourcePorts: 1, GSO: gso}); err != nil {
					return err
				}
				closing(t, dev[i])
			}
			return nil
		})
		frames, bufs, room := buffers(4, 1000), buffers(4, 2000), buffers(4, 2000)
		noAllocation(t, func() {
			_, _ = dev[0].Transmit(frames)
			copy(bufs, room)
			_, _ = dev[1].Receive(bufs)
		})
	}
}

func TestUDPSourcePortsRefused(t *testing.T) {
	for _, n := range []int{-1, MaxSourcePorts + 1} {
		if dev, err := OpenUDP(UDPConfig{Local: netip.MustParseAddrPort("127.0.0.1:6635"), SourcePorts: n}); err == nil {
			t.Errorf("%d source ports were opened", n)
			_ = dev.Close()
		}
	}
}
