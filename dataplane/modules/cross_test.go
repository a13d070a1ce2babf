package modules

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/nic"
)

// switchRig is carriers on hubs, each on a wire of its own, with a sink above for cells that
// are not cross-connected.
type switchRig struct {
	t        testing.TB
	now      int64
	arena    *block.Arena
	hubs     []*dataplane.Hub
	fabric   *dataplane.Fabric
	carriers []*Carrier
	ids      []dataplane.ProcID
	far      []nic.Device
	sinks    []*sink
}

// newSwitchRig makes a carrier for each entry of ports, with so many ports, labels from
// FirstLabel on; carrier i stands on hub i modulo hubs.
func newSwitchRig(t testing.TB, hubs int, wire nic.WireConfig, ports ...int) *switchRig {
	t.Helper()
	configs := make([]CarrierConfig, len(ports))
	for i, n := range ports {
		for j := range n {
			configs[i].Ports = append(configs[i].Ports, label(uint32(FirstLabel+j)))
		}
	}
	return newSwitchRigOf(t, hubs, wire, configs...)
}

func newSwitchRigOf(t testing.TB, hubs int, wire nic.WireConfig, configs ...CarrierConfig) *switchRig {
	t.Helper()
	r := &switchRig{t: t}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	r.arena, err = block.NewArena(block.Config{Hubs: hubs, Small: 4096, Medium: 256, Large: 16})
	must(err)
	for i := range hubs {
		h, err := dataplane.NewHub(dataplane.Config{Pool: r.arena.Pool(i), Clock: func() int64 { return r.now }})
		must(err)
		r.hubs = append(r.hubs, h)
	}
	if wire.MaxFrame == 0 {
		wire.MaxFrame, wire.Depth = 1500, 1024
	}
	var registry dataplane.Registry
	must(registry.Add("carrier", func(arg string) (dataplane.Module, error) {
		i, _ := strconv.Atoi(arg)
		near, far, err := nic.NewWire(wire)
		must(err)
		configs[i].Device = near
		c, err := NewCarrier(configs[i])
		must(err)
		r.carriers, r.far = append(r.carriers, c), append(r.far, far)
		return c.Module(), nil
	}))
	must(registry.Add("sink", func(string) (dataplane.Module, error) {
		r.sinks = append(r.sinks, &sink{keep: true})
		return r.sinks[len(r.sinks)-1].module(), nil
	}))
	r.fabric, err = dataplane.NewFabric(&registry, r.hubs...)
	must(err)
	for i := range configs {
		ids, err := r.fabric.Build(i%hubs, dataplane.Part{Name: "carrier", Arg: strconv.Itoa(i)}, dataplane.Part{Name: "sink"})
		must(err)
		r.ids = append(r.ids, ids[0])
	}
	t.Cleanup(func() {
		_ = r.fabric.Close()
		for i := range hubs {
			if blocks, views := r.arena.Pool(i).InUse(); blocks != 0 || views != 0 {
				t.Errorf("after close: hub %d: %d blocks and %d views are out", i, blocks, views)
			}
		}
		_ = r.arena.Close()
	})
	return r
}

// pass turns the hubs until they have nothing to do.
func (r *switchRig) pass() {
	for work := 1; work > 0; {
		work = 0
		for range 2 {
			for _, h := range r.hubs {
				work += h.Pass()
			}
		}
	}
}

// send puts a frame of cells on a carrier's wire, for one of its ports.
func (r *switchRig) send(carrier, port int, cells []byte) {
	r.t.Helper()
	f := frameOf(LinkBare, r.carriers[carrier].ports[port].cfg, [6]byte{}, cells)
	if n, err := r.far[carrier].Transmit([][]byte{f}); n != 1 || err != nil {
		r.t.Fatalf("transmit: %d, %v", n, err)
	}
	r.pass()
}

// sent is the cells that a carrier has sent since, by port.
func (r *switchRig) sent(carrier int) map[int][]byte {
	r.t.Helper()
	got := map[int][]byte{}
	for _, f := range receiveAll(r.t, r.far[carrier]) {
		s, ok := readStack(f)
		if !ok || (len(f)-s.octets)%aal.CellSize != 0 {
			r.t.Fatalf("a frame of %d octets", len(f))
		}
		port := int(s.label - FirstLabel)
		got[port] = append(got[port], f[s.octets:]...)
	}
	return got
}

func (r *switchRig) to(carrier, port int, vc aal.VC) Output {
	return Output{Carrier: r.ids[carrier], Connection: Connection{Port: uint32(port), VC: vc}}
}

func channel(port int, vpi, vci uint16) Connection {
	return Connection{Port: uint32(port), VC: aal.VC{VPI: vpi, VCI: vci}}
}

func path(port int, vpi uint16) Connection {
	return Connection{Port: uint32(port), VC: aal.VC{VPI: vpi}, Path: true}
}

// anyCell is a cell of a VC, all else at random.
func anyCell(rnd *rand.Rand, vc aal.VC) []byte {
	c := make([]byte, aal.CellSize)
	for i := range c {
		c[i] = byte(rnd.Uint32())
	}
	(aal.ReadHeader(c) & 0xF).WithVC(vc).Put(c)
	return c
}

func wantCells(t *testing.T, where string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Fatalf("%s: %d cells %s, want %d %s", where, len(got)/aal.CellSize, headers(got), len(want)/aal.CellSize, headers(want))
	}
}

// headers prints the first cells.
func headers(cells []byte) (s string) {
	for i := 0; i < min(len(cells), 6*aal.CellSize); i += aal.CellSize {
		s += fmt.Sprintf("[%v %x] ", aal.ReadHeader(cells[i:]), cells[i+4:i+6])
	}
	return s
}

// The model: what every cell has to become, looked up the slow and obvious way.
type switchModel map[Connection][]Output

func (m switchModel) outputs(port int, h aal.Header) ([]Output, bool) {
	vc := h.VC()
	if outs, ok := m[path(port, vc.VPI)]; ok {
		return outs, true
	}
	outs, ok := m[channel(port, vc.VPI, vc.VCI)]
	return outs, ok
}

func (m switchModel) become(cell []byte, to Output) []byte {
	h := aal.ReadHeader(cell)
	if to.Path {
		h = h.WithVPI(to.VC.VPI)
	} else {
		h = h.WithVC(to.VC)
	}
	c := bytes.Clone(cell)
	h.Put(c)
	return c
}

// Random tables, changed while frames go, against the model, cell for cell and in order: two
// ports of one carrier, three carriers, one and two hubs, between which the carriers move;
// channels, paths, leaves, and cells that stay.
func TestCrossConnectsAgainstModel(t *testing.T) {
	s := seed(t)
	for _, hubs := range []int{1, 2} {
		for _, lends := range []bool{false, true} {
			t.Run(fmt.Sprintf("hubs=%d lends=%v", hubs, lends), func(t *testing.T) {
				r := newSwitchRig(t, hubs, nic.WireConfig{MaxFrame: 8000, Depth: 1024, Lends: lends}, 2, 2, 1)
				crossAgainstModel(t, r, rand.New(rand.NewPCG(s, uint64(hubs))))
			})
		}
	}
}

func crossAgainstModel(t *testing.T, r *switchRig, rnd *rand.Rand) {
	models := []switchModel{{}, {}, {}}
	anyEnd := func() (int, Connection) {
		carrier := rnd.IntN(3)
		port := 0
		if carrier < 2 {
			port = rnd.IntN(2)
		}
		if rnd.IntN(4) == 0 {
			return carrier, path(port, uint16(rnd.IntN(6)))
		}
		return carrier, channel(port, uint16(rnd.IntN(6)), uint16(32+rnd.IntN(6)))
	}
	for round := range 1500 {
		if round%50 == 49 && len(r.hubs) > 1 {
			to := r.hubs[rnd.IntN(len(r.hubs))].Number()
			if _, err := r.fabric.Do(dataplane.Command{Number: control.HubMove, A: r.ids[rnd.IntN(3)], B: to}); err != nil {
				t.Fatal(err)
			}
		}
		in, from := anyEnd()
		out, end := anyEnd()
		to := Output{Carrier: r.ids[out], Connection: end}
		changeCross(t, r.carriers[in], models[in], from, to, rnd)
		in, from = anyEnd()
		var cells []byte
		for range 1 + rnd.IntN(40) {
			for range 1 + rnd.IntN(3)*rnd.IntN(8) {
				if len(cells) < 7900-aal.CellSize {
					cells = append(cells, anyCell(rnd, from.VC)...)
				}
			}
			if rnd.IntN(3) > 0 {
				_, e := anyEnd()
				if from.VC = e.VC; from.Path || rnd.IntN(20) == 0 {
					from.VC.VCI = uint16(1 + rnd.IntN(65535))
				}
			}
		}
		checkCross(t, r, models[in], in, int(from.Port), cells, round)
	}
}

// changeCross makes the same change to a carrier and to the model, and compares what is
// refused.
func changeCross(t *testing.T, c *Carrier, m switchModel, from Connection, to Output, rnd *rand.Rand) {
	t.Helper()
	outs, there := m[from]
	switch rnd.IntN(4) {
	case 0, 1:
		refused := there || from.Path != to.Path
		for other := range m {
			refused = refused || other.Port == from.Port && other.VC.VPI == from.VC.VPI && (other.Path || from.Path)
		}
		if err := c.Connect(from, to); (err != nil) != refused {
			t.Fatalf("connect %s to %s: %v; refused should be %v", from, to, err, refused)
		} else if err == nil {
			m[from] = []Output{to}
		}
	case 2:
		name := uint32(100 + len(outs))
		if err := c.AddLeaf(from, name, to); (err == nil) != (there && from.Path == to.Path) {
			t.Fatalf("leaf of %s: %v", from, err)
		} else if err == nil {
			m[from] = append(outs, to)
		}
		if there && len(m[from]) > 6 { // drop all but the first
			for i := len(m[from]) - 1; i > 0; i-- {
				if err := c.DropLeaf(from, uint32(100+i)); err != nil {
					t.Fatal(err)
				}
			}
			m[from] = m[from][:1]
		}
	case 3:
		if err := c.Disconnect(from); (err == nil) != there {
			t.Fatalf("disconnect %s: %v", from, err)
		}
		delete(m, from)
	}
}

// checkCross sends a frame and compares what leaves everywhere.
func checkCross(t *testing.T, r *switchRig, m switchModel, in, port int, cells []byte, round int) {
	t.Helper()
	want := map[string][]byte{}
	order := map[string][]Output{}
	for c := cells; len(c) > 0; c = c[aal.CellSize:] {
		outs, ok := m.outputs(port, aal.ReadHeader(c))
		if !ok {
			k := fmt.Sprintf("sink %d", in)
			want[k] = append(want[k], c[:aal.CellSize]...)
		}
		// the leaf that was added last stands behind the first
		for i := range outs {
			o := outs[(len(outs)-i)%len(outs)]
			k := fmt.Sprintf("%d.%d", o.Carrier, o.Port)
			want[k] = append(want[k], m.become(c[:aal.CellSize], o)...)
			order[k] = append(order[k], o)
		}
	}
	r.send(in, port, cells)
	for i := range r.carriers {
		k := fmt.Sprintf("sink %d", i)
		wantCells(t, fmt.Sprintf("round %d, %s", round, k), r.sinks[i].octets, want[k])
		r.sinks[i].octets = nil
		sent := r.sent(i)
		for p := range r.carriers[i].ports {
			k := fmt.Sprintf("%d.%d", r.ids[i], p)
			wantCells(t, fmt.Sprintf("round %d, carrier %d port %d", round, i, p), sent[p], want[k])
		}
	}
}

// What is refused, and why.
func TestCrossConnectRefused(t *testing.T) {
	r := newSwitchRigOf(t, 1, nic.WireConfig{},
		CarrierConfig{Ports: []PortConfig{label(16), {Encapsulation: Encapsulation{LabelOut: 17, LabelIn: 17}, UNI: true}}})
	c := r.carriers[0]
	for _, test := range []struct {
		name string
		from Connection
		to   Output
		want error
	}{
		{"reserved VCI, I.361 table 2", channel(0, 0, 5), r.to(0, 1, aal.VC{VCI: 40}), errReserved},
		{"no such port", channel(7, 0, 50), r.to(0, 1, aal.VC{VCI: 40}), errNoPort},
		{"VPI of 9 bits at a UNI, I.361 2.2", channel(1, 256, 50), r.to(0, 1, aal.VC{VCI: 40}), errVPI},
		{"VPI of 13 bits", path(0, 4096), r.to(0, 1, aal.VC{VCI: 40}), errVPI},
		{"a path to a channel", path(0, 9), r.to(0, 1, aal.VC{VCI: 40}), errKind},
		{"a channel", channel(0, 1, 50), r.to(0, 1, aal.VC{VCI: 40}), nil},
		{"the same again", channel(0, 1, 50), r.to(0, 1, aal.VC{VCI: 41}), ErrConnected},
		{"its VPI as a path", path(0, 1), Output{r.ids[0], path(1, 3)}, errChannels},
		{"a path", path(0, 2), Output{r.ids[0], path(1, 3)}, nil},
		{"a channel of it", channel(0, 2, 50), r.to(0, 1, aal.VC{VCI: 41}), errSwitched},
	} {
		if err := c.Connect(test.from, test.to); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	if err := c.Disconnect(channel(0, 3, 50)); !errors.Is(err, ErrNotConnected) {
		t.Errorf("disconnect: %v", err)
	}
	if err := c.DropLeaf(channel(0, 1, 50), 9); !errors.Is(err, errLeaf) {
		t.Errorf("drop a leaf: %v", err)
	}
}

// A UNI's GFC is cleared and its VPI has eight bits (I.361, 2.2.2).
func TestGFC(t *testing.T) {
	r := newSwitchRigOf(t, 1, nic.WireConfig{}, CarrierConfig{Ports: []PortConfig{
		{Encapsulation: Encapsulation{LabelOut: 16, LabelIn: 16}, UNI: true}, label(17)}})
	for from, to := range map[Connection]Connection{channel(0, 5, 40): channel(1, 7, 41), path(0, 6): path(1, 8)} {
		if err := r.carriers[0].Connect(from, Output{r.ids[0], to}); err != nil {
			t.Fatal(err)
		}
	}
	for _, vpi := range []uint16{5, 6} {
		cells := userCells(aal.VC{VPI: vpi | 0xA00, VCI: 40}, 3)
		r.send(0, 0, cells)
		want := userCells(aal.VC{VPI: vpi + 2, VCI: 40 + (6 - vpi)}, 3)
		wantCells(t, fmt.Sprint(vpi), r.sent(0)[1], want)
	}
}

// A port that goes takes its connections along, whose number may be great, and says nothing
// to them; cells for it are counted.
func TestRemovedPortTakesItsConnections(t *testing.T) {
	r := newSwitchRig(t, 1, nic.WireConfig{}, 3)
	c := r.carriers[0]
	for _, port := range []int{0, 2} {
		if err := c.Connect(channel(port, 0, 50), r.to(0, 1, aal.VC{VCI: 60})); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.RemovePort(1); err != nil {
		t.Fatal(err)
	}
	r.send(0, 0, userCells(aal.VC{VCI: 50}, 5))
	if n := c.counts.noPort; n != 5 {
		t.Errorf("%d cells for a port that has gone, want 5", n)
	}
	number, err := c.AddPort(label(17))
	if err != nil {
		t.Fatal(err)
	}
	r.send(0, 0, userCells(aal.VC{VCI: 50}, 5))
	if n := c.counts.noPort; n != 10 || len(r.sent(0)) != 0 {
		t.Errorf("the next port of the place has got cells of another's; %d counted", n)
	}
	if err := c.Disconnect(channel(0, 0, 50)); err != nil {
		t.Fatal(err)
	}
	to := Output{r.ids[0], Connection{Port: number, VC: aal.VC{VCI: 61}}}
	if err := c.Connect(channel(0, 0, 50), to); err != nil {
		t.Fatal(err)
	}
	r.send(0, 0, userCells(aal.VC{VCI: 50}, 5))
	wantCells(t, "new port", r.sent(0)[1], userCells(aal.VC{VCI: 61}, 5))
}

// A short frame, whose cells wait for others to share one, is not overtaken by a full one that
// goes on as it is, in the same pass.
func TestHandedBlockKeepsOrder(t *testing.T) {
	r := newSwitchRig(t, 1, nic.WireConfig{}, 1, 1)
	vc := aal.VC{VCI: 50}
	if err := r.carriers[0].Connect(Connection{VC: vc}, r.to(1, 0, vc)); err != nil {
		t.Fatal(err)
	}
	var frames [][]byte
	var want []byte
	for i, n := range []int{2, 28, 3, 1, 28, 28, 1} {
		cells := userCells(vc, n)
		for j := aal.HeaderSize; j < len(cells); j += aal.CellSize {
			cells[j+1] = byte(i)
		}
		want = append(want, cells...)
		frames = append(frames, frameOf(LinkBare, label(16), [6]byte{}, cells))
	}
	if n, err := r.far[0].Transmit(frames); n != len(frames) || err != nil {
		t.Fatal(n, err)
	}
	r.pass()
	wantCells(t, "in one pass", r.sent(1)[0], want)
}
