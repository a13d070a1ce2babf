package aal

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"
)

// payload is 48 octets, all of one value.
func fill(v byte) string { return strings.Repeat(hex.EncodeToString([]byte{v}), PayloadSize) }

func fromHex(t testing.TB, s string) []byte {
	t.Helper()
	p, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Frames by hand from RFC 4717: figures 8 to 11 (one-to-one) and 13 (AAL5 PDU), from the
// ATM-specific octet on. What each bit is stands in 9.1 and 11.1.
var oneToOneVectors = []struct {
	name  string
	form  string // vcc, vpc or pdu
	cells string
	wire  string
}{
	{"a user cell of a VCC", "vcc", "00200640" + fill(1), "00" + fill(1)},
	{"CLP of a VCC", "vcc", "00200641" + fill(1), "01" + fill(1)},
	{"EFCI and AUU of a VCC", "vcc", "00200646" + fill(1), "06" + fill(1)},
	{"OAM of a VCC, end to end", "vcc", "0020064a" + fill(1), "0a" + fill(1)},
	{"two cells of a VCC", "vcc", "00200640" + fill(1) + "00200643" + fill(2), "00" + fill(1) + "03" + fill(2)},
	{"a cell of a VPC", "vpc", "00200640" + fill(1), "400064" + fill(1)},
	{"F4 of a VPC, end to end", "vpc", "00200040" + fill(1), "400004" + fill(1)},
	{"the highest VCI", "vpc", "002ffff3" + fill(1), "43ffff" + fill(1)},
	{"two cells of a VPC", "vpc", "00200640" + fill(1) + "00207d0f" + fill(2), "400064" + fill(1) + "4f07d0" + fill(2)},
	{"a PDU of one cell", "pdu", "00200642" + fill(1), "84" + fill(1)},
	{"a PDU of two cells", "pdu", "00200640" + fill(1) + "00200642" + fill(2), "84" + fill(1) + fill(2)},
	{"a part without the end", "pdu", "00200640" + fill(1), "80" + fill(1)},
	{"a part with EFCI and CLP", "pdu", "00200645" + fill(1), "83" + fill(1)},
}

// pack and unpack choose the functions by form.
func packForm(form string, dst, cells []byte) []byte {
	switch form {
	case "vcc":
		return dst[:PackChannel(dst, cells)]
	case "vpc":
		return dst[:PackPath(dst, cells)]
	}
	octet, n := PackPDU(dst[1:], cells)
	dst[0] = octet
	return dst[:1+n]
}

func unpackForm(form string, src []byte, vc VC) ([]byte, bool) {
	size := map[string]int{"vcc": ChannelCellSize, "vpc": PathCellSize, "pdu": PayloadSize}[form]
	dst := make([]byte, len(src)/size*CellSize)
	switch form {
	case "vcc":
		return dst, UnpackChannel(dst, src, vc)
	case "vpc":
		return dst, UnpackPath(dst, src, vc.VPI)
	}
	if len(src) == 0 {
		return nil, false
	}
	return dst, UnpackPDU(dst, src[0], src[1:], vc)
}

func TestOneToOneVectors(t *testing.T) {
	vc := VC{VPI: 2, VCI: 100}
	for _, v := range oneToOneVectors {
		t.Run(v.name, func(t *testing.T) {
			cells, wire := fromHex(t, v.cells), fromHex(t, v.wire)
			if got := packForm(v.form, make([]byte, 2*len(cells)), cells); !bytes.Equal(got, wire) {
				t.Errorf("packed %x, want %x", got, wire)
			}
			if got, ok := unpackForm(v.form, wire, vc); !ok || !bytes.Equal(got, cells) {
				t.Errorf("unpacked %x, %v, want %x", got, ok, cells)
			}
			// in place, as a frame that was filled with whole cells is
			shared := append(make([]byte, 1), cells...)
			var n int
			switch v.form {
			case "vcc":
				n = PackChannel(shared, shared[1:])
			case "vpc":
				n = PackPath(shared, shared[1:])
			default:
				shared[0], n = PackPDU(shared[1:], shared[1:])
				n++
			}
			if !bytes.Equal(shared[:n], wire) {
				t.Errorf("packed in place %x, want %x", shared[:n], wire)
			}
		})
	}
}

// C of a part is the OR of its cells', E the last one's; back, all cells have both (11.1).
func TestPDUBits(t *testing.T) {
	vc := VC{VCI: 40}
	cell := func(pti uint8, clp bool) []byte {
		c := make([]byte, CellSize)
		MakeHeader(vc, pti, clp).Put(c)
		return c
	}
	cells := append(append(cell(PTIUserEFCI, true), cell(PTIUser, false)...), cell(PTIUserEnd, false)...)
	wire := packForm("pdu", make([]byte, len(cells)), cells)
	if wire[0] != 0x85 {
		t.Fatalf("octet %#x, want M, U and C", wire[0])
	}
	back, ok := unpackForm("pdu", wire, vc)
	want := append(append(cell(PTIUser, true), cell(PTIUser, true)...), cell(PTIUserEnd, true)...)
	if !ok || !bytes.Equal(back, want) {
		t.Errorf("%v: headers %v %v %v", ok, ReadHeader(back), ReadHeader(back[CellSize:]), ReadHeader(back[2*CellSize:]))
	}
}

// A frame ends with its PDU, and before a cell of management (RFC 4717, 11.2.1).
func TestPDURun(t *testing.T) {
	run := func(ptis ...uint8) (cells []byte) {
		for _, pti := range ptis {
			c := make([]byte, CellSize)
			MakeHeader(VC{VCI: 40}, pti, false).Put(c)
			cells = append(cells, c...)
		}
		return cells
	}
	for _, c := range []struct {
		ptis []uint8
		want int
	}{
		{nil, 0}, {[]uint8{0}, 1}, {[]uint8{0, 2, 0}, 3}, {[]uint8{1, 0}, 1}, {[]uint8{0, 3, 1}, 2},
		{[]uint8{0, PTIEndToEndOAM, 1}, 1}, {[]uint8{PTIResourceMgmt}, 0}, {[]uint8{PTIReserved, 0}, 0},
	} {
		if n := PDURun(run(c.ptis...)); n != c.want*CellSize {
			t.Errorf("PTIs %v: %d octets, want %d cells", c.ptis, n, c.want)
		}
	}
}

// What is no whole number of cells, or of another kind, is refused.
func TestOneToOneRefused(t *testing.T) {
	for _, c := range []struct{ form, wire string }{
		{"vcc", "00" + fill(1)[2:]}, {"vcc", "00" + fill(1) + "00"}, {"vcc", "80" + fill(1)}, {"vcc", "40" + fill(1)},
		{"vcc", "00" + fill(1) + "40" + fill(1)}, {"vpc", "00" + "0064" + fill(1)}, {"vpc", "c00064" + fill(1)},
		{"vpc", "4000" + fill(1)}, {"pdu", "04" + fill(1)}, {"pdu", "c4" + fill(1)}, {"pdu", "84" + fill(1)[2:]},
	} {
		if _, ok := unpackForm(c.form, fromHex(t, c.wire), VC{VCI: 40}); ok {
			t.Errorf("%s: %s taken", c.form, c.wire)
		}
	}
}

func TestOneToOneAllocatesNothing(t *testing.T) {
	cells := make([]byte, 28*CellSize)
	wire := make([]byte, 28*PathCellSize)
	if n := testing.AllocsPerRun(100, func() {
		PackPath(wire, cells)
		UnpackPath(cells, wire, 3)
		n := PackChannel(wire, cells)
		UnpackChannel(cells, wire[:n], VC{VCI: 40})
		octet, n := PackPDU(wire, cells[:PDURun(cells)])
		UnpackPDU(cells, octet, wire[:n], VC{VCI: 40})
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever comes is refused, or is packed again as it was, but for its reserved bits.
func FuzzOneToOne(f *testing.F) {
	for _, v := range oneToOneVectors {
		f.Add(fromHex(f, v.wire), uint16(2), uint16(100))
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 4 {
		p := make([]byte, 3*PathCellSize)
		for i := range p {
			p[i] = byte(rnd.Uint32())
		}
		f.Add(p, uint16(4095), uint16(65535))
	}
	f.Fuzz(func(t *testing.T, wire []byte, vpi, vci uint16) {
		vc := VC{VPI: vpi & MaxVPI, VCI: vci}
		for form, size := range map[string]int{"vcc": ChannelCellSize, "vpc": PathCellSize, "pdu": 0} {
			cells, ok := unpackForm(form, wire, vc)
			if !ok {
				continue
			}
			want := bytes.Clone(wire)
			for i := 0; size > 0 && i < len(want); i += size {
				want[i] &^= 3 << 4
			}
			if size == 0 {
				want[0] &^= 7 << 3
				if len(cells) == 0 { // nobody to take the bits from
					continue
				}
			}
			if got := packForm(form, make([]byte, len(wire)+PathCellSize), cells); !bytes.Equal(got, want) {
				t.Errorf("%s: %x came back as %x", form, want, got)
			}
			for i := 0; i < len(cells); i += CellSize {
				if got := ReadHeader(cells[i:]).VC(); got.VPI != vc.VPI || form != "vpc" && got != vc {
					t.Errorf("%s: cell of %v, want %v", form, got, vc)
				}
			}
		}
	})
}
