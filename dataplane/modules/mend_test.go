package modules

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/cellhub/cellhub/aal"
)

// dynamipsCRC is what the bridge of Dynamips puts into a trailer: the reflected CRC of Ethernet, its register inverted
// after each cell, and sent in network order.
func dynamipsCRC(pdu []byte) uint32 {
	reg := ^uint32(0)
	for ; len(pdu) > aal.PayloadSize; pdu = pdu[aal.PayloadSize:] {
		reg = crc32.Update(^reg, crc32.IEEETable, pdu[:aal.PayloadSize])
	}
	return ^crc32.Update(^reg, crc32.IEEETable, pdu[:aal.PayloadSize-4])
}

// badCells is the cells of an SDU with a CRC of Dynamips, and with the right one.
func badCells(t testing.TB, vc aal.VC, n int) (bad, good []byte) {
	t.Helper()
	var seg aal.Segmenter
	good = make([]byte, aal.AAL5Cells(n)*aal.CellSize)
	if err := seg.Start(aal.MakeHeader(vc, 0, false), ramp(n), 0, 0); err != nil {
		t.Fatal(err)
	}
	seg.Cells(good)
	var pdu []byte
	for at := 0; at < len(good); at += aal.CellSize {
		pdu = append(pdu, good[at+aal.HeaderSize:at+aal.CellSize]...)
	}
	bad = bytes.Clone(good)
	binary.BigEndian.PutUint32(bad[len(bad)-4:], dynamipsCRC(pdu))
	return bad, good
}

// With aal5crc=any PDUs of another CRC get the right one, on VCs whose cells are mixed, too; those that are right stay, and so
// do cells that are no user's. Without, all stay.
func TestAnyCRC(t *testing.T) {
	one, two := aal.VC{VPI: 0, VCI: 40}, aal.VC{VPI: 3, VCI: 41}
	bad1, good1 := badCells(t, one, 100)
	bad2, good2 := badCells(t, two, 30)
	bad3, good3 := badCells(t, two, 130)
	oam := appendCell(nil, aal.MakeHeader(one, aal.PTIEndToEndOAM, false), bytes.Repeat([]byte{9}, 48))
	const c = aal.CellSize
	sent := joined(bad1[:c], bad2, oam, bad3[:c], bad1[c:2*c], bad3[c:], bad1[2*c:], good1)
	want := joined(good1[:c], good2, oam, good3[:c], good1[c:2*c], good3[c:], good1[2*c:], good1)
	var m mender
	got := bytes.Clone(sent)
	m.cells(got)
	wantCells(t, "mended", got, want)
	if m.mended != 3 || m.open.count != 0 || m.passed != 0 {
		t.Errorf("%d mended, %d open, %d passed", m.mended, m.open.count, m.passed)
	}
	if n := testing.AllocsPerRun(100, func() { m.cells(got) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	for _, any := range []bool{false, true} {
		r := newTrunkRig(t, 1, TrunkCell, 512)
		if any {
			r.trunk.mender = &mender{}
		}
		r.join(aal.VC{VPI: 1, VCI: 50}, one)
		for at := 0; at < len(bad1); at += c {
			r.transmit(wireCell(bad1[at : at+c]))
		}
		right := bad1
		if any {
			right = good1
		}
		wantCells(t, "switched", r.sent(0)[0], reheaded(right, aal.VC{VPI: 1, VCI: 50}))
		if n := countOf(t, r.trunk.Counts(), "rx_crc_mended"); (n == 1) != any {
			t.Errorf("any %v: %d mended", any, n)
		}
	}
}

// Too many VCs at once are left as they are, and counted.
func TestAnyCRCIsLimited(t *testing.T) {
	var m mender
	for i := range MaxMendedVCs + 10 {
		m.cells(cellAs(uint16(i>>8), uint16(256+i&255)))
	}
	if m.open.count != MaxMendedVCs || m.passed != 10 {
		t.Errorf("%d open, %d passed", m.open.count, m.passed)
	}
}

// hec=ignore takes cells whatever their HEC is.
func TestIgnoreHEC(t *testing.T) {
	for _, ignore := range []bool{false, true} {
		r := newTrunkRig(t, 1, TrunkCell, 512)
		r.trunk.noHEC = ignore
		f := wireCell(cellAs(0, 40))
		f[4] = 0
		r.transmit(f)
		if n := r.trunk.Counts(); (countOf(t, n, "rx_cells") == 1) != ignore || (countOf(t, n, "rx_drop_hec") == 0) != ignore {
			t.Errorf("ignore %v: %v", ignore, n)
		}
	}
}
