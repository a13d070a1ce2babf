package nic

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// Each frame arrives with the mark it was given, in order: single datagrams and
// trains, connected or not, from a source port or not, given out one by one, lent or copied.
func TestUDPMarks(t *testing.T) {
	for _, c := range []struct {
		name, a, b string
	}{{"IPv4", "127.0.0.1:6635", "127.0.0.2:6636"}, {"IPv6", "[::1]:6635", "[::1]:6636"}} {
		for _, variant := range []UDPConfig{
			{GSO: GSOOff}, {GSO: GSOOn}, {GSO: GSOOn, Lends: true},
			{GSO: GSOOff, AnySourcePort: true}, {GSO: GSOOn, AnySourcePort: true, SourcePorts: 1}, {GSO: GSOOff, AnySourcePort: true, SourcePorts: 1},
		} {
			t.Run(fmt.Sprintf("%s/super-frames %v, lends %v, any port %v, source ports %d", c.name, variant.GSO, variant.Lends, variant.AnySourcePort, variant.SourcePorts), func(t *testing.T) {
				r := random(t)
				var dev [2]Device
				in(t, namespace(t), func() (err error) {
					at := [2]netip.AddrPort{netip.MustParseAddrPort(c.a), netip.MustParseAddrPort(c.b)}
					for i := range dev {
						cfg := variant
						cfg.Local, cfg.Remote, cfg.Marks, cfg.TrafficClass, cfg.MaxFrame = at[i], at[1-i], true, 46<<2, 1472
						if dev[i], err = OpenUDP(cfg); err != nil {
							return err
						}
						closing(t, dev[i])
					}
					return nil
				})
				tx, rx := dev[0].(Marker), dev[1].(Marker)
				for range 20 {
					frames := randomFrames(r, 1+r.IntN(60))
					for i := range frames {
						frames[i] = append(frames[i], 1)[:max(len(frames[i]), 1)] // an empty one says nothing
					}
					ecn := make([]uint8, len(frames))
					for i := range ecn {
						if ecn[i] = uint8(r.IntN(4)); i > 0 && r.IntN(3) > 0 {
							ecn[i] = ecn[i-1]
						}
					}
					marked := r.IntN(len(ecn)) + 1 // the others have none
					clear(ecn[marked:])
					tx.Mark(ecn[:marked])
					for sent := 0; sent < len(frames); {
						n, err := dev[0].Transmit(frames[sent:])
						if err != nil {
							t.Fatal(err)
						}
						if sent += n; sent < len(frames) {
							waitFor(t, dev[0], 4)
							tx.Mark(ecn[sent:])
						}
					}
					var got []uint8
					bufs := buffers(groBatch, 2048)
					for len(got) < len(frames) {
						room := slices.Clone(bufs)
						n, err := dev[1].Receive(room)
						if err != nil {
							t.Fatal(err)
						}
						got = append(got, rx.Marks()[:n]...)
						dev[1].Release()
						if n == 0 {
							waitFor(t, dev[1], 1)
						}
					}
					if !slices.Equal(got, ecn) {
						t.Fatalf("sent %v, received %v", ecn, got)
					}
				}
				if n := dev[0].Counters(); n.GSOFallbacks+n.TxDropped() != 0 {
					t.Errorf("counted %+v", n)
				}
			})
		}
	}
}

// A frame may have another DSCP than its device, with super-frames and without: the far end's kernel sees it.
func TestUDPMarksDSCP(t *testing.T) {
	for _, gso := range []GSO{GSOOff, GSOOn} {
		for _, hosts := range [][2]string{{"127.0.0.1:6635", "127.0.0.2:6635"}, {"[::1]:6635", "[::1]:6636"}} {
			var dev Device
			var fd int
			in(t, namespace(t), func() (err error) {
				local, remote := netip.MustParseAddrPort(hosts[0]), netip.MustParseAddrPort(hosts[1])
				if dev, err = OpenUDP(UDPConfig{Local: local, Remote: remote, Marks: true, TrafficClass: 46 << 2, GSO: gso}); err != nil {
					return err
				}
				closing(t, dev)
				fd, err = plainSocket(t, remote)
				return err
			})
			m := dev.(Marker)
			if m.Class() != 46<<2 {
				t.Fatalf("class %#x", m.Class())
			}
			want := []uint8{46 << 2, 46 << 2, 10<<2 | ECT0, 10<<2 | ECT0, 0, 46<<2 | CE, 63 << 2}
			differs := make([]uint8, len(want))
			for i := range want {
				differs[i] = want[i] ^ m.Class()
			}
			frames := buffers(len(want), 900)
			m.Mark(differs)
			if n, err := dev.Transmit(frames); n != len(want) || err != nil {
				t.Fatalf("sent %d, %v", n, err)
			}
			var got []uint8
			for range want {
				got = append(got, classOf(t, fd))
			}
			if !slices.Equal(got, want) {
				t.Errorf("super-frames %v, %s: traffic classes %x, want %x", gso, hosts[0], got, want)
			}
		}
	}
}

// plainSocket is a UDP socket that is told of traffic classes.
func plainSocket(t *testing.T, at netip.AddrPort) (int, error) {
	family, level, option := unix.AF_INET, unix.IPPROTO_IP, unix.IP_RECVTOS
	var name unix.Sockaddr = &unix.SockaddrInet4{Port: int(at.Port()), Addr: [4]byte(at.Addr().AsSlice())}
	if at.Addr().Is6() {
		family, level, option = unix.AF_INET6, unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS
		name = &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()}
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd, errors.Join(unix.SetsockoptInt(fd, level, option, 1), unix.Bind(fd, name))
}

// classOf receives a datagram and gives its traffic class.
func classOf(t *testing.T, fd int) uint8 {
	t.Helper()
	control := make([]byte, 64)
	_, n, _, _, err := unix.Recvmsg(fd, make([]byte, 2048), control, 0)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(parts) != 1 {
		t.Fatalf("%d control messages, %v", len(parts), err)
	}
	return parts[0].Data[0]
}

// With marks a frame costs no allocation either.
func TestUDPMarksAllocateNothing(t *testing.T) {
	for _, gso := range []GSO{GSOOff, GSOOn} {
		var dev [2]Device
		in(t, namespace(t), func() (err error) {
			at := [2]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:6635"), netip.MustParseAddrPort("127.0.0.2:6635")}
			for i := range dev {
				if dev[i], err = OpenUDP(UDPConfig{Local: at[i], Remote: at[1-i], Marks: true, GSO: gso}); err != nil {
					return err
				}
				closing(t, dev[i])
			}
			return nil
		})
		frames, bufs, room := buffers(6, 1000), buffers(6, 2000), buffers(6, 2000)
		ecn := []uint8{0, 2, 2, 3, 1, 1}
		noAllocation(t, func() {
			dev[0].(Marker).Mark(ecn)
			_, _ = dev[0].Transmit(frames)
			copy(bufs, room)
			_, _ = dev[1].Receive(bufs)
		})
	}
}
