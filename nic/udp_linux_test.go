package nic

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/cellhub/cellhub/nic/link"
	"golang.org/x/sys/unix"
)

// udpPair opens two devices that are each other's peer, on the loopback of a fresh namespace.
func udpPair(t testing.TB, ns *link.Namespace, a, b string, maxFrame int) (Device, Device) {
	t.Helper()
	return udpPairGSO(t, ns, a, b, maxFrame, GSOOn)
}

func udpPairGSO(t testing.TB, ns *link.Namespace, a, b string, maxFrame int, gso GSO) (Device, Device) {
	t.Helper()
	var devs [2]Device
	in(t, ns, func() (err error) {
		addrs := [2]netip.AddrPort{netip.MustParseAddrPort(a), netip.MustParseAddrPort(b)}
		for i := range devs {
			devs[i], err = OpenUDP(UDPConfig{Local: addrs[i], Remote: addrs[1-i], MaxFrame: maxFrame, GSO: gso})
			if err != nil {
				return err
			}
			closing(t, devs[i])
		}
		return nil
	})
	return devs[0], devs[1]
}

func TestUDPBothWays(t *testing.T) {
	for _, addrs := range [][2]string{
		{"127.0.0.1:6635", "127.0.0.2:6635"},
		{"[::1]:6635", "[::1]:6636"},
		{"[::ffff:127.0.0.1]:6637", "127.0.0.3:6637"},
	} {
		a, b := udpPair(t, namespace(t), addrs[0], addrs[1], 9180)
		var frames [][]byte
		for size := range 9181 {
			if size == 0 && addrs[0][:3] == "[::" && addrs[0][:4] != "[::f" {
				continue // refused with those without checksum
			}
			if size < 1600 || size > 9100 {
				frames = append(frames, etherFrame(max(size, ethernetHeader), size)[:size])
			}
		}
		for _, ends := range [][2]Device{{a, b}, {b, a}} {
			for batch := range slices.Chunk(frames, 100) {
				transmitAll(t, ends[0], batch)
				equalFrames(t, receiveN(t, ends[1], len(batch)), batch)
			}
			if tx, rx := ends[0].Counters(), ends[1].Counters(); tx.TxFrames != rx.RxFrames || tx.TxOctets != rx.RxOctets || rx.RxDropped() != 0 {
				t.Errorf("%v: sent %+v, received %+v", addrs, tx, rx)
			}
		}
	}
}

func TestUDPTruncation(t *testing.T) {
	a, b := udpPair(t, namespace(t), "127.0.0.1:1", "127.0.0.1:2", 100)
	frames := [][]byte{etherFrame(50, 0), etherFrame(51, 1), etherFrame(49, 2), etherFrame(90, 3), etherFrame(50, 4)}
	transmitAll(t, a, frames)
	waitFor(t, b, unix.POLLIN)
	bufs := buffers(10, 50)
	n, err := b.Receive(bufs)
	if err != nil {
		t.Fatal(err)
	}
	equalFrames(t, bufs[:n], [][]byte{frames[0], frames[2], frames[4]})
	if c := b.Counters(); c.RxTruncated != 2 || c.RxFrames != 3 {
		t.Errorf("counted %+v, want 2 truncated and 3 frames", c)
	}
}

func TestUDPTooLong(t *testing.T) {
	ns := namespace(t)
	in(t, ns, func() error { return link.SetMTU("lo", 1500) })
	a, b := udpPair(t, ns, "127.0.0.1:1", "127.0.0.1:2", 0)
	if got := a.Info().MaxFrame; got != 1472 {
		t.Errorf("MaxFrame over an MTU of 1500 is %d, want 1472", got)
	}
	frames := [][]byte{make([]byte, 1472), make([]byte, 1473), {1}, make([]byte, 1<<17), {2}}
	if n, err := a.Transmit(frames); n != len(frames) || err != nil {
		t.Fatalf("Transmit = %d, %v", n, err)
	}
	equalFrames(t, receiveN(t, b, 3), [][]byte{frames[0], frames[2], frames[4]})
	if c := a.Counters(); c.TxTooLong != 2 || c.TxFrames != 3 {
		t.Errorf("counted %+v, want 2 too long and 3 sent", c)
	}
	c, _ := udpPair(t, ns, "[::1]:1", "[::1]:2", 0)
	if got := c.Info().MaxFrame; got != 1452 {
		t.Errorf("IPv6 MaxFrame over an MTU of 1500 is %d, want 1452", got)
	}
}

func TestUDPPeerAwayAndBack(t *testing.T) {
	ns := namespace(t)
	a, b := udpPair(t, ns, "127.0.0.1:1", "127.0.0.1:2", 100)
	_ = b.Close()
	frames := buffers(200, 10)
	if n, err := a.Transmit(frames); n != 200 || err != nil {
		t.Fatalf("Transmit to nobody = %d, %v", n, err)
	}
	if n, err := a.Receive(buffers(4, 100)); n != 0 || err != nil {
		t.Errorf("Receive with a refusal pending = %d, %v", n, err)
	}
	if c := a.Counters(); c.PeerRefused == 0 || c.TxFrames != 200 || c.TxDropped() != 0 {
		t.Errorf("counted %+v, want refusals and 200 frames sent", c)
	}
	in(t, ns, func() (err error) {
		b, err = OpenUDP(UDPConfig{Local: netip.MustParseAddrPort("127.0.0.1:2"), Remote: netip.MustParseAddrPort("127.0.0.1:1")})
		return err
	})
	closing(t, b)
	transmitAll(t, a, frames)
	equalFrames(t, receiveN(t, b, 200), frames)
}

func TestUDPUnreachable(t *testing.T) {
	a, b := vethPair(t, 1500)
	in(t, a, func() error { return link.AddAddr("va", netip.MustParsePrefix("10.9.0.1/24")) })
	in(t, b, func() error { return link.AddAddr("vb", netip.MustParsePrefix("10.9.0.2/24")) })
	var dev Device
	in(t, a, func() (err error) {
		dev, err = OpenUDP(UDPConfig{Remote: netip.MustParseAddrPort("10.9.0.2:9")})
		closing(t, dev)
		return errors.Join(err, link.Down("va"))
	})
	if n, err := dev.Transmit(buffers(5, 10)); n != 5 || err != nil {
		t.Errorf("Transmit without a route = %d, %v", n, err)
	}
	if c := dev.Counters(); c.TxUnreachable != 5 || c.TxFrames != 0 {
		t.Errorf("counted %+v, want 5 unreachable", c)
	}
}

// TestUDPBackpressure fills the socket with frames that wait for the peer's address to be resolved, which nobody
// answers for until the peer gets it.
func TestUDPBackpressure(t *testing.T) {
	a, b := vethPair(t, 1500)
	var tx, rx Device
	in(t, a, func() (err error) {
		if err := link.AddAddr("va", netip.MustParsePrefix("10.9.0.1/24")); err != nil {
			return err
		}
		tx, err = OpenUDP(UDPConfig{Local: netip.MustParseAddrPort("10.9.0.1:9"), Remote: netip.MustParseAddrPort("10.9.0.2:9")})
		return err
	})
	closing(t, tx)
	if err := unix.SetsockoptInt(tx.FD(), unix.SOL_SOCKET, unix.SO_SNDBUF, 16384); err != nil {
		t.Fatal(err)
	}
	frames := make([][]byte, 100)
	for i := range frames {
		frames[i] = etherFrame(1400, i)
	}
	n, err := tx.Transmit(frames)
	if n == 0 || n >= len(frames) || err != nil {
		t.Fatalf("Transmit into a full socket = %d, %v", n, err)
	}
	if again, err := tx.Transmit(frames[n:]); again != 0 || err != nil {
		t.Fatalf("Transmit while full = %d, %v, want 0", again, err)
	}
	in(t, b, func() (err error) {
		if err := link.AddAddr("vb", netip.MustParsePrefix("10.9.0.2/24")); err != nil {
			return err
		}
		rx, err = OpenUDP(UDPConfig{Local: netip.MustParseAddrPort("10.9.0.2:9"), Remote: netip.MustParseAddrPort("10.9.0.1:9")})
		return err
	})
	closing(t, rx)
	transmitAll(t, tx, frames[n:])
	equalFrames(t, receiveN(t, rx, 100), frames)
	if c := tx.Counters(); c.TxFrames != 100 || c.TxDropped() != 0 {
		t.Errorf("counted %+v, want 100 sent and none lost", c)
	}
}

func TestUDPOverrun(t *testing.T) {
	a, b := udpPairGSO(t, namespace(t), "127.0.0.1:1", "127.0.0.1:2", 1400, GSOOff) // the kernel counts a train as one
	_ = unix.SetsockoptInt(b.FD(), unix.SOL_SOCKET, unix.SO_RCVBUF, 8192)
	transmitAll(t, a, buffers(300, 1400))
	got := 0
	for {
		n, err := b.Receive(buffers(64, 1400))
		if err != nil {
			t.Fatal(err)
		}
		if got += n; n == 0 {
			break
		}
	}
	if c := b.Counters(); c.RxOverrun == 0 || c.RxOverrun+uint64(got) != 300 || b.Counters().RxOverrun != c.RxOverrun {
		t.Errorf("received %d and counted %d overruns, want 300 together", got, c.RxOverrun)
	}
}

func TestUDPRefuses(t *testing.T) {
	ns := namespace(t)
	for name, c := range map[string]struct {
		local, remote string
		frame         int
		want          error
	}{
		"no port":     {remote: "127.0.0.1:0"},
		"unspecified": {remote: "0.0.0.0:5"},
		"families":    {local: "127.0.0.1:1", remote: "[::1]:5"},
		"frame":       {remote: "127.0.0.1:5", frame: 65508},
		"zone":        {remote: "[fe80::1%nothing0]:5", want: ErrNoInterface},
		"in use":      {local: "127.0.0.1:777", remote: "127.0.0.1:5", want: ErrAddressInUse},
		"not local":   {local: "192.0.2.1:1", remote: "192.0.2.2:5", want: unix.EADDRNOTAVAIL},
		"no route":    {remote: "192.0.2.2:5", want: unix.ENETUNREACH},
	} {
		in(t, ns, func() error {
			holder, err := OpenUDP(UDPConfig{Local: netip.MustParseAddrPort("127.0.0.1:777"), Remote: netip.MustParseAddrPort("127.0.0.1:5")})
			if err != nil {
				return err
			}
			defer holder.Close()
			cfg := UDPConfig{MaxFrame: c.frame}
			if c.local != "" {
				cfg.Local = netip.MustParseAddrPort(c.local)
			}
			if c.remote != "" {
				cfg.Remote = netip.MustParseAddrPort(c.remote)
			}
			dev, err := OpenUDP(cfg)
			if err == nil {
				_ = dev.Close()
			}
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%s: got error %v, want %v", name, err, c.want)
			}
			return nil
		})
	}
}

func TestUDPAllocatesNothing(t *testing.T) {
	a, b := udpPair(t, namespace(t), "127.0.0.1:1", "127.0.0.1:2", 1472)
	frames, bufs, room := buffers(100, 1472), make([][]byte, 64), buffers(64, 2048)
	noAllocation(t, func() {
		_, _ = a.Transmit(frames)
		for got := 0; got < len(frames); {
			copy(bufs, room)
			n, err := b.Receive(bufs)
			if err != nil {
				t.Fatal(err)
			}
			got += n
		}
		b.Counters()
	})
}

func TestUDPClosed(t *testing.T) {
	a, _ := udpPair(t, namespace(t), "127.0.0.1:1", "127.0.0.1:2", 100)
	if err := errors.Join(a.Close(), a.Close()); err != nil {
		t.Fatal(err)
	}
	checkClosed(t, a)
}

// checkClosed checks what every closed device must say.
func checkClosed(t *testing.T, dev Device) {
	t.Helper()
	if n, err := dev.Receive(buffers(1, 100)); n != 0 || !errors.Is(err, ErrGone) {
		t.Errorf("Receive = %d, %v, want ErrGone", n, err)
	}
	before := dev.Counters().TxDown
	if n, err := dev.Transmit([][]byte{bytes.Repeat([]byte{1}, 60)}); n != 1 || !errors.Is(err, ErrGone) || dev.Counters().TxDown != before+1 {
		t.Errorf("Transmit = %d, %v, want ErrGone and one frame counted", n, err)
	}
	dev.Release()
}
