package nic

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/cellhub/cellhub/nic/link"
)

// BenchmarkUDPSourcePort sends batches of 64 datagrams into a veth, in turn by the local port and by source ports of their
// own, and gives the median of the rounds' ratios: one peer, single datagrams and trains, and many peers with 16 flows
// in turn.
func BenchmarkUDPSourcePort(b *testing.B) {
	to := netip.MustParseAddrPort("192.0.2.2:6635")
	for _, c := range []struct {
		name string
		size int
		gso  GSO
		many bool
	}{{"one peer, 100 octets", 100, GSOOff, false}, {"one peer, trains of 1400", 1400, GSOOn, false}, {"many peers, 100 octets", 100, GSOOff, true}} {
		b.Run(c.name, func(b *testing.B) {
			near, far := vethPair(b, 1500)
			devs := make([]Device, 2)
			in(b, far, func() error {
				if err := link.AddAddr("vb", netip.MustParsePrefix("192.0.2.2/24")); err != nil {
					return err
				}
				sink, err := OpenUDP(UDPConfig{Local: to})
				if err != nil {
					return err
				}
				closing(b, sink)
				return attachFilter(sink.FD(), refuseAll[:])
			})
			in(b, near, func() (err error) {
				if err := link.AddAddr("va", netip.MustParsePrefix("192.0.2.1/24")); err != nil {
					return err
				}
				for i := range devs {
					cfg := UDPConfig{Local: netip.MustParseAddrPort(fmt.Sprint("192.0.2.1:", 6635+i)), Remote: to, AnySourcePort: true, GSO: c.gso, SourcePorts: i}
					if c.many {
						cfg.Remote, cfg.SourcePorts = netip.AddrPort{}, i*MaxSourcePorts
					}
					if devs[i], err = OpenUDP(cfg); err != nil {
						return err
					}
					closing(b, devs[i])
				}
				return nil
			})
			var frames [][]byte
			for i := range maxBatch {
				frame := make([]byte, c.size)
				if c.many {
					p, err := PeerOf(to)
					if err != nil {
						b.Fatal(err)
					}
					p = p.Flow(uint8(i))
					frame = append(p[:], frame...)
				}
				frames = append(frames, frame)
			}
			var ratios []float64
			for b.Loop() {
				var took [2]time.Duration
				for i, dev := range devs {
					start := time.Now()
					for range 50 {
						if n, err := dev.Transmit(frames); n != len(frames) || err != nil {
							b.Fatal(n, err)
						}
					}
					took[i] = time.Since(start)
				}
				ratios = append(ratios, float64(took[1])/float64(took[0]))
			}
			b.ReportMetric(slices.Sorted(slices.Values(ratios))[len(ratios)/2], "x-one-port")
			if c := devs[1].Counters(); c.TxDropped() != 0 {
				b.Errorf("%+v", c)
			}
		})
	}
}
