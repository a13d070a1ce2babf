package aal

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// pattern fills n octets with a sequence that no shift of itself matches.
func pattern(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i*7 + i>>8*13 + 1)
	}
	return p
}

func count(from byte, n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = from + byte(i)
	}
	return p
}

// The examples of I.363, annex: CPCS-PDUs of one cell.
var crcVectors = []struct {
	name    string
	payload []byte
	uu, cpi uint8
	crc     uint32
}{
	{"40 x 00", bytes.Repeat([]byte{0}, 40), 0, 0, 0x864D7F99},
	{"40 x FF", bytes.Repeat([]byte{0xFF}, 40), 0, 0, 0xC55E457A},
	{"01..28", count(1, 40), 0, 0, 0xBF671ED0},
	{"01..28 UU=11 CPI=22", count(1, 40), 0x11, 0x22, 0xACBA602A},
}

func TestAAL5CRCVectors(t *testing.T) {
	for _, v := range crcVectors {
		t.Run(v.name, func(t *testing.T) {
			pdu, err := AppendAAL5Trailer(bytes.Clone(v.payload), v.uu, v.cpi)
			if err != nil || len(pdu) != PayloadSize {
				t.Fatalf("%d octets, %v", len(pdu), err)
			}
			if got := binary.BigEndian.Uint32(pdu[44:]); got != v.crc {
				t.Errorf("CRC %08X, want %08X", got, v.crc)
			}
			if got := binary.BigEndian.Uint16(pdu[42:]); got != 0x28 {
				t.Errorf("Length %04X", got)
			}
			if got := crc32Update(crc32Preset, pdu); got != crc32Residue {
				t.Errorf("residue %08X, want %08X", got, uint32(crc32Residue))
			}
			var s Segmenter
			h := MakeHeader(VC{0, 100}, 0, false)
			if err := s.Start(h, v.payload, v.uu, v.cpi); err != nil {
				t.Fatal(err)
			}
			cell := make([]byte, CellSize)
			if n := s.Cells(cell); n != CellSize || !s.Done() {
				t.Fatalf("%d octets, done %v", n, s.Done())
			}
			if !bytes.Equal(cell[4:], pdu) || ReadHeader(cell) != h.WithAUU(true) {
				t.Errorf("cell % X", cell)
			}
		})
	}
}

func TestAAL5Sizes(t *testing.T) {
	for _, c := range []struct{ sdu, cells int }{
		{0, 1}, {1, 1}, {40, 1}, {41, 2}, {88, 2}, {89, 3}, {1500, 32}, {9180, 192}, {65535, 1366},
	} {
		if AAL5Cells(c.sdu) != c.cells || AAL5PDUSize(c.sdu) != c.cells*48 {
			t.Errorf("%d: %d cells, %d octets", c.sdu, AAL5Cells(c.sdu), AAL5PDUSize(c.sdu))
		}
	}
	if MaxPDUCells != 1366 {
		t.Errorf("MaxPDUCells %d", MaxPDUCells)
	}
}

// Segmentation then reassembly is the identity for every length, in both cell
// forms and with runs of any size.
func TestAAL5IdentityAllLengths(t *testing.T) {
	step := 1
	if testing.Short() || raceEnabled {
		step = 61
	}
	for n := 1; n <= MaxSDU; n += step {
		identity(t, n)
	}
}

var (
	identitySDU   = pattern(MaxSDU)
	identityPDU   = make([]byte, MaxPDUCells*PayloadSize)
	identityCells = make([]byte, MaxPDUCells*WireCellSize)
)

// identity sends n octets and receives them, with header fields, form of cell
// and length of runs that depend on n.
func identity(t *testing.T, n int) {
	t.Helper()
	var s Segmenter
	var r Reassembler
	clp, efci, uu, cpi := n&1 != 0, n&2 != 0, uint8(n), uint8(n>>8)
	h := MakeHeader(VC{uint16(n) & MaxVPI, uint16(n)}, 0, clp).WithEFCI(efci)
	if err := s.Start(h, identitySDU[:n], uu, cpi); err != nil {
		t.Fatal(n, err)
	}
	r.Start(identityPDU)
	cells := 0
	run, size, write, push := 1+n%300, CellSize, s.Cells, r.Push
	if n%3 == 0 {
		size, write, push = WireCellSize, s.WireCells, r.PushWire
	}
	for !s.Done() {
		k := write(identityCells[:run*size+n%size])
		cells += k / size
		used, ev := push(identityCells[:k])
		if used != k {
			t.Fatalf("%d: consumed %d of %d, %v", n, used, k, ev)
		}
		if (ev == EvPDU) != s.Done() {
			t.Fatalf("%d: %v, done %v", n, ev, s.Done())
		}
	}
	p := r.PDU()
	if cells != AAL5Cells(n) || !bytes.Equal(p.SDU, identitySDU[:n]) || p.UU != uu || p.CPI != cpi || p.CLP != clp || p.EFCI != efci {
		t.Fatalf("%d: %d cells, %d octets, UU %d CPI %d CLP %v EFCI %v", n, cells, len(p.SDU), p.UU, p.CPI, p.CLP, p.EFCI)
	}
	if r.Partial() {
		t.Fatalf("%d: partial after a PDU", n)
	}
}

// makeCells gives the cells of one PDU.
func makeCells(t testing.TB, h Header, sdu []byte) []byte {
	t.Helper()
	var s Segmenter
	if err := s.Start(h, sdu, 0, 0); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, s.Left()*CellSize)
	s.Cells(b)
	return b
}

// I.363.5, 9.2.1: AUU on the last cell only, all else of the header the same.
func TestAAL5HeadersOfCells(t *testing.T) {
	for _, n := range []int{1, 40, 41, 47, 48, 88, 89, 96, 1500} {
		h := MakeHeader(VC{4095, 65535}, PTIUserEFCIEnd, true)
		b := makeCells(t, h, pattern(n))
		if len(b) != AAL5Cells(n)*CellSize {
			t.Fatalf("%d: %d octets", n, len(b))
		}
		for i := 0; i < len(b); i += CellSize {
			want := h.WithAUU(i+CellSize == len(b))
			if got := ReadHeader(b[i:]); got != want {
				t.Errorf("%d octets, cell %d: %v, want %v", n, i/CellSize, got, want)
			}
		}
	}
}

func TestSegmenterRefuses(t *testing.T) {
	user := MakeHeader(VC{0, 100}, 0, false)
	busy := &Segmenter{}
	if err := busy.Start(user, []byte{1}, 0, 0); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		s    *Segmenter
		h    Header
		n    int
		want error
	}{
		{"empty", &Segmenter{}, user, 0, ErrSDUEmpty},
		{"long", &Segmenter{}, user, MaxSDU + 1, ErrSDULong},
		{"OAM header", &Segmenter{}, user.WithPTI(PTISegmentOAM), 1, ErrHeader},
		{"reserved PTI", &Segmenter{}, user.WithPTI(PTIReserved), 1, ErrHeader},
		{"busy", busy, user, 1, ErrBusy},
	} {
		if err := c.s.Start(c.h, make([]byte, c.n), 0, 0); err != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	var idle Segmenter
	if !idle.Done() || idle.Cells(make([]byte, 100)) != 0 {
		t.Error("the zero Segmenter has something to send")
	}
}

func TestPutAAL5Trailer(t *testing.T) {
	if _, err := PutAAL5Trailer(make([]byte, 47), 1, 0, 0); err != ErrNoSpace {
		t.Errorf("47 octets: %v", err)
	}
	if _, err := PutAAL5Trailer(make([]byte, 70000), 65536, 0, 0); err != ErrSDULong {
		t.Errorf("65536 octets: %v", err)
	}
	if _, err := AppendAAL5Trailer(make([]byte, 65536), 0, 0); err != ErrSDULong {
		t.Errorf("append to 65536 octets: %v", err)
	}
	dst := bytes.Repeat([]byte{0xEE}, 100)
	n, err := PutAAL5Trailer(dst, 41, 1, 2)
	if n != 96 || err != nil || dst[96] != 0xEE || !bytes.Equal(dst[41:90], append(make([]byte, 47), 1, 2)) {
		t.Errorf("%d %v % X", n, err, dst)
	}
}

// aal5Events pushes a run and gives the events in order, feeding buf again
// after each PDU.
func aal5Events(r *Reassembler, buf, cells []byte) (evs []Event) {
	for len(cells) > 0 {
		n, ev := r.Push(cells)
		cells = cells[n:]
		if ev == EvNone {
			return evs
		}
		evs = append(evs, ev)
		if ev == EvPDU {
			r.Start(buf)
		}
	}
	return evs
}

func TestReassemblerEvents(t *testing.T) {
	h := MakeHeader(VC{0, 100}, 0, false)
	good := makeCells(t, h, pattern(100))
	one := makeCells(t, h, pattern(40))
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	bad := bytes.Clone(good)
	bad[10] ^= 1
	// withLength gives a one-cell PDU with any Length and a right CRC.
	withLength := func(n uint16) []byte {
		c := bytes.Clone(one)
		binary.BigEndian.PutUint16(c[4+42:], n)
		binary.BigEndian.PutUint32(c[4+44:], CRC32(c[4:48]))
		return c
	}
	other := func(pti uint8) []byte {
		c := bytes.Repeat([]byte{0x6A}, CellSize)
		h.WithPTI(pti).Put(c)
		return c
	}
	for _, c := range []struct {
		name  string
		cells []byte
		want  []Event
	}{
		{"good", good, []Event{EvPDU}},
		{"CRC", bad, []Event{EvCRC}},
		{"good after CRC", join(bad, good), []Event{EvCRC, EvPDU}},
		{"middle cell lost", join(good[:52], good[104:], good), []Event{EvCRC, EvPDU}},
		{"end cell lost", join(good[:104], good, good), []Event{EvOverrun, EvPDU}},
		{"length 40 of 40", withLength(40), []Event{EvPDU}},
		{"length 41 of 40", withLength(41), []Event{EvLength}},
		{"length 65535 of 40", withLength(65535), []Event{EvLength}},
		{"length 1 with 39 of pad", withLength(1), []Event{EvPDU}},
		{"abort", join(good[:104], withLength(0)), []Event{EvCRC}},
		{"abort, CRC good", withLength(0), []Event{EvAbort}},
		{"exactly full", join(good, good), []Event{EvPDU, EvPDU}},
		{"overrun by the end cell", join(good[:104], good[:52], one, good), []Event{EvOverrun, EvPDU}},
		{"overrun, discard to the end", join(good[:104], good[:104], good[:104], one, good), []Event{EvOverrun, EvPDU}},
		{"OAM within", join(good[:52], other(4), good[52:104], other(5), good[104:]), []Event{EvOAM, EvOAM, EvPDU}},
		{"RM within", join(good[:52], other(6), good[52:]), []Event{EvRM, EvPDU}},
		{"reserved within", join(good[:52], other(7), good[52:]), []Event{EvReserved, EvPDU}},
		{"OAM in a discard", join(good[:104], good[:104], other(4), one, good), []Event{EvOverrun, EvOAM, EvPDU}},
		{"OAM alone", other(4), []Event{EvOAM}},
		{"a cell cut short", join(good, good[:51]), []Event{EvPDU}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r Reassembler
			buf := make([]byte, 3*PayloadSize+47)
			r.Start(buf)
			got := aal5Events(&r, buf, c.cells)
			if len(got) != len(c.want) {
				t.Fatalf("%v, want %v", got, c.want)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Fatalf("%v, want %v", got, c.want)
				}
			}
		})
	}
}

// OAM cells come back untouched, as the last octets consumed.
func TestReassemblerReturnsOAMCell(t *testing.T) {
	h := MakeHeader(VC{0, 100}, 0, false)
	good := makeCells(t, h, pattern(100))
	oam := bytes.Repeat([]byte{0x18}, CellSize)
	h.WithPTI(PTIEndToEndOAM).Put(oam)
	run := bytes.Join([][]byte{good[:104], oam, good[104:]}, nil)
	var r Reassembler
	r.Start(make([]byte, 200))
	n, ev := r.Push(run)
	if n != 156 || ev != EvOAM || !bytes.Equal(run[n-CellSize:n], oam) || !r.Partial() {
		t.Fatalf("%d %v", n, ev)
	}
	if n, ev = r.Push(run[n:]); n != 52 || ev != EvPDU || !bytes.Equal(r.PDU().SDU, pattern(100)) {
		t.Fatalf("%d %v", n, ev)
	}
}

func TestReassemblerIndications(t *testing.T) {
	h := MakeHeader(VC{0, 100}, 0, false)
	for _, c := range []struct {
		name            string
		clp, efci       int // the cell that has it, or -1
		wantCLP, wantCI bool
	}{
		{"none", -1, -1, false, false},
		{"CLP on the first", 0, -1, true, false},
		{"CLP in the middle", 1, -1, true, false},
		{"CLP on the last", 2, -1, true, false},
		{"EFCI on the first does not count", -1, 0, false, false},
		{"EFCI on the last", -1, 2, false, true},
	} {
		cells := makeCells(t, h, pattern(100))
		for i := range 3 {
			hd := ReadHeader(cells[i*52:])
			hd.WithCLP(i == c.clp).WithEFCI(i == c.efci).Put(cells[i*52:])
		}
		var r Reassembler
		r.Start(make([]byte, 144))
		if _, ev := r.Push(cells); ev != EvPDU || r.PDU().CLP != c.wantCLP || r.PDU().EFCI != c.wantCI {
			t.Errorf("%s: %v %+v", c.name, ev, r.PDU())
		}
	}
}

// The reassembly timer (I.363.5, 9.2.2.2 and its note): a partial PDU is
// forgotten and the next cell begins a new one.
func TestReassemblerAbandon(t *testing.T) {
	h := MakeHeader(VC{0, 100}, 0, false)
	good := makeCells(t, h, pattern(100))
	var r Reassembler
	if r.Partial() || r.Abandon() {
		t.Error("the zero Reassembler holds something")
	}
	r.Start(make([]byte, 144))
	r.Push(good[:104])
	if !r.Partial() || !r.Abandon() || r.Partial() || r.Abandon() {
		t.Error("a partial PDU is forgotten once")
	}
	if _, ev := r.Push(good); ev != EvPDU {
		t.Errorf("PDU after a timeout: %v", ev)
	}
	r.Start(make([]byte, 48))
	if n, ev := r.Push(good[:104]); n != 104 || ev != EvOverrun || !r.Partial() {
		t.Errorf("overrun: %d %v", n, ev)
	}
	if r.Abandon() || r.Partial() {
		t.Error("a discard ends untold")
	}
}

func TestReassemblerWithoutMemory(t *testing.T) {
	good := makeCells(t, MakeHeader(VC{0, 100}, 0, false), pattern(100))
	var r Reassembler
	if n, ev := r.Push(good); n != 52 || ev != EvOverrun {
		t.Errorf("%d %v", n, ev)
	}
	if n, ev := r.Push(good[52:]); n != 104 || ev != EvNone || r.Partial() {
		t.Errorf("%d %v", n, ev)
	}
}

// More than 1,366 cells are an overrun however large the memory is.
func TestReassemblerCellLimit(t *testing.T) {
	h := MakeHeader(VC{0, 100}, 0, false)
	cells := makeCells(t, h, pattern(MaxSDU))
	var r Reassembler
	buf := make([]byte, 100000)
	r.Start(buf)
	run := append(bytes.Clone(cells[:52]), cells...)
	if n, ev := r.Push(run); ev != EvOverrun || n != len(run) || r.Partial() {
		t.Errorf("1367 cells: %d %v", n, ev)
	}
	if _, ev := r.Push(cells); ev != EvPDU {
		t.Errorf("1366 cells: %v", ev)
	}
}

func TestAAL5NoAllocations(t *testing.T) {
	sdu := pattern(1500)
	var s Segmenter
	var r Reassembler
	buf := make([]byte, 2048)
	frame := make([]byte, 28*WireCellSize)
	h := MakeHeader(VC{0, 100}, 0, false)
	if n := testing.AllocsPerRun(100, func() {
		_ = s.Start(h, sdu, 0, 0)
		r.Start(buf)
		for !s.Done() {
			r.Push(frame[:s.Cells(frame)])
		}
		_ = s.Start(h, sdu, 0, 0)
		r.Start(buf)
		for !s.Done() {
			r.PushWire(frame[:s.WireCells(frame)])
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Cells lost, doubled, swapped and flipped at random: nothing wrong comes
// out, and the PDU after the next undamaged end cell is whole.
func TestAAL5RandomDamage(t *testing.T) {
	rng := seeded(t)
	var r Reassembler
	buf := make([]byte, AAL5PDUSize(4000))
	delivered, damaged := 0, 0
	for range 4000 {
		sdus := [2][]byte{randomSDU(rng), randomSDU(rng)}
		first := damageRun(rng, makeCells(t, MakeHeader(VC{1, 33}, 0, false), sdus[0]))
		// An undamaged PDU ends what damage left open; the one after it
		// must come out whole.
		run := append(first, makeCells(t, MakeHeader(VC{1, 33}, 0, false), []byte{1})...)
		run = append(run, makeCells(t, MakeHeader(VC{1, 33}, 0, false), sdus[1])...)
		r.Start(buf)
		last := EvNone
		for len(run) > 0 {
			n, ev := r.Push(run)
			run, last = run[n:], ev
			if ev != EvPDU {
				damaged++
				continue
			}
			got := r.PDU().SDU
			if !bytes.Equal(got, sdus[0]) && !bytes.Equal(got, []byte{1}) && !bytes.Equal(got, sdus[1]) {
				t.Fatalf("wrong PDU of %d octets", len(got))
			}
			delivered++
			r.Start(buf)
		}
		if last != EvPDU || !bytes.Equal(r.PDU().SDU, sdus[1]) {
			t.Fatalf("not in step after one PDU: %v", last)
		}
	}
	if delivered == 0 || damaged == 0 {
		t.Fatalf("%d delivered, %d damaged", delivered, damaged)
	}
}

func randomSDU(rng *rand.Rand) []byte {
	p := make([]byte, 1+rng.IntN(4000))
	for i := range p {
		p[i] = byte(rng.Uint32())
	}
	return p
}

// damageRun gives cells with a few of them lost, doubled, swapped, or with a
// bit of payload or header flipped.
func damageRun(rng *rand.Rand, cells []byte) []byte {
	cells = bytes.Clone(cells)
	for range 1 + rng.IntN(3) {
		n := len(cells) / CellSize
		if n == 0 {
			break
		}
		i, j := rng.IntN(n)*CellSize, rng.IntN(n)*CellSize
		a, b := cells[i:i+CellSize], cells[j:j+CellSize]
		switch rng.IntN(5) {
		case 0:
			cells = append(cells[:i], cells[i+CellSize:]...)
		case 1:
			cells = append(cells[:i+CellSize], bytes.Clone(cells[i:])...)
		case 2:
			tmp := bytes.Clone(a)
			copy(a, b)
			copy(b, tmp)
		case 3:
			a[HeaderSize+rng.IntN(PayloadSize)] ^= 1 << rng.IntN(8)
		case 4:
			a[HeaderSize-1] ^= 1 << rng.IntN(4) // CLP or PTI
		}
	}
	return cells
}

// The CRC of pieces goes on to that of the whole.
func TestUpdateCRC32(t *testing.T) {
	p := pattern(3000)
	want := CRC32(p)
	if want != ^crc32Bytewise(crc32Preset, p) {
		t.Fatalf("CRC32 %08X", want)
	}
	for cut := range p {
		if got := UpdateCRC32(UpdateCRC32(0, p[:cut]), p[cut:]); got != want {
			t.Fatalf("cut at %d: %08X, want %08X", cut, got, want)
		}
	}
}
