package nic

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
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
