package modules

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/nic"
)

// TestFullCarrierStopsTheHost fills a carrier that takes only a few frames: what the
// host sends stays in its device, nothing is lost, and all of it arrives in order
// once the carrier runs again.
func TestFullCarrierStopsTheHost(t *testing.T) {
	for _, mode := range []Mode{ModeN1, ModeAAL5SDU} {
		t.Run(mode.String(), func(t *testing.T) {
			clock := &testClock{}
			near, far, err := nic.NewWire(nic.WireConfig{MaxFrame: 1600, Depth: 4})
			if err != nil {
				t.Fatal(err)
			}
			c := tunnelConfig{mode: mode, encap: aal.LLC, kind: aal.Bridged}
			a := newEnd(t, c, near, clock, 1, 2)
			b := newEnd(t, c, far, clock, 2, 1)
			// More than the port's queue and batch hold.
			var want [][]byte
			sent := 0
			for i := range 600 {
				want = append(want, frame(aal.Bridged, 1514, uint64(i)))
			}
			stalled := false
			for range 40 {
				n, err := a.host.Transmit(want[sent:])
				if err != nil {
					t.Fatal(err)
				}
				if sent += n; n == 0 {
					stalled = true
				}
				a.hub.Pass()
			}
			if !stalled || !a.tap.paused {
				t.Fatalf("the host's device is still read: %d of %d frames taken", sent, len(want))
			}
			var got [][]byte
			for range 4000 {
				n, _ := a.host.Transmit(want[sent:])
				sent += n
				a.hub.Pass()
				b.hub.Pass()
				got = append(got, receiveAll(t, b.host)...)
			}
			if !equalFrames(got, want) {
				t.Errorf("%d frames of %d arrived, or in another order", len(got), len(want))
			}
		})
	}
}

// TestReassemblyTimeout loses the end of a PDU and lets the time go by.
func TestReassemblyTimeout(t *testing.T) {
	clock := &testClock{}
	near, far, err := nic.NewWire(nic.WireConfig{MaxFrame: 1600})
	if err != nil {
		t.Fatal(err)
	}
	e := newEnd(t, tunnelConfig{mode: ModeN1, encap: aal.LLC, kind: aal.Bridged}, near, clock, 1, 2)
	lost := make([]byte, LabelBytes+aal.CellSize)
	w := newPseudowire(&Encapsulation{LabelOut: 100}, nil)
	w.put(lost, 0, false, false, 0)
	aal.MakeHeader(testVC, aal.PTIUser, false).Put(lost[LabelBytes:])
	send(t, far, lost)
	e.hub.Pass()
	held, _ := e.arena.Pool(0).InUse()
	for range 3 {
		clock.now += ReassemblyTimeout
		e.hub.Pass()
	}
	if n := e.aal5.counts.timeouts; n != 1 {
		t.Errorf("%d timeouts counted", n)
	}
	if e.aal5.timer.Running() {
		t.Error("the timer runs on without a PDU")
	}
	if now, _ := e.arena.Pool(0).InUse(); now > held {
		t.Errorf("%d blocks held, %d before", now, held)
	}
}

// TestMixedFrame puts cells of three VCs into one frame: those of ours arrive, the
// others are counted as unknown, none disturbs another.
func TestMixedFrame(t *testing.T) {
	clock := &testClock{}
	for _, lends := range []bool{false, true} {
		near, far, err := nic.NewWire(nic.WireConfig{MaxFrame: 1600, Lends: lends})
		if err != nil {
			t.Fatal(err)
		}
		e := newEnd(t, tunnelConfig{mode: ModeN1, encap: aal.LLC, kind: aal.Bridged}, near, clock, 1, 2)
		want := frame(aal.Bridged, 60, 1)
		sdu := append(unhex(t, "aaaa030080c200070000"), want...)
		ours, other := cellsOf(t, testVC, sdu), cellsOf(t, aal.VC{VPI: 1, VCI: 100}, sdu)
		mixed := make([]byte, LabelBytes)
		w := newPseudowire(&Encapsulation{LabelOut: 100}, nil)
		w.put(mixed, 0, false, false, 0)
		for i := range len(ours) / aal.CellSize {
			mixed = append(mixed, ours[i*aal.CellSize:(i+1)*aal.CellSize]...)
			mixed = append(mixed, other[i*aal.CellSize:(i+1)*aal.CellSize]...)
		}
		send(t, far, mixed)
		e.hub.Pass()
		if got := receiveAll(t, e.host); len(got) != 1 || !bytes.Equal(got[0], want) {
			t.Errorf("lends %v: %d frames arrived, or another", lends, len(got))
		}
		if n := e.count(t, "associations", "rx_drop_unknown_vc"); n != uint64(len(other)/aal.CellSize) {
			t.Errorf("lends %v: %d runs of the unknown VC counted", lends, n)
		}
	}
}

// cellsOf is one SDU in cells.
func cellsOf(t *testing.T, vc aal.VC, sdu []byte) []byte {
	t.Helper()
	var s aal.Segmenter
	if err := s.Start(aal.MakeHeader(vc, aal.PTIUser, false), sdu, 0, 0); err != nil {
		t.Fatal(err)
	}
	cells := make([]byte, aal.AAL5Cells(len(sdu))*aal.CellSize)
	s.Cells(cells)
	return cells
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestShortageShedsAtTheDevice takes the pool's blocks away: frames are shed and
// counted, and traffic goes on by itself when blocks are there again.
func TestShortageShedsAtTheDevice(t *testing.T) {
	a, b, _ := newTunnel(t, tunnelConfig{mode: ModeN1, encap: aal.LLC, kind: aal.Bridged})
	var taken []block.ID
	for {
		id := a.hub.Pool.Alloc(1)
		if id == 0 {
			break
		}
		taken = append(taken, id)
	}
	send(t, a.host, frame(aal.Bridged, 100, 1), frame(aal.Bridged, 100, 2))
	settle(a, b)
	if n := a.tap.rx.noBlocks; n != 2 {
		t.Errorf("%d frames shed", n)
	}
	if got := receiveAll(t, b.host); len(got) != 0 {
		t.Errorf("%d frames arrived", len(got))
	}
	for _, id := range taken {
		a.hub.Pool.Free(id)
	}
	send(t, a.host, frame(aal.Bridged, 100, 3))
	settle(a, b)
	if got := receiveAll(t, b.host); len(got) != 1 {
		t.Errorf("%d frames arrived afterwards", len(got))
	}
}

// TestControlWord is RFC 4717's, bit by bit, for AAL5 SDU mode and
// N-to-one mode.
func TestControlWord(t *testing.T) {
	for _, c := range []struct {
		name      string
		mode      Mode
		n         int
		clp, efci bool
		uu        uint8
		want      string
	}{
		{"SDU of 1 octet", ModeAAL5SDU, 1, false, false, 0, "00064 1ff 0005 0000"},
		{"longest with a length", ModeAAL5SDU, 59, false, false, 0, "00064 1ff 003f 0000"},
		{"shortest without", ModeAAL5SDU, 60, false, false, 0, "00064 1ff 0000 0000"},
		{"CLP", ModeAAL5SDU, 100, true, false, 0, "00064 1ff 0200 0000"},
		{"EFCI", ModeAAL5SDU, 100, false, true, 0, "00064 1ff 0400 0000"},
		{"UU", ModeAAL5SDU, 100, false, false, 3, "00064 1ff 0100 0000"},
		{"cells", ModeN1CW, 52, true, true, 1, "00064 1ff 0000 0000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newPseudowire(&Encapsulation{Mode: c.mode, LabelOut: 100, LabelIn: 100}, nil)
			f := make([]byte, w.overhead()+c.n)
			w.put(f, c.n, c.clp, c.efci, c.uu)
			if want := unhex(t, c.want); !bytes.Equal(f[:8], want) {
				t.Errorf("%x, want %x", f[:8], want)
			}
			padded := append(f, make([]byte, 46)...) // as Ethernet pads
			from, to, _, cause := w.strip(padded[LabelBytes:])
			if c.mode == ModeAAL5SDU && c.n < 60 && (cause != taken || to-from != c.n) {
				t.Errorf("stripped to %d octets, cause %d", to-from, cause)
			}
		})
	}
}

// FuzzStrip gives frames of any content to every kind of carrier and port: no panic, and
// what is taken lies inside the frame.
func FuzzStrip(f *testing.F) {
	f.Add([]byte{}, uint8(0), uint8(1))
	f.Add(make([]byte, 3), uint8(1), uint8(0))
	f.Add([]byte("\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x88\x47\x00\x06\x41\xff\x00\x05\x00\x00\x2a"), uint8(2), uint8(1))
	f.Add([]byte("\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x81\x00\x00\x05\x88\x47\x00\x06\x41\xff\x00\x05\x00\x00\x2a"), uint8(2), uint8(1))
	f.Add([]byte("\x00\x06\x41\xff\x00\x3f\x00\x00\x2a"), uint8(2), uint8(0))
	f.Add([]byte("\x00\x06\x41\xff\x10\x00\x00\x00\x2a"), uint8(1), uint8(0))
	f.Add(append([]byte("\x00\x06\x41\xff\x00\x00\x01\x84"), make([]byte, 48)...), uint8(0x85), uint8(0))
	f.Fuzz(func(t *testing.T, frame []byte, mode, link uint8) {
		l := Link(link % 3)
		n, _, ok := l.strip(frame)
		if !ok {
			return
		}
		l.from(frame, &Far{})
		s, ok := readStack(frame[n:])
		if !ok {
			return
		}
		w := newPseudowire(&Encapsulation{Mode: Mode(int(mode&127) % len(modeNames)), LabelOut: 100, LabelIn: 100, Numbered: mode > 127}, nil)
		rest := frame[n+s.octets:]
		if from, to, _, cause := w.strip(rest); cause == taken && (from > to || to > len(rest)) {
			t.Errorf("%d:%d of %d", from, to, len(rest))
		}
	})
}
