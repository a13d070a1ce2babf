package modules

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/nic"
)

var sduVC = aal.VC{VPI: 2, VCI: 77}

// newSDURig is a port of SDUs, one of cells and another of SDUs, each on its carrier, the first
// two cross-connected both ways, and VC 0/50 of the second with the third.
func newSDURig(t *testing.T) *switchRig {
	sdu := label(16)
	sdu.Mode, sdu.VC = ModeAAL5SDU, sduVC
	other := sdu
	other.VC = aal.VC{VCI: 40}
	r := newSwitchRigOf(t, 1, nic.WireConfig{MaxFrame: 9000, Depth: 256}, CarrierConfig{Ports: []PortConfig{sdu}},
		CarrierConfig{Ports: []PortConfig{label(16)}}, CarrierConfig{Ports: []PortConfig{other}})
	join := func(a int, av aal.VC, b int, bv aal.VC) {
		t.Helper()
		for _, way := range []struct {
			c  int
			vc aal.VC
			to Output
		}{{a, av, r.to(b, 0, bv)}, {b, bv, r.to(a, 0, av)}} {
			if err := r.carriers[way.c].Reserve(Leg{Connection: Connection{VC: way.vc}}); err != nil {
				t.Fatal(err)
			}
			if err := r.carriers[way.c].Connect(Connection{VC: way.vc}, way.to); err != nil {
				t.Fatal(err)
			}
		}
	}
	join(0, sduVC, 1, aal.VC{VCI: 60})
	join(2, other.VC, 1, aal.VC{VCI: 50})
	return r
}

// sduFrame is a frame of AAL5 SDU mode, by RFC 4717, 11.1: zero, T E C U, length, number.
func sduFrame(flags byte, payload []byte) []byte {
	n := len(payload) + ControlWordBytes
	if n >= 64 {
		n = 0
	}
	f := appendLabel(nil, 16, 0, DefaultTTL, true)
	return append(append(f, flags, byte(n), 0, 0), payload...)
}

func transmit(t *testing.T, r *switchRig, carrier int, frames ...[]byte) {
	t.Helper()
	if n, err := r.far[carrier].Transmit(frames); n != len(frames) || err != nil {
		t.Fatal(n, err)
	}
	r.pass()
}

// SDUs become cells, each with the SDU's CLP and EFCI, and U of the last the SDU's CPCS-UU;
// back, CLP is that of any cell and EFCI that of the last (RFC 4717, 11.1: C and E).
func TestSDUsAndCells(t *testing.T) {
	r := newSDURig(t)
	rnd := rand.New(rand.NewPCG(seed(t), 4))
	for _, n := range []int{1, 40, 41, 1500, 8000} {
		for flags := range byte(8) { // E, C, U
			sdu := make([]byte, n)
			for i := range sdu {
				sdu[i] = byte(rnd.Uint32())
			}
			clp, efci := flags&2 != 0, flags&4 != 0
			var seg aal.Segmenter
			want := make([]byte, aal.AAL5Cells(n)*aal.CellSize)
			if err := seg.Start(aal.MakeHeader(aal.VC{VCI: 60}, 0, clp).WithEFCI(efci), sdu, flags&1, 0); err != nil {
				t.Fatal(err)
			}
			seg.Cells(want)
			transmit(t, r, 0, sduFrame(flags, sdu))
			wantCells(t, fmt.Sprintf("%d octets, flags %d", n, flags), r.sent(1)[0], want)

			// back: one cell has CLP, and EFCI is on all but the last, or on it alone
			back := bytes.Clone(want)
			for i := 0; i < len(back); i += aal.CellSize {
				last := i+aal.CellSize == len(back)
				h := aal.ReadHeader(back[i:]).WithCLP(clp && i == 0).WithEFCI(efci == last)
				h.Put(back[i:])
			}
			r.send(1, 0, back)
			frames := receiveAll(t, r.far[0])
			if len(frames) != 1 || !bytes.Equal(frames[0], sduFrame(flags, sdu)) {
				t.Fatalf("%d octets, flags %d: back %d frames, the first %x", n, flags, len(frames), frames[0][:8])
			}
		}
	}
}

// OAM cells cross as administrative cells, T set and the rest of the flags clear, and do not
// harm the PDU that they come into.
func TestAdministrativeCells(t *testing.T) {
	r := newSDURig(t)
	oam := make([]byte, aal.CellSize)
	aal.OAMF5EndToEnd.Header(aal.VC{VCI: 60}).Put(oam)
	if err := aal.PutOAMContinuity(oam[aal.HeaderSize:]); err != nil {
		t.Fatal(err)
	}
	sdu := bytes.Repeat([]byte{7}, 200)
	var seg aal.Segmenter
	cells := make([]byte, aal.AAL5Cells(len(sdu))*aal.CellSize)
	_ = seg.Start(aal.MakeHeader(aal.VC{VCI: 60}, 0, false), sdu, 0, 0)
	seg.Cells(cells)
	r.send(1, 0, append(append(bytes.Clone(cells[:2*aal.CellSize]), oam...), cells[2*aal.CellSize:]...))
	there := bytes.Clone(oam)
	aal.OAMF5EndToEnd.Header(sduVC).Put(there)
	frames := receiveAll(t, r.far[0])
	if want := [][]byte{sduFrame(8, there), sduFrame(0, sdu)}; !equalFrames(frames, want) {
		t.Fatalf("%x, want %x", frames, want)
	}
	aal.OAMF5EndToEnd.Header(aal.VC{VPI: 9, VCI: 9}).Put(there)
	transmit(t, r, 0, sduFrame(8, there))
	wantCells(t, "back", r.sent(1)[0], oam)

	user := userCells(sduVC, 1)
	transmit(t, r, 0, sduFrame(8, user), sduFrame(8, oam[:51]))
	if n := r.carriers[0].ports[0].counts.drops; n[adminCell] != 1 || n[badLength] != 1 {
		t.Errorf("a user cell and a short one: %v", n)
	}
}

// From SDUs to SDUs nothing is cut up: also an SDU with a CPCS-UU, which 11.1 carries one bit
// of, goes as it is.
func TestSDUsToSDUs(t *testing.T) {
	r := newSDURig(t)
	if err := r.carriers[0].Disconnect(Connection{VC: sduVC}); err != nil {
		t.Fatal(err)
	}
	if err := r.carriers[0].Connect(Connection{VC: sduVC}, r.to(2, 0, aal.VC{VCI: 40})); err != nil {
		t.Fatal(err)
	}
	f := sduFrame(7, bytes.Repeat([]byte{9}, 3000))
	transmit(t, r, 0, f)
	if got := receiveAll(t, r.far[2]); len(got) != 1 || !bytes.Equal(got[0], f) {
		t.Fatalf("%d frames", len(got))
	}
	counts, err := r.carriers[0].ConnectionCounts(Connection{VC: sduVC})
	if want := uint64(aal.AAL5Cells(3000)); err != nil || counts[0].N != want {
		t.Errorf("%v, want %d cells", counts, want)
	}
	steadySDU(t, r, f, 2, 1)
}

// Between SDUs and cells nothing is allocated either.
func TestSDUsAllocateNothing(t *testing.T) {
	r := newSDURig(t)
	steadySDU(t, r, sduFrame(7, bytes.Repeat([]byte{9}, 3000)), 1, 1)
}

// steadySDU sends an SDU again and again, which leaves by a carrier in so many frames.
func steadySDU(t *testing.T, r *switchRig, f []byte, to, frames int) {
	t.Helper()
	in, out := [][]byte{f}, [][]byte{make([]byte, 9000)}
	if n := testing.AllocsPerRun(100, func() {
		if n, err := r.far[0].Transmit(in); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		r.pass()
		out[0] = out[0][:cap(out[0])]
		if n, err := r.far[to].Receive(out); n != frames || err != nil {
			t.Fatal(n, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}
