package aal

import (
	"bytes"
	"testing"
)

// streamCells sends an SDU in pieces of that size by streaming mode.
func streamCells(t *testing.T, h Header, sdu []byte, piece, room int) []byte {
	t.Helper()
	var s StreamSegmenter
	if err := s.Start(h); err != nil {
		t.Fatal(err)
	}
	var cells []byte
	dst := make([]byte, room)
	for p := sdu; len(p) > 0; {
		taken, written, err := s.Write(dst, p[:min(piece, len(p))])
		if err != nil {
			t.Fatal(err)
		}
		p = p[taken:]
		cells = append(cells, dst[:written]...)
	}
	end := make([]byte, 2*CellSize)
	n, err := s.End(end, 5, 6)
	if err != nil {
		t.Fatal(err)
	}
	return append(cells, end[:n]...)
}

// Streaming mode makes the cells of message mode, and gives back the SDU,
// whatever the pieces.
func TestStreamIsMessage(t *testing.T) {
	h := MakeHeader(VC{0, 100}, 0, true)
	for n := 1; n <= 400; n++ {
		streamIdentity(t, h, n, 1+n%131, CellSize+n%200)
	}
	for _, n := range []int{1500, 9180, MaxSDU - 1, MaxSDU} {
		streamIdentity(t, h, n, 1000, 10*CellSize)
		streamIdentity(t, h, n, MaxSDU, MaxPDUCells*CellSize)
	}
}

func streamIdentity(t *testing.T, h Header, n, piece, room int) {
	t.Helper()
	sdu := pattern(n)
	var s Segmenter
	if err := s.Start(h, sdu, 5, 6); err != nil {
		t.Fatal(err)
	}
	want := make([]byte, s.Left()*CellSize)
	s.Cells(want)
	got := streamCells(t, h, sdu, piece, room)
	if !bytes.Equal(got, want) {
		t.Fatalf("%d octets in pieces of %d: other cells", n, piece)
	}
	var r StreamReassembler
	var out []byte
	dst := make([]byte, MinStreamRoom+piece)
	for cells := got; ; {
		k, w, ev := r.Push(dst, cells)
		cells = cells[k:]
		out = append(out, dst[:w]...)
		if ev == EvPDU {
			break
		}
		if ev != EvNone || k == 0 {
			t.Fatalf("%d octets in pieces of %d: %v after %d", n, piece, ev, k)
		}
	}
	if p := r.PDU(); !bytes.Equal(out, sdu) || p.UU != 5 || p.CPI != 6 || !p.CLP || p.EFCI || r.Partial() {
		t.Fatalf("%d octets in pieces of %d: %d back, %+v", n, piece, len(out), p)
	}
}

// I.363.5, 9.2.1: an abort is a PDU of Length 0 whose CRC is right.
func TestStreamAbort(t *testing.T) {
	h := MakeHeader(VC{0, 100}, 0, false)
	for _, n := range []int{1, 40, 41, 47, 48, 49, 88, 89, 96, 1500} {
		var s StreamSegmenter
		if err := s.Start(h); err != nil {
			t.Fatal(err)
		}
		cells := make([]byte, 64*CellSize)
		_, w, err := s.Write(cells, pattern(n))
		if err != nil {
			t.Fatal(err)
		}
		k, err := s.Abort(cells[w:])
		if err != nil {
			t.Fatal(err)
		}
		cells = cells[:w+k]
		if (w == 0) != (len(cells) == 0) {
			t.Errorf("%d octets: %d of cells, %d of abort", n, w, k)
		}
		if len(cells) == 0 {
			continue
		}
		var r Reassembler
		r.Start(make([]byte, 2000))
		if used, ev := r.Push(cells); ev != EvAbort || used != len(cells) {
			t.Errorf("%d octets: %v", n, ev)
		}
		var sr StreamReassembler
		if used, _, ev := sr.Push(make([]byte, 4000), cells); ev != EvAbort || used != len(cells) {
			t.Errorf("%d octets, streaming: %v", n, ev)
		}
	}
}

func TestStreamSegmenterRefuses(t *testing.T) {
	h := MakeHeader(VC{0, 100}, 0, false)
	var s StreamSegmenter
	dst := make([]byte, 2*CellSize)
	if _, _, err := s.Write(dst, []byte{1}); err != ErrIdle {
		t.Errorf("write when idle: %v", err)
	}
	if _, err := s.End(dst, 0, 0); err != ErrIdle {
		t.Errorf("end when idle: %v", err)
	}
	if _, err := s.Abort(dst); err != ErrIdle {
		t.Errorf("abort when idle: %v", err)
	}
	if err := s.Start(h.WithPTI(PTIEndToEndOAM)); err != ErrHeader {
		t.Errorf("OAM header: %v", err)
	}
	if err := s.Start(h); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(h); err != ErrBusy {
		t.Errorf("start within an SDU: %v", err)
	}
	if _, err := s.End(dst, 0, 0); err != ErrSDUEmpty {
		t.Errorf("end of nothing: %v", err)
	}
	if _, _, err := s.Write(make([]byte, 2000*CellSize), make([]byte, MaxSDU)); err != nil {
		t.Fatal(err)
	}
	if taken, _, err := s.Write(dst, []byte{1}); err != ErrSDULong || taken != 0 {
		t.Errorf("one octet more: %v", err)
	}
	// 65535 is 1365 cells and 15 octets: one cell is left.
	if _, err := s.End(dst[:51], 0, 0); err != ErrNoSpace {
		t.Errorf("no room: %v", err)
	}
	if n, err := s.End(dst[:52], 0, 0); n != 52 || err != nil {
		t.Errorf("end: %d, %v", n, err)
	}
}

// A StreamSegmenter stops where dst is full and goes on.
func TestStreamSegmenterFull(t *testing.T) {
	var s StreamSegmenter
	if err := s.Start(MakeHeader(VC{0, 100}, 0, false)); err != nil {
		t.Fatal(err)
	}
	taken, written, err := s.Write(make([]byte, CellSize+51), pattern(200))
	if taken != 96 || written != CellSize || err != nil {
		t.Errorf("%d taken, %d written, %v", taken, written, err)
	}
	taken, written, err = s.Write(nil, pattern(200)[96:])
	if taken != 0 || written != 0 || err != nil {
		t.Errorf("%d taken, %d written, %v", taken, written, err)
	}
}

// The two receivers agree on any cells: the same events at the same cells,
// the same octets of good SDUs.
func FuzzReassemblers(f *testing.F) {
	h := MakeHeader(VC{0, 100}, 0, false)
	good := makeCells(f, h, pattern(100))
	f.Add(good)
	f.Add(good[:104])
	f.Add(append(bytes.Clone(good[:60]), good...))
	f.Add(bytes.Join([][]byte{good[:52], bytes.Repeat([]byte{0x0A}, 52), good[52:]}, nil))
	f.Add(makeCells(f, h, pattern(41)))
	f.Fuzz(func(t *testing.T, cells []byte) { reassemblersAgree(t, cells[:len(cells):len(cells)]) })
}

func reassemblersAgree(t *testing.T, cells []byte) {
	var r Reassembler
	var sr StreamReassembler
	buf := make([]byte, MaxPDUCells*PayloadSize)
	r.Start(buf)
	var out []byte
	dst := make([]byte, MaxPDUCells*PayloadSize+MinStreamRoom)
	for {
		n, ev := r.Push(cells)
		n2, w, ev2 := sr.Push(dst, cells)
		if n != n2 || ev != ev2 || r.Partial() != sr.Partial() {
			t.Fatalf("%d %v and %d %v", n, ev, n2, ev2)
		}
		out = append(out, dst[:w]...)
		cells = cells[n:]
		switch ev {
		case EvNone:
			return
		case EvPDU:
			a, b := r.PDU(), sr.PDU()
			if !bytes.Equal(a.SDU, out) || a.UU != b.UU || a.CPI != b.CPI || a.CLP != b.CLP || a.EFCI != b.EFCI {
				t.Fatalf("SDUs of %d and %d octets", len(a.SDU), len(out))
			}
			r.Start(buf)
			out = out[:0]
		case EvCRC, EvLength, EvAbort, EvOverrun:
			out = out[:0]
		}
	}
}

func TestReassemblersAgree(t *testing.T) {
	rng := seeded(t)
	for range 300 {
		var run []byte
		for range 3 {
			run = append(run, damageRun(rng, makeCells(t, MakeHeader(VC{1, 33}, 0, false), randomSDU(rng)))...)
		}
		reassemblersAgree(t, run)
	}
	// One cell more than the largest PDU has.
	cells := makeCells(t, MakeHeader(VC{1, 33}, 0, false), pattern(MaxSDU))
	reassemblersAgree(t, append(bytes.Clone(cells[:CellSize]), cells...))
}

func TestStreamAbandon(t *testing.T) {
	good := makeCells(t, MakeHeader(VC{0, 100}, 0, false), pattern(100))
	var r StreamReassembler
	dst := make([]byte, 1000)
	if r.Abandon() {
		t.Error("the zero StreamReassembler holds something")
	}
	r.Push(dst, good[:104])
	if !r.Partial() || !r.Abandon() || r.Partial() {
		t.Error("a partial PDU is forgotten once")
	}
	if _, w, ev := r.Push(dst, good); ev != EvPDU || !bytes.Equal(dst[:w], pattern(100)) {
		t.Errorf("PDU after a timeout: %v", ev)
	}
}

func TestStreamNoAllocations(t *testing.T) {
	sdu := pattern(1500)
	var s StreamSegmenter
	var r StreamReassembler
	cells, dst := make([]byte, 33*CellSize), make([]byte, 2000)
	if n := testing.AllocsPerRun(100, func() {
		_ = s.Start(MakeHeader(VC{0, 100}, 0, false))
		_, w, _ := s.Write(cells, sdu)
		k, _ := s.End(cells[w:], 0, 0)
		r.Push(dst, cells[:w+k])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// I.363.5, annex E: what is delivered of a damaged PDU.
func TestCorruptedDelivery(t *testing.T) {
	h := MakeHeader(VC{0, 100}, 0, false)
	sdu := pattern(100)
	flipped := makeCells(t, h, sdu)
	flipped[60] ^= 1
	want := bytes.Clone(sdu)
	want[48+4] ^= 1
	lost := append(makeCells(t, h, sdu)[:52], makeCells(t, h, sdu)[104:]...)
	whole := append(bytes.Clone(sdu), make([]byte, 36)...)
	for _, c := range []struct {
		name  string
		cells []byte
		room  int
		ev    Event
		sdu   []byte
	}{
		{"wrong bit", flipped, 144, EvCRC, want},
		{"cell lost: the Length is no help", lost, 144, EvCRC, append(bytes.Clone(whole[:48]), whole[96:]...)},
		{"overrun", makeCells(t, h, sdu), 96, EvOverrun, sdu[:96]},
	} {
		var r Reassembler
		r.Start(make([]byte, c.room))
		if _, ev := r.Push(c.cells); ev != c.ev || !bytes.Equal(r.PDU().SDU, c.sdu) {
			t.Errorf("%s: %v, % X", c.name, ev, r.PDU().SDU)
		}
	}
}
