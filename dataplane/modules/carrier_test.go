package modules

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/nic"
)

// carrierRig is a carrier on a wire, with a sink above each VC that is opened.
type carrierRig struct {
	t       testing.TB
	now     int64
	arena   *block.Arena
	hub     *dataplane.Hub
	fabric  *dataplane.Fabric
	cfg     CarrierConfig // of the next carrier
	carrier *Carrier
	assoc   dataplane.ProcID
	far     nic.Device
	next    *sink // to be opened
	host    *host // to be opened
}

// sink is the top of a VC's stream in a rig.
type sink struct {
	q      *dataplane.Queue
	got    int
	octets []byte
	keep   bool // copy what comes
}

func (s *sink) module() dataplane.Module {
	return dataplane.Module{
		Name: "sink",
		Open: func(q *dataplane.Queue) error { s.q = q; return nil },
		ReadPut: func(q *dataplane.Queue, m dataplane.Msg) {
			s.got++
			if s.keep {
				s.octets = append(s.octets, q.Hub().Pool.Bytes(m.Block)...)
			}
			q.Hub().Free(m)
		},
	}
}

// put sends octets down a VC's stream.
func (s *sink) put(octets []byte) {
	h := s.q.Hub()
	b := h.Pool.Alloc(len(octets))
	copy(h.Pool.Extend(b, len(octets)), octets)
	s.q.Mate().PutNext(dataplane.Msg{Type: dataplane.Data, Block: b, Len: uint32(len(octets))})
}

func newCarrierRig(t testing.TB, c CarrierConfig) *carrierRig {
	t.Helper()
	return newCarrierRigOf(t, c, block.Config{Small: 1024})
}

func newCarrierRigOf(t testing.TB, c CarrierConfig, blocks block.Config) *carrierRig {
	t.Helper()
	r := &carrierRig{t: t}
	var err error
	if r.cfg = c; c.Device == nil { // and then far is the caller's
		r.cfg.Device, r.far, err = nic.NewWire(nic.WireConfig{MaxFrame: 1600, Depth: 1024})
		r.must(err)
	}
	r.arena, err = block.NewArena(blocks)
	r.must(err)
	r.hub, err = dataplane.NewHub(dataplane.Config{Pool: r.arena.Pool(0), Clock: func() int64 { return r.now }})
	r.must(err)
	var registry dataplane.Registry
	r.must(Register(&registry))
	r.must(registry.Add("carrier", func(string) (dataplane.Module, error) {
		if r.carrier, err = NewCarrier(r.cfg); err != nil {
			return dataplane.Module{}, err
		}
		return r.carrier.Module(), nil
	}))
	r.must(registry.Add("host", func(string) (dataplane.Module, error) { return r.host.module(), nil }))
	r.must(registry.Add("sink", func(string) (dataplane.Module, error) { return r.next.module(), nil }))
	r.fabric, err = dataplane.NewFabric(&registry, r.hub)
	r.must(err)
	ids, err := r.fabric.Build(0, dataplane.Part{Name: "carrier"}, dataplane.Part{Name: "associations", Arg: "carrier"})
	r.must(err)
	r.assoc = ids[1]
	t.Cleanup(func() {
		_ = r.fabric.Close()
		if blocks, views := r.arena.Pool(0).InUse(); blocks != 0 || views != 0 {
			t.Errorf("after close: %d blocks and %d views are out", blocks, views)
		}
		_ = r.arena.Close()
	})
	return r
}

func (r *carrierRig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// vc opens a VC of a port under a sink.
func (r *carrierRig) vc(port uint32, vc aal.VC) (*sink, dataplane.ProcID) {
	r.t.Helper()
	s := &sink{keep: true}
	a, err := r.fabric.Do(dataplane.Command{Number: control.HubPair, A: r.assoc, Arg: fmt.Sprintf("vc 0.%d %s", port, vc)})
	r.must(err)
	r.next = s
	top, err := r.fabric.Do(dataplane.Command{Number: control.HubOpen, Name: "sink"})
	r.must(err)
	_, err = r.fabric.Do(dataplane.Command{Number: control.HubLink, A: a.Number, B: top.Number})
	r.must(err)
	return s, a.Number
}

// pass turns the hub until it has nothing to do.
func (r *carrierRig) pass() {
	for r.hub.Pass() > 0 {
	}
	r.hub.Pass()
}

// send puts frames on the wire and lets the hub take them.
func (r *carrierRig) send(frames ...[]byte) {
	r.t.Helper()
	for len(frames) > 0 {
		n, err := r.far.Transmit(frames)
		r.must(err)
		frames = frames[n:]
		r.pass()
	}
}

// sent is what the hub has sent, copied.
func (r *carrierRig) sent() (frames [][]byte) {
	r.t.Helper()
	r.pass()
	for {
		bufs := make([][]byte, 64)
		for i := range bufs {
			bufs[i] = make([]byte, 2048)
		}
		n, err := r.far.Receive(bufs)
		r.must(err)
		if n == 0 {
			return frames
		}
		frames = append(frames, bufs[:n]...)
		r.far.Release()
	}
}

func (r *carrierRig) counter(name string) uint64 {
	r.t.Helper()
	for _, c := range r.carrier.Counts() {
		if c.Name == name {
			return c.N
		}
	}
	r.t.Fatalf("no counter %q", name)
	return 0
}

// cells is a run of n user cells of a VC.
func userCells(vc aal.VC, n int) []byte {
	run := make([]byte, n*aal.CellSize)
	for i := range n {
		aal.MakeHeader(vc, aal.PTIUser, false).Put(run[i*aal.CellSize:])
		run[i*aal.CellSize+aal.HeaderSize] = byte(i)
	}
	return run
}

// frameOf is what the far end of a port sends.
func frameOf(l Link, c PortConfig, own [6]byte, payload []byte) []byte {
	e := c.Encapsulation
	e.LabelOut = e.LabelIn
	far := c.Far
	link := l.header(nil, far.Station, &Far{Station: own, VLAN: far.VLAN, Peer: far.Peer})
	w := newPseudowire(&e, link)
	f := make([]byte, w.overhead())
	w.put(f, len(payload), false, false, 0)
	return append(f, payload...)
}

func label(in uint32) PortConfig {
	return PortConfig{Encapsulation: Encapsulation{LabelOut: in, LabelIn: in}}
}

var rigVC = aal.VC{VPI: 1, VCI: 100}

// Ports of one carrier are told apart by label, VLAN and peer, and each sends as it is set.
func TestCarrierTellsPortsApart(t *testing.T) {
	own := [6]byte{2, 0, 0, 0, 0, 1}
	peer := func(text string) nic.Peer {
		p, err := nic.PeerOf(netip.MustParseAddrPort(text))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	on := func(in uint32, far Far) PortConfig { c := label(in); c.Far = far; return c }
	station := func(n byte, vlan uint16) Far { return Far{Station: [6]byte{2, 0, 0, 0, 1, n}, Check: true, VLAN: vlan} }
	for _, test := range []struct {
		name  string
		link  Link
		ports []PortConfig
	}{
		{"labels alone", LinkBare, []PortConfig{label(16), label(17), label(MaxLabel)}},
		{"Ethernet", LinkEthernet, []PortConfig{
			on(100, station(1, 0)), on(101, station(1, 0)), on(100, station(1, 5)), on(100, station(2, 6)), on(102, station(2, MaxVLAN)),
		}},
		{"peers", LinkPeers, []PortConfig{
			on(100, Far{Peer: peer("192.0.2.1:6635")}), on(100, Far{Peer: peer("192.0.2.2:6635")}), on(101, Far{Peer: peer("192.0.2.1:6635")}),
		}},
		{"peers over IPv6", LinkPeers, []PortConfig{
			on(100, Far{Peer: peer("[2001:db8::1]:6635")}), on(100, Far{Peer: peer("[2001:db8::2]:6635")}), on(101, Far{Peer: peer("[2001:db8::1]:6635")}),
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newCarrierRig(t, CarrierConfig{Link: test.link, Own: own, Ports: test.ports})
			var sinks []*sink
			for i := range test.ports {
				s, _ := r.vc(uint32(i), rigVC)
				sinks = append(sinks, s)
			}
			for i, c := range test.ports {
				r.send(frameOf(test.link, c, own, userCells(rigVC, i+1)))
			}
			for i, s := range sinks {
				if !bytes.Equal(s.octets, userCells(rigVC, i+1)) {
					t.Errorf("port %d has %d octets in %d messages", i, len(s.octets), s.got)
				}
				s.put(userCells(rigVC, i+1))
			}
			frames := r.sent()
			for i, c := range test.ports {
				want := test.link.header(nil, own, &c.Far)
				want = append(appendLabel(want, c.LabelOut, 0, DefaultTTL, true), userCells(rigVC, i+1)...)
				if !containsFrame(frames, want) {
					t.Errorf("port %d has not sent %x", i, want[:40])
				}
			}
			if len(frames) != len(test.ports) {
				t.Errorf("%d frames of %d ports", len(frames), len(test.ports))
			}
		})
	}
}

func containsFrame(frames [][]byte, want []byte) bool {
	for _, f := range frames {
		if bytes.Equal(f, want) {
			return true
		}
	}
	return false
}

// A frame that is nobody's is one counted drop.
func TestCarrierDrops(t *testing.T) {
	own := [6]byte{2, 0, 0, 0, 0, 1}
	c := label(100)
	c.Far = Far{Station: [6]byte{2, 0, 0, 0, 1, 1}, Check: true}
	c.Mode = ModeN1CW
	other := func(change func(*PortConfig)) []byte {
		o := c
		change(&o)
		return frameOf(LinkEthernet, o, own, userCells(rigVC, 1))
	}
	good := other(func(*PortConfig) {})
	for _, test := range []struct {
		name, counter string
		frame         []byte
	}{
		{"another label", "rx_drop_label", other(func(c *PortConfig) { c.LabelIn = 101 })},
		{"another VLAN", "rx_drop_label", other(func(c *PortConfig) { c.Far.VLAN = 5 })},
		{"another station", "rx_drop_station", other(func(c *PortConfig) { c.Far.Station[5]++ })},
		{"another type", "rx_drop_frame", append(append([]byte{}, good[:12]...), 8, 0, 1, 2, 3, 4)},
		{"a tag and nothing", "rx_drop_frame", append(append([]byte{}, good[:12]...), 0x81, 0, 0, 5)},
		{"no stack", "rx_drop_frame", good[:14]},
		{"cut in its header", "rx_drop_frame", good[:5]},
		{"no control word", "rx_drop_control_word", good[:18]},
		{"the control channel", "rx_drop_vccv", append(append(append([]byte{}, good[:18]...), 0x10, 0, 0, 7), userCells(rigVC, 1)...)},
		{"router alert", "rx_drop_vccv", other(func(c *PortConfig) { c.Outer = []uint32{routerAlert} })},
		{"half a cell", "rx_drop_length", good[:len(good)-26]},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newCarrierRig(t, CarrierConfig{Link: LinkEthernet, Own: own, Ports: []PortConfig{c}})
			s, _ := r.vc(0, rigVC)
			r.send(test.frame)
			if n := r.counter(test.counter); n != 1 || s.got != 0 {
				t.Errorf("%s: %d, %d messages went up; all: %v", test.counter, n, s.got, r.carrier.Counts())
			}
			r.send(good)
			if s.got != 1 {
				t.Error("and a good frame after it does not arrive")
			}
		})
	}
}

// Late and repeated frames of a numbered port are dropped, missing ones counted.
func TestCarrierOrder(t *testing.T) {
	c := label(100)
	c.Mode, c.Numbered = ModeN1CW, true
	r := newCarrierRig(t, CarrierConfig{Ports: []PortConfig{c}})
	s, _ := r.vc(0, rigVC)
	w := newPseudowire(&c.Encapsulation, nil)
	frames := make([][]byte, 10)
	for i := range frames {
		f := make([]byte, w.overhead())
		w.put(f, aal.CellSize, false, false, 0)
		frames[i] = append(f, userCells(rigVC, 1)...)
	}
	r.send(frames[0], frames[1], frames[4], frames[3], frames[4], frames[5])
	if s.got != 4 || r.counter("rx_drop_order") != 2 || r.counter("rx_missing") != 2 {
		t.Errorf("%d taken, %d late, %d missing", s.got, r.counter("rx_drop_order"), r.counter("rx_missing"))
	}
	for range 3 {
		s.put(userCells(rigVC, 1))
		for i, f := range r.sent() {
			if i > 0 || f[7] == 0 {
				t.Errorf("frame %d sent with number %d", i, f[7])
			}
		}
	}
}

// The frames of a port have the labels, class, TTL and number of cells that it is told.
func TestPortOptions(t *testing.T) {
	c := label(100)
	c.Outer, c.TC, c.TTL, c.Cells = []uint32{2000, 3000}, 5, 64, 3
	r := newCarrierRig(t, CarrierConfig{Ports: []PortConfig{c}})
	s, _ := r.vc(0, rigVC)
	s.put(userCells(rigVC, 8))
	frames := r.sent()
	want := unhex(t, "007d0a40 00bb8a40 00064b40")
	var cells []byte
	for _, f := range frames {
		if !bytes.Equal(f[:len(want)], want) {
			t.Errorf("labels %x, want %x", f[:len(want)], want)
		}
		if n := (len(f) - len(want)) / aal.CellSize; n > 3 {
			t.Errorf("%d cells in a frame", n)
		}
		cells = append(cells, f[len(want):]...)
	}
	if len(frames) != 3 || !bytes.Equal(cells, userCells(rigVC, 8)) {
		t.Errorf("%d frames, %d octets of cells", len(frames), len(cells))
	}
}

// With a packing timer cells wait for others, and no longer.
func TestPackingTimer(t *testing.T) {
	c := label(100)
	c.Pack = int64(200 * time.Microsecond)
	r := newCarrierRig(t, CarrierConfig{Ports: []PortConfig{c}})
	s, _ := r.vc(0, rigVC)
	for i := range 4 {
		s.put(userCells(rigVC, 1))
		r.now += 49_000
		if frames := r.sent(); len(frames) != 0 {
			t.Fatalf("a frame after %d cells", i+1)
		}
	}
	r.now += 10_000
	frames := r.sent()
	if len(frames) != 1 || len(frames[0]) != LabelBytes+4*aal.CellSize {
		t.Fatalf("%d frames after the time", len(frames))
	}
	full := (1600 - LabelBytes) / aal.CellSize
	s.put(userCells(rigVC, full+1))
	if frames := r.sent(); len(frames) != 1 || len(frames[0]) != LabelBytes+full*aal.CellSize {
		t.Fatalf("a full frame does not go at once: %d", len(frames))
	}
	r.now += 200_000
	if frames := r.sent(); len(frames) != 1 || len(frames[0]) != LabelBytes+aal.CellSize {
		t.Fatalf("the rest: %d frames", len(frames))
	}
}

// Ports come and go while another carries traffic; a number that is given again is not the
// old one's.
func TestPortsComeAndGo(t *testing.T) {
	r := newCarrierRig(t, CarrierConfig{Ports: []PortConfig{label(16)}})
	busy, _ := r.vc(0, rigVC)
	want := 0
	seen := map[uint32]bool{0: true}
	for i := range 1000 {
		c := label(uint32(17 + i%3))
		number, err := r.carrier.AddPort(c)
		r.must(err)
		if seen[number] {
			t.Fatalf("number %#x was given before", number)
		}
		seen[number] = true
		s, id := r.vc(number, rigVC)
		r.send(frameOf(LinkBare, label(16), [6]byte{}, userCells(rigVC, 1)), frameOf(LinkBare, c, [6]byte{}, userCells(rigVC, 2)))
		want++
		if s.got != 1 || busy.got != want {
			t.Fatalf("round %d: %d and %d messages", i, s.got, busy.got)
		}
		if _, err := r.carrier.AddPort(c); !errors.Is(err, errSameWire) {
			t.Fatalf("the same label again: %v", err)
		}
		s.put(userCells(rigVC, 1))
		if n := len(r.sent()); n != 1 {
			t.Fatalf("round %d: %d frames sent", i, n)
		}
		r.must(r.carrier.RemovePort(number))
		s.put(userCells(rigVC, 1))
		if n := len(r.sent()); n != 0 || r.counter("tx_drop_no_port") != uint64(i+1) {
			t.Fatalf("round %d: %d frames for a port that has gone, %d counted", i, n, r.counter("tx_drop_no_port"))
		}
		if err := r.carrier.RemovePort(number); !errors.Is(err, errNoPort) {
			t.Fatalf("removed twice: %v", err)
		}
		_, err = r.fabric.Do(dataplane.Command{Number: control.HubClose, A: id})
		r.must(err)
	}
	if len(r.carrier.ports) != 2 {
		t.Errorf("%d places for two ports", len(r.carrier.ports))
	}
}

func TestCarrierRefusesPorts(t *testing.T) {
	r := newCarrierRig(t, CarrierConfig{Ports: []PortConfig{label(16)}})
	for name, c := range map[string]PortConfig{
		"no cell fits":      {Encapsulation: Encapsulation{LabelOut: 17, LabelIn: 17}, MaxFrame: 55},
		"VLAN of a socket":  {Encapsulation: Encapsulation{LabelOut: 17, LabelIn: 17}, Far: Far{VLAN: 5}},
		"reserved label":    label(3),
		"packing too long":  {Encapsulation: Encapsulation{LabelOut: 17, LabelIn: 17}, Pack: MaxPack + 1},
		"cells of SDUs":     {Encapsulation: Encapsulation{Mode: ModeAAL5SDU, LabelOut: 17, LabelIn: 17}, Cells: 1},
		"a negative number": {Encapsulation: Encapsulation{LabelOut: 17, LabelIn: 17}, Cells: -1},
	} {
		if _, err := r.carrier.AddPort(c); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(r.carrier.ports) != 1 {
		t.Errorf("%d ports", len(r.carrier.ports))
	}
}
