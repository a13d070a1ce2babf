package aal

import (
	"bytes"
	"math/bits"
	"math/rand/v2"
	"testing"
)

func wireCell(h Header, payload []byte) []byte {
	c := make([]byte, WireCellSize)
	h.Put(c)
	c[HeaderSize] = h.HEC()
	copy(c[HeaderSize+1:], payload)
	return c
}

// I.361, tables 1 and 3, and I.432.1, 4.4.
func TestReservedHeaders(t *testing.T) {
	for _, c := range []struct {
		name                       string
		h                          Header
		unassigned, physical, idle bool
	}{
		{"unassigned", 0x00000000, true, false, false},
		{"unassigned with PTI", 0x0000000A, true, false, false},
		{"unassigned with GFC", Header(0xA0000000).UNI(), true, false, false},
		{"idle", 0x00000001, false, true, true},
		{"physical layer OAM F1", 0x00000003, false, true, false},
		{"physical layer OAM F3", 0x00000009, false, true, false},
		{"VC 0/1", MakeHeader(VC{0, 1}, 0, false), false, false, false},
		{"VC 256/0 of an NNI", MakeHeader(VC{256, 0}, 0, true), false, false, false},
	} {
		if c.h.Unassigned() != c.unassigned || c.h.PhysicalLayer() != c.physical || c.h.Idle() != c.idle {
			t.Errorf("%s: unassigned %v, physical layer %v, idle %v", c.name, c.h.Unassigned(), c.h.PhysicalLayer(), c.h.Idle())
		}
	}
	cell := make([]byte, WireCellSize)
	PutIdle(cell)
	if want := append([]byte{0, 0, 0, 1, 0x52}, bytes.Repeat([]byte{0x6A}, 48)...); !bytes.Equal(cell, want) {
		t.Errorf("idle cell % X", cell)
	}
}

// Every single wrong bit of a header and its HEC leaves a syndrome of its
// own; so every one can be corrected (I.432.1, 4.3.2).
func TestHECSyndromes(t *testing.T) {
	seen := map[uint8]bool{}
	for s, bit := range hecBit {
		if bit != 0 {
			seen[uint8(s)] = true
		}
	}
	if len(seen) != 40 || hecBit[0] != 0 {
		t.Errorf("%d syndromes", len(seen))
	}
}

func TestHECReceiverCorrectsEveryBit(t *testing.T) {
	for bit := range 40 {
		for _, h := range []Header{0, IdleHeader, 0x00100640, 0xFFFFFFFF} {
			want := wireCell(h, nil)
			cell := bytes.Clone(want)
			cell[bit/8] ^= 0x80 >> (bit % 8)
			var r HECReceiver
			if res := r.Check(cell); res != HECCorrected || !bytes.Equal(cell, want) || !r.Detecting() {
				t.Errorf("%08X bit %d: %v, % X", uint32(h), bit, res, cell[:5])
			}
		}
	}
}

// The two modes of I.432.1, figure 3, as dialogues: g a good header, 1 and 2
// so many wrong bits.
func TestHECReceiverModes(t *testing.T) {
	for _, c := range []struct {
		name       string
		detectOnly bool
		headers    string
		want       []HECResult
	}{
		{"good stays", false, "ggg", []HECResult{HECGood, HECGood, HECGood}},
		{"one bit, then good, then one bit", false, "1g1", []HECResult{HECCorrected, HECGood, HECCorrected}},
		{"one bit twice: the second is discarded", false, "11", []HECResult{HECCorrected, HECBad}},
		{"errors stay in detection", false, "1111g1", []HECResult{HECCorrected, HECBad, HECBad, HECBad, HECGood, HECCorrected}},
		{"two bits go to detection", false, "21g1", []HECResult{HECBad, HECBad, HECGood, HECCorrected}},
		{"detection only", true, "1g1", []HECResult{HECBad, HECGood, HECBad}},
	} {
		r := HECReceiver{DetectOnly: c.detectOnly}
		for i, kind := range c.headers {
			cell := wireCell(0x00100640, nil)
			switch kind {
			case '1':
				cell[1] ^= 0x10
			case '2':
				cell[0] ^= 0x80
				cell[3] ^= 0x01
			}
			before := bytes.Clone(cell)
			got := r.Check(cell)
			if got != c.want[i] {
				t.Errorf("%s, header %d: %v, want %v", c.name, i, got, c.want[i])
			}
			if got != HECCorrected && !bytes.Equal(cell, before) {
				t.Errorf("%s, header %d: changed though %v", c.name, i, got)
			}
		}
	}
}

// No two wrong bits pass as a good header: the code has distance four.
func TestHECFindsTwoBits(t *testing.T) {
	for i := range 40 {
		for j := range i {
			cell := wireCell(0x00100640, nil)
			cell[i/8] ^= 0x80 >> (i % 8)
			cell[j/8] ^= 0x80 >> (j % 8)
			if r := (HECReceiver{}); r.Check(cell) != HECBad {
				t.Errorf("bits %d and %d", i, j)
			}
		}
	}
}

// scrambleBits is x^43+1 as I.432.1, 4.5.3.1 draws it: a shift register.
func scrambleBits(reg *[43]uint8, p []byte) {
	for i := range p {
		for bit := 7; bit >= 0; bit-- {
			out := p[i]>>bit&1 ^ reg[42]
			copy(reg[1:], reg[:42])
			reg[0] = out
			p[i] = p[i]&^(1<<bit) | out<<bit
		}
	}
}

func TestScramblerAgainstShiftRegister(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var s, d Scrambler
	var reg [43]uint8
	for _, n := range []int{48, 48, 1, 2, 3, 4, 5, 7, 48, 47, 11} {
		p := randomOctets(rng, n)
		got, want := bytes.Clone(p), bytes.Clone(p)
		s.Scramble(got)
		scrambleBits(&reg, want)
		if !bytes.Equal(got, want) {
			t.Fatalf("%d octets: % X, want % X", n, got, want)
		}
		d.Descramble(got)
		if !bytes.Equal(got, p) {
			t.Fatalf("%d octets do not come back", n)
		}
	}
}

// A descrambler that starts anywhere is in step after 43 bits, and one wrong
// bit on the line makes two, 43 apart (I.432.1, 4.5.3).
func TestScramblerSynchronises(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	p := randomOctets(rng, 480)
	line := bytes.Clone(p)
	var s Scrambler
	s.Scramble(line)
	d := Scrambler{line: rng.Uint64()}
	got := bytes.Clone(line)
	d.Descramble(got)
	if !bytes.Equal(got[6:], p[6:]) {
		t.Error("not in step after 43 bits")
	}
	d = Scrambler{}
	got = bytes.Clone(line)
	got[100] ^= 0x80
	d.Descramble(got)
	wrong := 0
	for i := range got {
		wrong += bits.OnesCount8(got[i] ^ p[i])
	}
	if wrong != 2 || got[100]^p[100] != 0x80 || got[105]^p[105] != 0x10 {
		t.Errorf("%d wrong bits", wrong)
	}
}

// line makes a stream of n cells with counted payloads, scrambled.
func lineOfCells(n int, plain bool) []byte {
	var s Scrambler
	var out []byte
	for i := range n {
		p := bytes.Repeat([]byte{byte(i)}, PayloadSize)
		if !plain {
			s.Scramble(p)
		}
		out = append(out, wireCell(MakeHeader(VC{1, uint16(100 + i)}, 0, false), p)...)
	}
	return out
}

// collect pushes the line in pieces of all sizes and gives the events, and
// the VCIs of the cells, of which it checks the payload.
func collect(t *testing.T, d *Delineator, line []byte) (evs []LineEvent, vcis []uint16) {
	t.Helper()
	for step := 1; len(line) > 0; step = step%97 + 1 {
		n, ev := d.Push(line[:min(step, len(line))])
		line = line[n:]
		if ev == LineNone {
			continue
		}
		evs = append(evs, ev)
		if ev != LineCell && ev != LineCorrected {
			continue
		}
		c := d.Cell()
		vci := ReadHeader(c[:]).VC().VCI
		vcis = append(vcis, vci)
		if !bytes.Equal(c[5:], bytes.Repeat([]byte{byte(vci - 100)}, PayloadSize)) {
			t.Errorf("cell %d: payload % X", vci, c[5:])
		}
	}
	return evs, vcis
}

// I.432.1, 4.3.4: from HUNT one good header, then DELTA more, lead to SYNC;
// from there every cell is given.
func TestDelineatorSync(t *testing.T) {
	for _, c := range []struct {
		name  string
		d     Delineator
		skip  int // octets of the first cell lost
		first uint16
	}{
		{"from the first octet", Delineator{}, 0, 106},
		{"from the middle of a cell", Delineator{}, 20, 107},
		{"DELTA 8", Delineator{Delta: DelineationDeltaRaw}, 0, 108},
		{"not scrambled", Delineator{Plain: true}, 0, 106},
	} {
		t.Run(c.name, func(t *testing.T) {
			evs, vcis := collect(t, &c.d, lineOfCells(20, c.d.Plain)[c.skip:])
			if len(evs) == 0 || evs[0] != LineSync || c.d.State() != Sync {
				t.Fatalf("%v, %v", evs, c.d.State())
			}
			if len(vcis) != int(120-c.first) || vcis[0] != c.first {
				t.Errorf("cells %v", vcis)
			}
		})
	}
}

// A wrong header in PRESYNC leads back to HUNT.
func TestDelineatorPresyncFails(t *testing.T) {
	line := lineOfCells(20, false)
	line[3*WireCellSize] ^= 0x81
	var d Delineator
	_, vcis := collect(t, &d, line)
	// Cells 0 to 2 count for nothing; 4 is found, 5 to 10 confirm it.
	if len(vcis) != 10 || vcis[0] != 110 {
		t.Errorf("cells %v", vcis)
	}
}

// ALPHA wrong headers in a row lead from SYNC to HUNT, one fewer does not.
func TestDelineatorAlpha(t *testing.T) {
	for _, c := range []struct {
		wrong int
		lost  bool
	}{{6, false}, {7, true}} {
		line := lineOfCells(40, false)
		for i := range c.wrong {
			line[(10+i)*WireCellSize] ^= 0x81
		}
		var d Delineator
		evs, _ := collect(t, &d, line)
		bad, lost := 0, false
		for _, ev := range evs {
			if ev == LineBad {
				bad++
			}
			lost = lost || ev == LineLost
		}
		if lost != c.lost || d.State() != Sync {
			t.Errorf("%d wrong headers: %v", c.wrong, evs)
		}
		if !lost && bad != c.wrong || lost && bad != c.wrong-1 {
			t.Errorf("%d wrong headers: %d told", c.wrong, bad)
		}
	}
}

// A single wrong bit is corrected in SYNC, or discarded with DetectOnly.
func TestDelineatorCorrects(t *testing.T) {
	for _, detectOnly := range []bool{false, true} {
		line := lineOfCells(20, false)
		line[10*WireCellSize+1] ^= 0x04
		d := Delineator{DetectOnly: detectOnly}
		evs, vcis := collect(t, &d, line)
		want, cells := LineCorrected, 14
		if detectOnly {
			want, cells = LineBad, 13
		}
		if evs[5] != want || len(vcis) != cells {
			t.Errorf("detect only %v: %v, cells %v", detectOnly, evs, vcis)
		}
	}
}

// An octet slipped: the machine finds the cells again.
func TestDelineatorSlip(t *testing.T) {
	line := lineOfCells(60, false)
	cut := 20*WireCellSize + 30
	line = append(line[:cut:cut], line[cut+1:]...)
	var d Delineator
	var last uint16
	lost := false
	for len(line) > 0 {
		n, ev := d.Push(line)
		line = line[n:]
		lost = lost || ev == LineLost
		if ev == LineCell {
			last = ReadHeader(d.Cell()[:]).VC().VCI
		}
	}
	if !lost || d.State() != Sync || last != 159 {
		t.Errorf("lost %v, %v, last cell %d", lost, d.State(), last)
	}
}

// An all-zero line never looks like cells, thanks to the coset.
func TestDelineatorZeros(t *testing.T) {
	var d Delineator
	if n, ev := d.Push(make([]byte, 10000)); n != 10000 || ev != LineNone || d.State() != Hunt {
		t.Errorf("%d %v %v", n, ev, d.State())
	}
}

func TestLineNoAllocations(t *testing.T) {
	line := lineOfCells(20, false)
	var d Delineator
	if n := testing.AllocsPerRun(100, func() {
		for p := line; len(p) > 0; {
			n, _ := d.Push(p)
			p = p[n:]
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestLineNames(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Hunt.String(), "HUNT"}, {Presync.String(), "PRESYNC"}, {Sync.String(), "SYNC"}, {DelineationState(9).String(), "unknown"},
		{LineLost.String(), "lost"}, {numLineEvents.String(), "unknown"},
		{HECGood.String(), "good"}, {HECCorrected.String(), "corrected"}, {HECBad.String(), "bad"}, {HECResult(9).String(), "unknown"},
		{EvPDU.String(), "PDU"}, {EvReserved.String(), "reserved PTI"}, {numEvents.String(), "unknown"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

// A header that passes, corrected or not, has its HEC; a bad one is left as it
// was.
func FuzzHECReceiver(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0x52})
	f.Add([]byte{0, 0, 0, 0, 0x54})
	f.Add([]byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, p []byte) {
		var r HECReceiver
		for ; len(p) > HeaderSize; p = p[HeaderSize+1:] {
			cell := bytes.Clone(p[:HeaderSize+1])
			detecting := r.Detecting()
			res := r.Check(cell)
			good := ReadHeader(cell).HEC() == cell[HeaderSize]
			if good == (res == HECBad) || (res != HECCorrected) != bytes.Equal(cell, p[:HeaderSize+1]) || detecting && res == HECCorrected {
				t.Fatalf("% X to % X: %v", p[:HeaderSize+1], cell, res)
			}
		}
	})
}

// However the line is cut in pieces, the same cells come out.
func FuzzDelineator(f *testing.F) {
	f.Add(lineOfCells(12, false), uint8(7))
	f.Add(make([]byte, 100), uint8(1))
	f.Add(lineOfCells(30, true)[11:], uint8(53))
	f.Fuzz(func(t *testing.T, line []byte, piece uint8) {
		var whole, pieces Delineator
		var a, b []byte
		for p := line; len(p) > 0; {
			n, ev := whole.Push(p)
			p = p[n:]
			a = append(a, byte(ev))
			if ev == LineNone {
				a = a[:len(a)-1]
			}
		}
		for p := line; len(p) > 0; {
			k := min(len(p), 1+int(piece))
			n, ev := pieces.Push(p[:k:k])
			p = p[n:]
			if ev != LineNone {
				b = append(b, byte(ev))
			}
		}
		if !bytes.Equal(a, b) || whole != pieces {
			t.Errorf("events %v and %v", a, b)
		}
	})
}

func BenchmarkDelineator(b *testing.B) {
	line := lineOfCells(100, false)
	var d Delineator
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		for p := line; len(p) > 0; {
			n, _ := d.Push(p)
			p = p[n:]
		}
	}
}
