package nic

import (
	"net"
	"net/netip"
	"testing"
)

// TestUDPAnySourcePort sends from the peer's port, from another port of its host, and from another host: the first two
// are taken, the third is counted.
func TestUDPAnySourcePort(t *testing.T) {
	for _, c := range []struct{ local, peer, otherPort, otherHost string }{
		{"127.0.0.1:6635", "127.0.0.2:6635", "127.0.0.2:50001", "127.0.0.3:6635"},
		{"[::1]:6635", "[::1]:6636", "[::1]:50001", ""},
	} {
		ns := namespace(t)
		var dev Device
		senders := map[string]net.Conn{}
		in(t, ns, func() (err error) {
			dev, err = OpenUDP(UDPConfig{Local: netip.MustParseAddrPort(c.local), Remote: netip.MustParseAddrPort(c.peer), MaxFrame: 1500, AnySourcePort: true})
			if err != nil {
				return err
			}
			closing(t, dev)
			for _, from := range []string{c.peer, c.otherPort, c.otherHost} {
				if from == "" {
					continue
				}
				d := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(netip.MustParseAddrPort(from))}
				conn, err := d.Dial("udp", c.local)
				if err != nil {
					return err
				}
				t.Cleanup(func() { _ = conn.Close() })
				senders[from] = conn
			}
			return nil
		})
		var want [][]byte
		for i, from := range []string{c.otherHost, c.peer, c.otherPort, c.otherHost, c.peer} {
			if from == "" {
				continue
			}
			frame := etherFrame(60+i, i)
			if _, err := senders[from].Write(frame); err != nil {
				t.Fatal(err)
			}
			if from != c.otherHost {
				want = append(want, frame)
			}
		}
		equalFrames(t, receiveN(t, dev, len(want)), want)
		foreign := uint64(0)
		if c.otherHost != "" {
			foreign = 2
		}
		if n := dev.Counters().RxForeign; n != foreign {
			t.Errorf("%s: %d foreign frames counted, want %d", c.local, n, foreign)
		}

		// What is sent goes to the peer, from the local port.
		transmitAll(t, dev, want)
		buf := make([]byte, 2000)
		for _, frame := range want {
			n, err := senders[c.peer].Read(buf)
			if err != nil || n != len(frame) {
				t.Errorf("%s: the peer read %d octets, %v", c.local, n, err)
			}
		}
	}
}

// TestUDPAnySourcePortKeepsItsPort lets the kernel choose the local port.
func TestUDPAnySourcePortKeepsItsPort(t *testing.T) {
	ns := namespace(t)
	in(t, ns, func() error {
		peer, err := net.ListenPacket("udp", "127.0.0.2:6635")
		if err != nil {
			return err
		}
		defer peer.Close()
		dev, err := OpenUDP(UDPConfig{Remote: netip.MustParseAddrPort("127.0.0.2:6635"), AnySourcePort: true})
		if err != nil {
			return err
		}
		closing(t, dev)
		transmitAll(t, dev, [][]byte{etherFrame(60, 1)})
		buf := make([]byte, 100)
		_, from, err := peer.ReadFrom(buf)
		if err != nil {
			return err
		}
		if _, err := peer.WriteTo(buf[:60], from); err != nil {
			return err
		}
		receiveN(t, dev, 1)
		return nil
	})
}

func TestUDPAnySourcePortAllocatesNothing(t *testing.T) {
	ns := namespace(t)
	var dev [2]Device
	in(t, ns, func() (err error) {
		addrs := [2]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:6635"), netip.MustParseAddrPort("127.0.0.2:6635")}
		for i := range dev {
			if dev[i], err = OpenUDP(UDPConfig{Local: addrs[i], Remote: addrs[1-i], AnySourcePort: true}); err != nil {
				return err
			}
			closing(t, dev[i])
		}
		return nil
	})
	frames := [][]byte{etherFrame(60, 1), etherFrame(1000, 2)}
	bufs := buffers(4, 2000)
	room := buffers(4, 2000)
	if n := testing.AllocsPerRun(100, func() {
		_, _ = dev[0].Transmit(frames)
		copy(bufs, room)
		_, _ = dev[1].Receive(bufs)
	}); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
}
