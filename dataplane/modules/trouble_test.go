package modules

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/nic"
)

// badDevice is a device that does as the test says.
type badDevice struct {
	max                 int
	full, goneTx, gone  bool
	waiting             [][]byte
	sent, sentAfterGone int
}

func (d *badDevice) Info() nic.Info { return nic.Info{Name: "bad", MaxFrame: d.max, Batch: 64} }

func (d *badDevice) Receive(bufs [][]byte) (n int, err error) {
	if d.gone {
		return 0, nic.ErrGone
	}
	for ; n < len(bufs) && len(d.waiting) > 0; n++ {
		bufs[n] = bufs[n][:copy(bufs[n], d.waiting[0])]
		d.waiting = d.waiting[1:]
	}
	return n, nil
}

func (d *badDevice) Transmit(frames [][]byte) (int, error) {
	switch {
	case d.goneTx:
		d.sentAfterGone++
		return len(frames), fmt.Errorf("transmit: %w", nic.ErrGone)
	case d.full:
		return 0, nil
	}
	d.sent += len(frames)
	return len(frames), nil
}

func (d *badDevice) Release()               {}
func (d *badDevice) FD() int                { return -1 }
func (d *badDevice) Counters() nic.Counters { return nic.Counters{} }
func (d *badDevice) Close() error           { return nil }

var bridgedLLC = tunnelConfig{mode: ModeN1, encap: aal.LLC, kind: aal.Bridged}

// carried is an SDU of LLC and a MAC frame of n octets.
func carried(t testing.TB, n int) []byte {
	t.Helper()
	return append(unhex(t, "aaaa030080c200070000"), frame(aal.Bridged, n, 1)...)
}

// cellFrame is a frame of cells as our port takes it.
func cellFrame(cells []byte) []byte {
	f := make([]byte, LabelBytes, LabelBytes+len(cells))
	w := newPseudowire(&Encapsulation{LabelOut: 100}, nil)
	w.put(f, 0, false, false, 0)
	return append(f, cells...)
}

// TestTAPGoneInABurst deletes the host's device while a burst of borrowed frames is on
// its way to it.
func TestTAPGoneInABurst(t *testing.T) {
	near, far, err := nic.NewWire(nic.WireConfig{MaxFrame: 1600, Lends: true})
	if err != nil {
		t.Fatal(err)
	}
	c := bridgedLLC
	c.mode = ModeAAL5SDU
	e := newEnd(t, c, near, &testClock{}, 1, 2)
	if err := e.tap.Replace(&badDevice{max: 2000, goneTx: true}); err != nil {
		t.Fatal(err)
	}
	w := newPseudowire(&Encapsulation{LabelOut: 100, Mode: ModeAAL5SDU}, nil)
	for range 3 {
		sdu := carried(t, 200)
		f := make([]byte, w.overhead())
		w.put(f, len(sdu), false, false, 0)
		send(t, far, append(f, sdu...))
	}
	e.hub.Pass()
	e.hub.Pass()
	if n := e.tap.lost; n != 2 { // the device has counted the first itself
		t.Errorf("%d frames counted as lost", n)
	}
}

// TestCarrierGoneWhileFull deletes the carrier while a batch and a frame under
// construction wait for it: told by Transmit, and told by Receive.
func TestCarrierGoneWhileFull(t *testing.T) {
	for name, fail := range map[string]func(*badDevice){
		"transmit": func(d *badDevice) { d.goneTx = true },
		"receive":  func(d *badDevice) { d.gone = true },
	} {
		t.Run(name, func(t *testing.T) {
			dev := &badDevice{max: 1514, full: true}
			e := newEnd(t, bridgedLLC, dev, &testClock{}, 1, 2)
			burst := make([][]byte, 64)
			for i := range burst {
				burst[i] = frame(aal.Bridged, 1300, uint64(i))
			}
			for range 4 {
				_, _ = e.host.Transmit(burst)
				e.hub.Pass()
			}
			if e.carrier.ports[0].frame == 0 || e.carrier.tx.room() {
				t.Fatal("nothing waits for the device")
			}
			fail(dev)
			for range 10 {
				e.hub.Pass()
			}
			if e.carrier.present() || e.carrier.ports[0].frame != 0 || e.carrier.tx.n != 0 {
				t.Error("the port still holds something for a device that has gone")
			}
			fresh := &badDevice{max: 1514}
			if err := e.carrier.Replace(fresh, [6]byte{}); err != nil {
				t.Fatal(err)
			}
			for i := range 20 {
				send(t, e.host, frame(aal.Bridged, 1300, uint64(i)))
				e.hub.Pass()
			}
			if fresh.sent == 0 {
				t.Error("nothing is sent by the new device")
			}
		})
	}
}

// TestCongestionOneWay fills the port with the shortest frames, of which a queue holds
// most: the host is stopped, and the other way still has blocks.
func TestCongestionOneWay(t *testing.T) {
	for _, size := range []int{60, 66, 106, 1000} {
		dev := &badDevice{max: 1472, full: true}
		e := newEnd(t, bridgedLLC, dev, &testClock{}, 1, 2)
		for i := range 6000 {
			_, _ = e.host.Transmit([][]byte{frame(aal.Bridged, size, uint64(i))})
			e.hub.Pass()
		}
		if !e.tap.paused {
			t.Errorf("frames of %d octets: the host's device is still read", size)
		}
		for range 10 {
			dev.waiting = append(dev.waiting, cellFrame(cellsOf(t, testVC, carried(t, 200))))
		}
		e.hub.Pass()
		e.hub.Pass()
		if n := len(receiveAll(t, e.host)); n != 10 {
			t.Errorf("frames of %d octets: %d of 10 frames came the other way, %d blocks left", size, n, e.hub.Pool.Available(1))
		}
		if e.aal5.counts.noBlocksOut+e.tap.rx.noBlocks != 0 {
			t.Errorf("frames of %d octets: the host's frames were shed, not held back", size)
		}
	}
}

// TestReassemblyTimeoutIsOfThePDU: a PDU has all of the time from its first cell on,
// however old the timer, and cells of management do not lengthen it.
func TestReassemblyTimeoutIsOfThePDU(t *testing.T) {
	const ms = 1000 * 1000
	clock := &testClock{}
	near, far, err := nic.NewWire(nic.WireConfig{MaxFrame: 1600})
	if err != nil {
		t.Fatal(err)
	}
	e := newEnd(t, bridgedLLC, near, clock, 1, 2)
	cells := cellsOf(t, testVC, carried(t, 200))
	at := func(time int64, cells []byte) {
		clock.now = time
		if cells != nil {
			send(t, far, cellFrame(cells))
		}
		e.hub.Pass()
	}
	at(0, cells[:aal.CellSize])
	at(1*ms, cells[aal.CellSize:])
	at(490*ms, cells[:aal.CellSize])
	at(501*ms, nil)
	at(900*ms, cells[aal.CellSize:])
	if n := e.aal5.counts.events[aal.EvPDU]; n != 2 || e.aal5.counts.timeouts != 0 {
		t.Errorf("%d PDUs of 2, %d timeouts", n, e.aal5.counts.timeouts)
	}
	at(1000*ms, cells[:aal.CellSize])
	oam := make([]byte, aal.CellSize)
	aal.MakeHeader(testVC, aal.PTIEndToEndOAM, false).Put(oam)
	for i := range int64(5) {
		at((1200+i*200)*ms, oam)
	}
	if e.aal5.counts.timeouts != 1 || e.aal5.ras.Partial() {
		t.Errorf("%d timeouts, a PDU still under way: %v", e.aal5.counts.timeouts, e.aal5.ras.Partial())
	}
}

// TestBlocksRunOutInAPDU takes the pool away while an SDU is being segmented.
func TestBlocksRunOutInAPDU(t *testing.T) {
	dev := &badDevice{max: 1472, full: true}
	e := newEnd(t, bridgedLLC, dev, &testClock{}, 1, 2)
	for i := 0; e.carrier.tx.n < transmitBatch-1; i++ {
		send(t, e.host, frame(aal.Bridged, 60, uint64(i)))
		e.hub.Pass()
	}
	var held []block.ID
	for e.hub.Pool.Available(1) > 4 {
		held = append(held, e.hub.Pool.Alloc(1))
	}
	for range 20 {
		_, _ = e.host.Transmit([][]byte{frame(aal.Bridged, 940, 1), frame(aal.Bridged, 9000, 1)})
		e.hub.Pass()
	}
	for _, b := range held {
		e.hub.Pool.Free(b)
	}
	dev.full = false
	settleOne(e)
	if dev.sent == 0 {
		t.Error("nothing was sent afterwards")
	}
}

func settleOne(e *end) {
	for range 100 {
		e.hub.Pass()
	}
}

// TestDriversAnswerControl: an ioctl that nobody knows is refused at once, and a flush
// from the head empties the whole stream and comes round.
func TestDriversAnswerControl(t *testing.T) {
	arena, err := block.NewArena(block.Config{Medium: 512})
	if err != nil {
		t.Fatal(err)
	}
	h, err := dataplane.NewHub(dataplane.Config{Pool: arena.Pool(0), Clock: (&testClock{}).read})
	if err != nil {
		t.Fatal(err)
	}
	dev := &badDevice{max: 1472, full: true}
	carrier, err := NewCarrier(CarrierConfig{Device: dev, Ports: []PortConfig{label(100)}})
	if err != nil {
		t.Fatal(err)
	}
	head := NewHead(nil)
	fabric, err := dataplane.NewFabric(registry(t, map[string]dataplane.Module{"carrier": carrier.Module(), "head": head.Module()}), h)
	if err != nil {
		t.Fatal(err)
	}
	defer fabric.Close()
	ids, err := fabric.Build(0, dataplane.Part{Name: "carrier"}, dataplane.Part{Name: "associations", Arg: "carrier"},
		dataplane.Part{Arg: "vc 0 0/100"}, dataplane.Part{Name: "aal5", Arg: "0/100"}, dataplane.Part{Name: "head"})
	if err != nil {
		t.Fatal(err)
	}
	for range 3000 {
		if _, err := head.Write(make([]byte, 1000)); err != nil {
			break
		}
		h.Pass()
	}
	if carrier.in.Len() == 0 || carrier.in.Stat(0).Refused == 0 {
		t.Fatalf("the stream is not full: %d in the port, and nobody waits for it", carrier.in.Len())
	}
	var refused error
	if err := head.Ioctl(1, nil, func(_ []byte, err error) { refused = err }); err != nil {
		t.Fatal(err)
	}
	if err := head.Flush(dataplane.FlushRead | dataplane.FlushWrite); err != nil {
		t.Fatal(err)
	}
	h.Pass()
	if carrier.in.Len() != 0 {
		t.Errorf("after the flush %d wait in the port", carrier.in.Len())
	}
	if counts, err := fabric.Counters(ids[1]); err != nil || counts[0][0].N != 0 {
		t.Errorf("the flush that came round was taken for a cell: %v, %v", counts, err)
	}
	dev.full = false
	for range 50 {
		h.Pass()
	}
	if refused != syscall.EINVAL {
		t.Errorf("the ioctl ended with %v", refused)
	}
}
