package modules

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/nic"
	"github.com/cellhub/cellhub/nic/link"
)

// cable is a veth with an MPLS device at either end.
type cable struct {
	near, far     nic.Device
	nearAt, farAt [6]byte
}

// newCable makes the veth in namespaces of its own.
func newCable(t testing.TB, idle int) (c cable, others []nic.Device) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a network namespace")
	}
	var ns [2]*link.Namespace
	for i := range ns {
		var err error
		if ns[i], err = link.NewNamespace(""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = ns[i].Close() })
	}
	open := func(name string) (dev nic.Device, at [6]byte, err error) {
		state, err := link.Get(name)
		if err == nil {
			at = [6]byte(state.HardwareAddr)
			dev, err = nic.OpenPacket(nic.PacketConfig{Interface: name, EtherType: EtherTypeMPLS, RxRing: 4 << 20, GSO: nic.GSOOff})
		}
		return dev, at, err
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(ns[0].Do(func() error {
		_ = os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0) // it would talk on its own
		return errors.Join(link.AddVeth(link.Veth{Name: "near", Peer: "far", MTU: 1600, PeerIn: ns[1]}), link.Up("near"), link.Up("lo"))
	}))
	must(ns[1].Do(func() (err error) {
		if err := errors.Join(link.Up("far"), link.WaitRunning(t.Context(), "far")); err != nil {
			return err
		}
		c.far, c.farAt, err = open("far")
		return err
	}))
	t.Cleanup(func() { _ = c.far.Close() })
	must(ns[0].Do(func() (err error) {
		if c.near, c.nearAt, err = open("near"); err != nil {
			return err
		}
		for i := range idle {
			at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 1, byte(i)}), 6635)
			dev, err := nic.OpenUDP(nic.UDPConfig{Local: at, Remote: netip.MustParseAddrPort("127.0.0.1:6635"), MaxFrame: 1500, GSO: nic.GSOOff})
			if err != nil {
				return err
			}
			others = append(others, dev)
		}
		return nil
	}))
	return c, others
}

// onCable is a rig whose carrier is on a veth, with so many ports and a sink above a VC of each.
func onCable(t testing.TB, ports, idle int) (*carrierRig, cable) {
	t.Helper()
	c, others := newCable(t, idle)
	r := newCarrierRigOf(t, CarrierConfig{Device: c.near, Link: LinkEthernet, Own: c.nearAt}, block.Config{Small: 4096 + 128*idle})
	r.far = c.far
	busy := r.carrier
	for _, dev := range others {
		r.cfg = CarrierConfig{Device: dev}
		if _, err := r.fabric.Build(0, dataplane.Part{Name: "carrier"}); err != nil {
			t.Fatal(err)
		}
	}
	r.carrier = busy
	for i := range ports {
		_, err := r.carrier.AddPort(c.port(i))
		r.must(err)
		s, _ := r.vc(uint32(i), rigVC)
		s.keep = false
	}
	return r, c
}

// port is the i-th pseudowire to the far end.
func (c cable) port(i int) PortConfig {
	p := label(uint32(FirstLabel + i))
	p.Far.Station = c.farAt
	return p
}

// frame is what the far end sends on it.
func (c cable) frame(i int, payload []byte) []byte {
	return frameOf(LinkEthernet, c.port(i), c.nearAt, payload)
}

// 10,000 pseudowires with 65,000 VCs on one interface of the kernel: each is reached, and reaches the far end.
func TestManyVCsOnAVeth(t *testing.T) {
	c, _ := newCable(t, 0)
	r := newCarrierRigOf(t, CarrierConfig{Device: c.near, Link: LinkEthernet, Own: c.nearAt}, block.Config{Small: 2048})
	r.far = c.far
	for i := range manyPorts {
		_, err := r.carrier.AddPort(c.port(i))
		r.must(err)
	}
	sinks := make([]*sink, manyVCs)
	vc := func(i int) aal.VC { return aal.VC{VPI: uint16(i % 4096), VCI: uint16(32 + i%60_000)} }
	for i := range sinks {
		sinks[i], _ = r.vc(uint32(i%manyPorts), vc(i))
	}
	frames := make([][]byte, 0, 64)
	for i := range sinks {
		frames = append(frames, c.frame(i%manyPorts, userCells(vc(i), 1)))
		if len(frames) == cap(frames) || i == manyVCs-1 {
			r.send(frames...)
			frames = frames[:0]
		}
	}
	for i, s := range sinks {
		if s.got != 1 {
			t.Fatalf("VC %d has %d messages; %v", i, s.got, r.carrier.Counts())
		}
	}
	for i, s := range sinks {
		s.put(userCells(vc(i), 1))
		if i%500 < 499 && i < manyVCs-1 {
			continue
		}
		n := 0
		for _, f := range r.sent() {
			n += (len(f) - ethernetHeader - LabelBytes) / aal.CellSize
		}
		if n != i%500+1 {
			t.Fatalf("VCs to %d: %d cells sent", i, n)
		}
	}
}

// side is one of two rigs that take turns.
type side struct {
	*carrierRig
	ports int
	batch [][]byte
	at    int
	hub   float64 // nanoseconds a frame in the hub, of the last turn
	all   float64 // and with the sending
}

func newSide(r *carrierRig, c cable, ports int) *side {
	s := &side{carrierRig: r, ports: ports}
	for range 64 {
		s.batch = append(s.batch, c.frame(0, userCells(rigVC, 28)))
	}
	return s
}

// turn carries so many batches of 64 frames of 28 cells over the veth, to the sinks.
func (s *side) turn(n int) {
	var inHub time.Duration
	start := time.Now()
	for range n {
		for _, frame := range s.batch { // the ports in turn, no two neighbours one after the other
			appendLabel(frame[:ethernetHeader], uint32(FirstLabel+s.at*7919%s.ports), 0, DefaultTTL, true)
			s.at++
		}
		if k, err := s.far.Transmit(s.batch); k != len(s.batch) || err != nil {
			s.t.Fatal(k, err)
		}
		from := time.Now()
		for got := 0; got < len(s.batch); {
			got += s.carrierRig.hub.Pass()
		}
		inHub += time.Since(from)
	}
	frames := float64(64 * n)
	s.all, s.hub = float64(time.Since(start).Nanoseconds())/frames, float64(inHub.Nanoseconds())/frames
}

// compare lets both take turns, and reports the medians of the first's times and of the rounds' ratios.
func compare(b *testing.B, first, second *side) {
	var all, hub, allRatio, hubRatio []float64
	for b.Loop() {
		first.turn(50)
		second.turn(50)
		all, hub = append(all, first.all), append(hub, first.hub)
		allRatio, hubRatio = append(allRatio, second.all/first.all), append(hubRatio, second.hub/first.hub)
	}
	median := func(v []float64) float64 { return slices.Sorted(slices.Values(v))[len(v)/2] }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(all), "ns/frame")
	b.ReportMetric(median(hub), "hub-ns/frame")
	b.ReportMetric(median(allRatio), "x")
	b.ReportMetric(median(hubRatio), "hub-x")
}

// BenchmarkCarrierPortsOnAVeth: a frame of 28 cells from a packet socket over a veth to a VC's sink, with one pseudowire, and
// against it with 100 and 10,000 in turn. The hub's part is from the ring of the socket on.
func BenchmarkCarrierPortsOnAVeth(b *testing.B) {
	for _, n := range []int{100, manyPorts} {
		b.Run(fmt.Sprintf("ports=%d", n), func(b *testing.B) {
			one, c1 := onCable(b, 1, 0)
			many, cn := onCable(b, n, 0)
			compare(b, newSide(one, c1, 1), newSide(many, cn, n))
		})
	}
}

// BenchmarkIdleCarriers: the same with one pseudowire, and 256 idle carriers over UDP beside it, each with a socket.
func BenchmarkIdleCarriers(b *testing.B) {
	alone, ca := onCable(b, 1, 0)
	beside, cb := onCable(b, 1, 256)
	compare(b, newSide(alone, ca, 1), newSide(beside, cb, 1))
}
