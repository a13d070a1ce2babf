package nic

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"testing"
)

// toPeer is a frame of a device with many peers.
func toPeer(t testing.TB, to string, payload []byte) []byte {
	t.Helper()
	p, err := PeerOf(netip.MustParseAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	return append(p[:], payload...)
}

// One socket and twenty peers: each gets what is for it, and what comes says from whom.
func TestUDPManyPeers(t *testing.T) {
	for _, c := range []struct{ hub, spoke string }{{"127.0.0.1:6635", "127.0.1.%d:%d"}, {"[::1]:6635", "[::1]:%d"}} {
		ns := namespace(t)
		var hub Device
		spokes := make([]Device, 20)
		addr := func(i int) string {
			if c.hub[0] == '[' {
				return fmt.Sprintf(c.spoke, 7000+i)
			}
			return fmt.Sprintf(c.spoke, i+1, 7000+i)
		}
		in(t, ns, func() (err error) {
			at := netip.MustParseAddrPort(c.hub)
			if hub, err = OpenUDP(UDPConfig{Local: at}); err != nil {
				return err
			}
			closing(t, hub)
			for i := range spokes {
				if spokes[i], err = OpenUDP(UDPConfig{Local: netip.MustParseAddrPort(addr(i)), Remote: at}); err != nil {
					return err
				}
				closing(t, spokes[i])
			}
			return nil
		})
		var down [][]byte
		for i := range spokes {
			down = append(down, toPeer(t, addr(i), []byte{byte(i), 1, 2, 3}))
		}
		transmitAll(t, hub, down)
		for i, s := range spokes {
			equalFrames(t, receiveN(t, s, 1), [][]byte{{byte(i), 1, 2, 3}})
			transmitAll(t, s, [][]byte{{byte(i), 4}, {byte(i)}})
		}
		var want []string
		for i := range spokes {
			want = append(want, fmt.Sprintln(addr(i), []byte{byte(i), 4}), fmt.Sprintln(addr(i), []byte{byte(i)}))
		}
		var got []string
		for _, frame := range receiveN(t, hub, len(want)) {
			got = append(got, fmt.Sprintln(Peer(frame).AddrPort(), frame[PeerBytes:]))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
		if n := hub.Counters(); n.RxFrames != 40 || n.RxOctets != 60 || n.TxFrames != 20 || n.TxOctets != 80 {
			t.Errorf("counted %+v", n)
		}
	}
}

// A host is the same peer from whatever port its datagrams come, and wherever the frame
// lay before.
func TestPeerHost(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1:1", "192.0.2.1:65535", true},
		{"192.0.2.1:1", "192.0.2.2:1", false},
		{"[2001:db8::1]:1", "[2001:db8::1]:2", true},
		{"[2001:db8::1]:1", "[2001:db8::2]:1", false},
		{"[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false},
		{"[fe80::1%1]:1", "[fe80::1%2]:1", false},
		{"[::ffff:192.0.2.1]:1", "192.0.2.1:1", true},
	} {
		a, b := Peer(toPeer(t, c.a, nil)), Peer(toPeer(t, c.b, nil))
		if a.is6() { // as the kernel may fill it
			copy(a[4:8], "flow")
		} else {
			copy(a[16:], "left from before")
		}
		if same := a.Host() == b.Host(); same != c.same {
			t.Errorf("%s and %s are one host: %v", c.a, c.b, same)
		}
		if c.same && a.Hash() != b.Hash() {
			t.Errorf("%s and %s hash to %x and %x", c.a, c.b, a.Hash(), b.Hash())
		}
	}
	if got := Peer(toPeer(t, "[fe80::1%7]:5", nil)).AddrPort().String(); got != "[fe80::1%7]:5" {
		t.Errorf("printed as %s", got)
	}
	if _, err := PeerOf(netip.MustParseAddrPort("[fe80::1%nosuch]:5")); err == nil {
		t.Error("a zone that there is not")
	}
}

func TestUDPManyPeersAllocatesNothing(t *testing.T) {
	ns := namespace(t)
	var a, b Device
	in(t, ns, func() (err error) {
		if a, err = OpenUDP(UDPConfig{Local: netip.MustParseAddrPort("127.0.0.1:6635")}); err != nil {
			return err
		}
		closing(t, a)
		b, err = OpenUDP(UDPConfig{Local: netip.MustParseAddrPort("127.0.0.2:6635")})
		return err
	})
	closing(t, b)
	frames := [][]byte{toPeer(t, "127.0.0.2:6635", bytes.Repeat([]byte{1}, 100))}
	bufs, room := make([][]byte, 8), buffers(8, 200)
	if n := testing.AllocsPerRun(100, func() {
		if n, err := a.Transmit(frames); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		copy(bufs, room)
		if n, err := b.Receive(bufs); n != 1 || err != nil || len(bufs[0]) != PeerBytes+100 {
			t.Fatal(n, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestUDPManyPeersRefuses(t *testing.T) {
	if dev, err := OpenUDP(UDPConfig{}); err == nil {
		_ = dev.Close()
		t.Error("neither local nor remote was taken")
	}
}
