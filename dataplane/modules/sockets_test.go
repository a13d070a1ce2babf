package modules

import (
	"encoding/binary"
	"slices"
	"strconv"
	"testing"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/region"
)

// socketsRig is an application's region in a hub that is turned by hand. Its sockets stand on
// whatever the test puts below.
type socketsRig struct {
	t       testing.TB
	hub     *dataplane.Hub
	fabric  *dataplane.Fabric
	arena   *block.Arena
	home    *region.Region
	client  *region.Region
	sockets *Sockets
	driver  dataplane.ProcID
	broken  []uint32
	now     int64
}

func newSocketsRig(t testing.TB) *socketsRig {
	t.Helper()
	r := &socketsRig{t: t}
	var err error
	if r.arena, err = block.NewArena(block.Config{Small: 1024, Medium: 64, Large: 8}); err != nil {
		t.Fatal(err)
	}
	if r.hub, err = dataplane.NewHub(dataplane.Config{Pool: r.arena.Pool(0), Clock: func() int64 { return r.now }}); err != nil {
		t.Fatal(err)
	}
	var passed region.Passed
	if r.home, passed, err = region.Make(region.Config{Octets: 1 << 23}); err != nil {
		t.Fatal(err)
	}
	if r.client, err = region.Open(passed[:]); err != nil {
		t.Fatal(err)
	}
	r.sockets, err = NewSockets(SocketsConfig{Region: r.home, Now: func() int64 { return 1e18 + r.now },
		Broken: func(n uint32) { r.broken = append(r.broken, n) }})
	if err != nil {
		t.Fatal(err)
	}
	reg := registry(t, map[string]dataplane.Module{"sockets": r.sockets.Module()})
	if err := reg.Add("echo", func(string) (dataplane.Module, error) { return echo(), nil }); err != nil {
		t.Fatal(err)
	}
	if r.fabric, err = dataplane.NewFabric(reg, r.hub); err != nil {
		t.Fatal(err)
	}
	ids, err := r.fabric.Build(0, dataplane.Part{Name: "sockets"})
	if err != nil {
		t.Fatal(err)
	}
	r.driver = ids[0]
	t.Cleanup(func() {
		_ = r.fabric.Close()
		if chunks, views := r.arena.Pool(0).InUse(); chunks != 0 || views != 0 {
			t.Errorf("after close: %d chunks and %d views are out", chunks, views)
		}
		r.client.Close()
		r.home.Close()
		_ = r.arena.Close()
	})
	return r
}

// echo is a bottom that sends up what comes down.
func echo() dataplane.Module {
	var up *dataplane.Queue
	return dataplane.Module{Name: "echo", Open: func(q *dataplane.Queue) error { up = q; return nil },
		Commands: []dataplane.ModuleCommand{{Number: Announce, Run: func([]byte) ([]byte, error) {
			up.PutNext(dataplane.Msg{Type: dataplane.Ctl, Class: control.ClassATM, Info: uint32(control.ATMAdd), Conn: Key(testVC)})
			return nil, nil
		}}},
		ReadService:  (*dataplane.Queue).Drain,
		WritePut:     func(q *dataplane.Queue, m dataplane.Msg) { q.ForwardTo(q.Mate(), m) },
		WriteService: func(q *dataplane.Queue) { q.DrainTo(func(*dataplane.Msg) *dataplane.Queue { return q.Mate() }) }}
}

// open gives a socket above the process below, and the application's side of it.
func (r *socketsRig) open(below dataplane.ProcID, max int, kind region.Kind) (*region.Channel, dataplane.ProcID) {
	r.t.Helper()
	s, err := region.ShapeFor(max)
	if err != nil {
		r.t.Fatal(err)
	}
	s.Kind = kind
	ch, place, err := r.home.Alloc(s)
	if err != nil {
		r.t.Fatal(err)
	}
	r.sockets.Expect(ch)
	a, err := r.fabric.Do(dataplane.Command{Number: control.HubPair, A: r.driver, Arg: strconv.Itoa(int(ch.Number))})
	if err == nil {
		_, err = r.fabric.Do(dataplane.Command{Number: control.HubLink, A: below, B: a.Number})
	}
	if err != nil {
		r.t.Fatal(err)
	}
	mine, err := r.client.Attach(place.Offset, place.Size)
	if err != nil {
		r.t.Fatal(err)
	}
	return mine, a.Number
}

func (r *socketsRig) build(parts ...dataplane.Part) []dataplane.ProcID {
	r.t.Helper()
	ids, err := r.fabric.Build(0, parts...)
	if err != nil {
		r.t.Fatal(err)
	}
	return ids
}

func (r *socketsRig) turn(n int) {
	for range n {
		r.now++
		r.hub.Pass()
	}
}

// put sends an SDU as the application does; false: there is no room.
func (r *socketsRig) put(c *region.Channel, p []byte, d region.Descriptor) bool {
	room := c.Send.Room(len(p))
	if room == nil {
		return false
	}
	copy(room, p)
	c.Send.Put(len(p), d)
	c.Send.Publish()
	if c.PeerWantsData.Needs() {
		r.client.Tell(c.Number)
	}
	if err := r.client.Flush(); err != nil {
		r.t.Fatal(err)
	}
	return true
}

// get takes all that has come.
func (r *socketsRig) get(c *region.Channel) (sdus [][]byte, ds []region.Descriptor) {
	for {
		d, p, ok := c.Receive.Get()
		if !ok {
			break
		}
		sdus, ds = append(sdus, slices.Clone(p)), append(ds, d)
	}
	c.Receive.Release()
	if c.PeerWantsRoom.Needs() {
		r.client.Tell(c.Number)
	}
	if err := r.client.Flush(); err != nil {
		r.t.Fatal(err)
	}
	return sdus, ds
}

func (r *socketsRig) count(name string) uint64 {
	for _, c := range r.sockets.count() {
		if c.Name == name {
			return c.N
		}
	}
	r.t.Fatalf("no counter %q", name)
	return 0
}

// TestSocketEcho: SDUs with what goes with them, down and up again, stamped, and the application
// told once while it waits.
func TestSocketEcho(t *testing.T) {
	r := newSocketsRig(t)
	c, _ := r.open(r.build(dataplane.Part{Name: "echo"})[0], 65535, 0)
	for i, n := range []int{1, 48, 1500, 9180, 65535} {
		p := slices.Repeat([]byte{byte(n)}, n)
		c.WantsData.Arm()
		if !r.put(c, p, region.Descriptor{UU: uint32(n) & 0xFF, Flags: region.FlagCLP}) {
			t.Fatal("no room")
		}
		r.turn(2)
		if number, ok := r.client.Heard(); !ok || number != c.Number {
			t.Errorf("%d octets: told %d %v", n, number, ok)
		}
		sdus, ds := r.get(c)
		if len(sdus) != 1 || string(sdus[0]) != string(p) {
			t.Fatalf("%d octets: %d SDUs came", n, len(sdus))
		}
		if d := ds[0]; d.UU != uint32(n)&0xFF || d.Flags != region.FlagCLP || d.NS <= 1e18 || d.NS > 1e18+r.now {
			t.Errorf("%d octets: %+v", n, d)
		}
		if _, ok := r.client.Heard(); ok {
			t.Errorf("%d octets: told twice", n)
		}
		if got := r.count("rx_sdus"); got != uint64(i+1) {
			t.Errorf("rx_sdus is %d", got)
		}
	}
}

// TestSocketFlow: an application that does not read stops its own stream; what it then reads is
// all there, in order.
func TestSocketFlow(t *testing.T) {
	r := newSocketsRig(t)
	c, _ := r.open(r.build(dataplane.Part{Name: "echo"})[0], 1500, 0)
	var sent, got uint32
	p := make([]byte, 1500)
	for stuck := 0; stuck < 10; stuck++ {
		for {
			binary.BigEndian.PutUint32(p, sent)
			if !r.put(c, p, region.Descriptor{}) {
				break
			}
			sent, stuck = sent+1, 0
		}
		r.turn(1)
	}
	if sent < 2*uint32(c.Shape.Area/1520) || sent > 300 {
		t.Errorf("%d SDUs went before the stream was full", sent)
	}
	for idle := 0; idle < 10; idle++ {
		sdus, _ := r.get(c)
		for _, s := range sdus {
			if n := binary.BigEndian.Uint32(s); n != got {
				t.Fatalf("SDU %d, want %d", n, got)
			}
			got, idle = got+1, 0
		}
		r.turn(1)
	}
	if got != sent {
		t.Errorf("%d SDUs came of %d", got, sent)
	}
	if !r.put(c, p, region.Descriptor{}) {
		t.Error("no room when all has gone")
	}
}

// TestSocketCells: cells go as they are, of the socket's VC whatever they say, and come as they
// are; what is no whole cell is dropped and counted.
func TestSocketCells(t *testing.T) {
	r := newSocketsRig(t)
	low := r.build(dataplane.Part{Name: "echo"})[0]
	c, _ := r.open(low, 1500, region.Cells)
	if _, err := r.fabric.Do(dataplane.Command{Number: Announce, A: low}); err != nil {
		t.Fatal(err)
	}
	var cells []byte
	for i := range 60 {
		cell := slices.Repeat([]byte{byte(i)}, aal.CellSize)
		aal.MakeHeader(aal.VC{VPI: 9, VCI: uint16(i)}, uint8(i&7), i&8 != 0).Put(cell)
		cells = append(cells, cell...)
	}
	half := 28 * aal.CellSize
	if !r.put(c, cells[:half], region.Descriptor{}) || !r.put(c, cells[half:half+53], region.Descriptor{}) || !r.put(c, cells[half:2*half], region.Descriptor{}) {
		t.Fatal("no room")
	}
	r.turn(2)
	sdus, _ := r.get(c)
	got := slices.Concat(sdus...)
	if len(got) != 2*half || r.count("tx_drop_sdu") != 1 {
		t.Fatalf("%d octets came, %d refused", len(got), r.count("tx_drop_sdu"))
	}
	for i := range len(got) / aal.CellSize {
		cell := got[i*aal.CellSize:][:aal.CellSize]
		if h := aal.ReadHeader(cell); h != aal.MakeHeader(testVC, uint8(i&7), i&8 != 0) || cell[51] != byte(i) {
			t.Fatalf("cell %d is % x", i, cell)
		}
	}
}

// TestSocketLocal: two sockets joined within the host.
func TestSocketLocal(t *testing.T) {
	r := newSocketsRig(t)
	ends := r.build(dataplane.Part{Name: "local"}, dataplane.Part{})
	a, ida := r.open(ends[0], 1500, region.Local)
	b, _ := r.open(ends[1], 1500, region.Local)
	for range 3 {
		if !r.put(a, []byte("to b"), region.Descriptor{UU: 3}) || !r.put(b, []byte("to a"), region.Descriptor{}) {
			t.Fatal("no room")
		}
		r.turn(2)
		for c, want := range map[*region.Channel]string{a: "to a", b: "to b"} {
			if sdus, _ := r.get(c); len(sdus) != 1 || string(sdus[0]) != want {
				t.Errorf("%q came, want %q", sdus, want)
			}
		}
	}
	a.Send.Put(0, region.Descriptor{Flags: region.FlagEnd}) // the other half goes on
	r.put(a, []byte("late"), region.Descriptor{})
	r.turn(2)
	if sdus, ds := r.get(b); len(sdus) != 2 || ds[0].Flags != region.FlagEnd || len(sdus[0]) != 0 {
		t.Errorf("%q %+v came, want the end first", sdus, ds)
	}
	for _, id := range []dataplane.ProcID{ida, ends[0]} {
		if _, err := r.fabric.Do(dataplane.Command{Number: control.HubClose, A: id}); err != nil {
			t.Fatal(err)
		}
	}
	r.put(b, []byte("to nobody"), region.Descriptor{})
	r.turn(2)
	counts, err := r.fabric.Counters(ends[1])
	if err != nil || counts[0][0].N != 1 {
		t.Errorf("%v %v", counts, err)
	}
}

// TestSocketAllocations: an SDU down and up again allocates nothing.
func TestSocketAllocations(t *testing.T) {
	r := newSocketsRig(t)
	c, _ := r.open(r.build(dataplane.Part{Name: "echo"})[0], 1500, 0)
	p := make([]byte, 1000)
	one := func() {
		r.put(c, p, region.Descriptor{})
		r.turn(2)
		for _, _, ok := c.Receive.Get(); ok; _, _, ok = c.Receive.Get() {
		}
		c.Receive.Release()
	}
	one()
	if n := testing.AllocsPerRun(100, one); n != 0 {
		t.Errorf("%v allocations for an SDU", n)
	}
}

// TestSocketBudget: what an application is given in a pass is limited, and shared by its sockets.
func TestSocketBudget(t *testing.T) {
	r := newSocketsRig(t)
	const sockets = 8
	var got [sockets]int
	var open [sockets]*region.Channel
	for i := range sockets {
		low := dataplane.Module{Name: "sink", WritePut: func(q *dataplane.Queue, m dataplane.Msg) { got[i]++; q.Hub().Free(m) }}
		open[i], _ = r.open(r.build(dataplane.Part{Module: &low})[0], 1500, 0)
	}
	for i, c := range open {
		for range 100 {
			if !r.put(c, []byte{byte(i)}, region.Descriptor{}) {
				t.Fatal("no room")
			}
		}
	}
	r.turn(1)
	if n := r.count("tx_sdus"); n > MaxPassSDU {
		t.Errorf("%d SDUs in a pass", n)
	}
	for i, n := range got {
		if n != MaxPassSDU/sockets {
			t.Errorf("of socket %d %d SDUs", i, n)
		}
	}
	r.turn(4)
	for i, n := range got {
		if n != 100 {
			t.Errorf("of socket %d %d SDUs in all", i, n)
		}
	}
}

// TestSocketBroken: a ring that makes no sense ends its own socket, doorbells end all of them; both
// are told once, and counted.
func TestSocketBroken(t *testing.T) {
	r := newSocketsRig(t)
	low := r.build(dataplane.Part{Name: "local"}, dataplane.Part{})
	a, _ := r.open(low[0], 1500, region.Local)
	b, _ := r.open(low[1], 1500, region.Local)
	for range 2 {
		r.put(a, []byte("bad"), region.Descriptor{Flags: region.FlagEnd}) // an end that is none
		r.turn(2)
	}
	if r.count("tx_drop_sdu") != 2 {
		t.Errorf("%d refused", r.count("tx_drop_sdu"))
	}
	a.Send.Put(0, region.Descriptor{}) // an SDU of no octets
	a.Send.Publish()
	r.put(a, []byte("after it"), region.Descriptor{})
	r.client.Tell(a.Number)
	_ = r.client.Flush()
	r.turn(3)
	if len(r.broken) != 1 || r.broken[0] != a.Number || r.count("broken") != 1 {
		t.Errorf("broken are %v, %d counted", r.broken, r.count("broken"))
	}
	if sdus, _ := r.get(b); len(sdus) != 0 {
		t.Errorf("%q came of it", sdus)
	}
	r.client.Tell(1 << 20) // nobody's number
	_ = r.client.Flush()
	r.turn(1)
	if r.count("doorbell_strays") != 1 {
		t.Errorf("%d strays", r.count("doorbell_strays"))
	}
}
