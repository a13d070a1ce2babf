package layers_test

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/gopacket"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/aal/internal/oracle"
	atm "github.com/cellhub/cellhub/aal/layers"
)

// wireCell gives a cell of 53 octets.
func wireCell(h aal.Header, payload []byte) []byte {
	cell := make([]byte, aal.HeaderSize+1, aal.WireCellSize)
	h.Put(cell)
	cell[aal.HeaderSize] = h.HEC()
	return append(cell, payload...)
}

// Headers of the UNI form, and what tshark says of their HEC: one in eight has
// a wrong bit, which tshark must find, one in eight has two.
func TestHeaderAgainstTshark(t *testing.T) {
	t.Parallel()
	rng := oracle.Seeded(t)
	c := oracle.NewSniffer()
	var want, verdicts []string
	for range oracle.Records {
		h := aal.Header(rng.Uint32())
		cell := wireCell(h, oracle.Octets(rng, aal.PayloadSize))
		said, bit := "correct", rng.IntN(40)
		switch rng.IntN(8) {
		case 0:
			said = fmt.Sprintf("error in bit %d", bit)
			cell[bit/8] ^= 0x80 >> (bit % 8)
		case 1:
			said = "uncorrectable error"
			cell[bit/8] ^= 0x80 >> (bit % 8)
			bit = (bit + 1 + rng.IntN(39)) % 40
			cell[bit/8] ^= 0x80 >> (bit % 8)
		}
		c.AddCell(oracle.SnifferUnknown, cell)
		bits := bitString(cell)
		want = append(want, fmt.Sprintf("%d;%d;%d;%d;%d;0x%02x", cut(&bits, 4), cut(&bits, 8), cut(&bits, 16), cut(&bits, 3),
			cut(&bits, 1), cut(&bits, 8)))
		verdicts = append(verdicts, said)

		w := find[*atm.WireCell](t, gopacket.NewPacket(cell, atm.LayerTypeWireCell, gopacket.Default))
		ours := fmt.Sprintf("%d;%s;0x%02x", w.Header.GFC(), headerFields(w.Header.UNI()), w.HEC)
		if ours != want[len(want)-1] || w.HECGood() != (said == "correct") {
			t.Fatalf("%x: %s, want %s (%s)", cell, ours, want[len(want)-1], said)
		}
	}
	same(t, "tshark", joined(c.Fields(t, nil, "atm.GFC", "atm.vpi", "atm.vci", "atm.payload_type", "atm.cell_loss_priority",
		"atm.header_error_check")), want)
	same(t, "tshark", words(c.Details(t, "atm"), "Header Error Check"), verdicts)
}

// Cells of an AAL1 sender: tshark shows CSI, count and payload. Of the CRC-3 it
// takes one bit, and calls the other two and the parity bit the parity (hf in
// packet-atm.c: masks 08 and 07); it checks neither, so they are checked by
// division.
func TestAAL1AgainstTshark(t *testing.T) {
	t.Parallel()
	rng := oracle.Seeded(t)
	c := oracle.NewSniffer()
	var want []string
	var s aal.AAL1Sender
	for i := range oracle.Records {
		if i%64 == 0 {
			var err error
			if s, err = aal.MakeAAL1Sender(rng.IntN(300)); err != nil {
				t.Fatal(err)
			}
		}
		if s.CycleStart() {
			s.SetRTS(uint8(rng.IntN(16)))
		}
		need := s.Need()
		user, cell := oracle.Octets(rng, need), make([]byte, aal.PayloadSize)
		if err := s.Cell(cell, user); err != nil {
			t.Fatal(err)
		}
		c.AddCell(oracle.SnifferAAL1, wireCell(aal.MakeHeader(randomVC(rng), 0, false), cell))
		bits := bitString(cell)
		octet := bits[:8]
		if parity := strings.Count(octet, "1") % 2; parity != 0 || octet[4:7] != remainder(octet[:4]+"000", generator3) {
			t.Fatalf("header %s", octet)
		}
		if need == aal.AAL1PPayload && strings.Count(bits[8:16], "1")%2 != 0 {
			t.Fatalf("pointer %s", bits[8:16])
		}
		if got := hex.EncodeToString(cell[aal.PayloadSize-need:]); got != hex.EncodeToString(user) {
			t.Fatalf("user octets %s, want %x", got, user)
		}
		want = append(want, fmt.Sprintf("%c;%d;%d;%d;%s", octet[0], i%8, octet[4]-'0', value(octet[5:]), bitsToHex(bits[8:])))

		a := find[*atm.AAL1](t, dissect(t, cell, atm.LayerTypeAAL1))
		_, pointer := a.Pointer()
		if !a.Valid || a.Corrected || pointer != (need == aal.AAL1PPayload) ||
			int(a.SN.Count()) != i%8 || a.SN.CSI() != (octet[0] == '1') {
			t.Fatalf("%s read as %v, pointer %v", octet, a, pointer)
		}
	}
	same(t, "tshark", joined(c.Fields(t, nil, "atm.aa1.csi", "atm.aa1.seq_count", "atm.aa1.crc", "atm.aa1.parity",
		"atm.aa1.payload")), want)
}

// cpcs34 puts CPCS-PDUs of AAL3/4 together from the fields that tshark shows
// of their cells.
type cpcs34 struct {
	octets string // hexadecimal
	sn     int
	busy   bool
}

// take takes a cell; whole tells that the CPCS-PDU is.
func (p *cpcs34) take(t *testing.T, segment, sn, info, li string) (whole bool) {
	t.Helper()
	n, _ := strconv.Atoi(sn)
	octets, _ := strconv.Atoi(li)
	begins, ends := segment == "2" || segment == "3", segment == "1" || segment == "3"
	switch {
	case begins == p.busy:
		t.Fatalf("segment type %s, PDU under way %v", segment, p.busy)
	case begins:
		p.octets = ""
	case n != (p.sn+1)%16:
		t.Fatalf("SN %d after %d", n, p.sn)
	}
	p.sn, p.busy = n, !ends
	p.octets += info[:2*octets]
	return ends
}

// Cells of AAL3/4 senders on several MIDs, interleaved: tshark shows the fields
// and checks the CRC-10; the PDUs are put together from what it shows (I.363.3).
func TestAAL34AgainstTshark(t *testing.T) {
	t.Parallel()
	rng := oracle.Seeded(t)
	c := oracle.NewSniffer()
	const mids = 8
	senders := map[int]*aal.AAL34Sender{}
	sent := map[string][][]byte{}
	for range mids {
		mid := uint16(rng.IntN(aal.MaxAAL34MID + 1))
		s, err := aal.MakeAAL34Sender(mid)
		if err != nil {
			t.Fatal(err)
		}
		if sent[fmt.Sprint(mid)] == nil {
			sent[fmt.Sprint(mid)] = [][]byte{}
			senders[int(mid)] = &s
		}
	}
	order := make([]int, 0, mids)
	for mid := range senders {
		order = append(order, mid)
	}
	var ours []string
	for range oracle.Records {
		mid := order[rng.IntN(len(order))]
		s := senders[mid]
		if !s.Ready() {
			sdu := oracle.Octets(rng, 1+rng.IntN(400))
			if err := s.Start(sdu); err != nil {
				t.Fatal(err)
			}
			sent[fmt.Sprint(mid)] = append(sent[fmt.Sprint(mid)], sdu)
		}
		cell := make([]byte, aal.PayloadSize)
		if err := s.Next(cell); err != nil {
			t.Fatal(err)
		}
		c.AddCell(oracle.SnifferAAL34, wireCell(aal.MakeHeader(randomVC(rng), 0, false), cell))
		a := find[*atm.AAL34](t, dissect(t, cell, atm.LayerTypeAAL34))
		ours = append(ours, fmt.Sprintf("%d;%d;%d;%x;%d;%d", a.Cell.Segment, a.Cell.SN, a.Cell.MID, cell[2:46], a.Cell.LI, a.CRC))
		if a.CRCError {
			t.Fatalf("%v", a)
		}
	}
	rows := c.Fields(t, nil, "atm.aal3_4.seg_type", "atm.aal3_4.seq_num", "atm.aal3_4.multiplex_id",
		"atm.aal3_4.information", "atm.aal3_4.length_indicator", "atm.aal3_4.crc")
	same(t, "package layers", ours, joined(rows))
	for i, w := range words(c.Details(t, "aal3_4"), "CRC") {
		if w != "correct" {
			t.Fatalf("record %d: CRC-10 %s", i, w)
		}
	}
	pdus, done := map[string]*cpcs34{}, 0
	for _, r := range rows {
		mid := r[2]
		if pdus[mid] == nil {
			pdus[mid] = &cpcs34{}
		}
		if !pdus[mid].take(t, r[0], r[1], r[3], r[4]) {
			continue
		}
		check34(t, pdus[mid].octets, sent[mid][0])
		sent[mid] = sent[mid][1:]
		done++
	}
	if done < oracle.Records/20 {
		t.Errorf("%d PDUs in %d cells", done, oracle.Records)
	}
}

// check34 looks at a CPCS-PDU: CPI, BTag, BASize; payload and pad; AL, ETag,
// Length.
func check34(t *testing.T, pdu string, sdu []byte) {
	t.Helper()
	number := func(s string) int {
		n, err := strconv.ParseUint(s, 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		return int(n)
	}
	trailer := pdu[len(pdu)-8:]
	if number(pdu[:2]) != 0 || number(trailer[:2]) != 0 || pdu[2:4] != trailer[2:4] ||
		number(pdu[4:8]) != len(sdu) || number(trailer[4:]) != len(sdu) || len(pdu)%8 != 0 {
		t.Fatalf("CPCS-PDU %s of %d octets", pdu, len(sdu))
	}
	if got := pdu[8 : 8+2*len(sdu)]; got != hex.EncodeToString(sdu) {
		t.Fatalf("SDU %s, want %x", got, sdu)
	}
}

// One cell in eight with a wrong bit: tshark and package layers agree on the
// fields and on the CRC-10 of each.
func TestDamagedAAL34AgainstTshark(t *testing.T) {
	t.Parallel()
	rng := oracle.Seeded(t)
	c := oracle.NewSniffer()
	var want, verdicts []string
	for range oracle.Records {
		cell := oracle.Octets(rng, aal.PayloadSize)
		aal.AAL34Cell{
			Segment: aal.AAL34Segment(rng.IntN(4)), SN: uint8(rng.IntN(16)), MID: uint16(rng.IntN(1024)), LI: uint8(rng.IntN(64)),
		}.Put((*[aal.PayloadSize]byte)(cell))
		flip(rng, cell)
		c.AddCell(oracle.SnifferAAL34, wireCell(aal.MakeHeader(randomVC(rng), 0, false), cell))
		var a atm.AAL34
		if err := a.DecodeFromBytes(cell, gopacket.NilDecodeFeedback); err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprintf("%d;%d;%d;%d;%d", a.Cell.Segment, a.Cell.SN, a.Cell.MID, a.Cell.LI, a.CRC))
		verdicts = append(verdicts, said(a.CRCError))
		if word := verdict(bitString(cell)); word != said(a.CRCError) {
			t.Fatalf("%x: %v, by division %s", cell, &a, word)
		}
	}
	same(t, "tshark", joined(c.Fields(t, nil, "atm.aal3_4.seg_type", "atm.aal3_4.seq_num", "atm.aal3_4.multiplex_id",
		"atm.aal3_4.length_indicator", "atm.aal3_4.crc")), want)
	same(t, "tshark", words(c.Details(t, "aal3_4"), "CRC"), verdicts)
}

// RM cells: tshark reads the header and shows the rest as data. Taken for an
// OAM cell its CRC-10 is checked too, by a Sniffer file's word for it. The
// fields follow the list of TM 4.1, 5.10.3, and I.371.
func TestRMAgainstTshark(t *testing.T) {
	t.Parallel()
	rng := oracle.Seeded(t)
	plain, asOAM := oracle.NewERF(), oracle.NewSniffer()
	var want, verdicts []string
	for range oracle.Records {
		m := aal.RMCell{
			ID: uint8(rng.Uint32()), Backward: rng.IntN(2) == 1, BECN: rng.IntN(2) == 1, Congestion: rng.IntN(2) == 1,
			NoIncrease: rng.IntN(2) == 1, Request: rng.IntN(2) == 1, ER: aal.Rate16(rng.Uint32()),
			CCR: aal.Rate16(rng.Uint32()), MCR: aal.Rate16(rng.Uint32()), QL: rng.Uint32(), SN: rng.Uint32(),
		}
		cell := make([]byte, aal.PayloadSize)
		if err := m.Encode(cell); err != nil {
			t.Fatal(err)
		}
		bits := fmt.Sprintf("%08b", m.ID)
		for _, on := range []bool{m.Backward, m.BECN, m.Congestion, m.NoIncrease, m.Request, false, false, false} {
			bits += map[bool]string{false: "0", true: "1"}[on]
		}
		bits += fmt.Sprintf("%016b%016b%016b%032b%032b", uint16(m.ER), uint16(m.CCR), uint16(m.MCR), m.QL, m.SN)
		bits = withCRC10(bits + unused(30) + strings.Repeat("0", 16))
		if bitString(cell) != bits {
			t.Fatalf("%v: %x, by the field list %s", &m, cell, bitsToHex(bits))
		}
		h := aal.MakeHeader(randomVC(rng), aal.PTIResourceMgmt, rng.IntN(2) == 1)
		if r := find[*atm.RM](t, dissect(t, erfRecord(oracle.ERFCell, h, cell), atm.LinkTypeERF)); r.Cell != m || r.CRCError {
			t.Fatalf("%v read as %v", &m, r)
		}
		plain.AddERF(oracle.ERFCell, uint32(h), cell)
		want = append(want, headerFields(h)+";"+bitsToHex(bits))
		flip(rng, cell)
		asOAM.AddCell(oracle.SnifferOAM, wireCell(h, cell))
		r := find[*atm.RM](t, dissect(t, cell, atm.LayerTypeRM))
		verdicts = append(verdicts, said(r.CRCError))
	}
	same(t, "tshark", joined(plain.Fields(t, nil, "atm.vpi", "atm.vci", "atm.payload_type", "atm.cell_loss_priority",
		"data.data")), want)
	same(t, "tshark", words(asOAM.Details(t, "oamaal"), "CRC-10"), verdicts)
}

// Random CPCS-PDUs in ERF records, one in eight with a wrong bit: package
// layers and tshark agree on every field and on the CRC-32.
func TestAAL5LayerAgainstTshark(t *testing.T) {
	t.Parallel()
	rng := oracle.Seeded(t)
	c := oracle.NewERF()
	var want, verdicts []string
	for range oracle.Records {
		pdu, err := aal.AppendAAL5Trailer(oracle.Octets(rng, 1+rng.IntN(300)), uint8(rng.Uint32()), uint8(rng.Uint32()))
		if err != nil {
			t.Fatal(err)
		}
		if rng.IntN(8) == 0 {
			pdu[rng.IntN(len(pdu)-aal.TrailerSize)] ^= 1 << rng.IntN(8)
		}
		h := aal.MakeHeader(randomVC(rng), aal.PTIUserEnd, false)
		c.AddERF(oracle.ERFAAL5, uint32(h), pdu)
		p := gopacket.NewPacket(erfRecord(oracle.ERFAAL5, h, pdu), atm.LinkTypeERF, gopacket.Default) // the SDU is nonsense
		h, a := find[*atm.PDU](t, p).Header, find[*atm.AAL5](t, p)
		want = append(want, fmt.Sprintf("%d;%d;0x%02x;0x%02x;%d;0x%08x", h.VC().VPI, h.VC().VCI, a.UU, a.CPI, a.Length, a.CRC))
		verdicts = append(verdicts, said(a.CRCError))
	}
	options := []string{"-o", "erf.aal5_type:raw"}
	same(t, "tshark", joined(c.Fields(t, options, "atm.vpi", "atm.vci", "atm.hf_atm.aal5t_uu", "atm.hf_atm.aal5t_cpi",
		"atm.aal5t_len", "atm.aal5t_crc")), want)
	same(t, "tshark", words(c.Details(t, "atm", options...), "AAL5 CRC"), verdicts)
}

// SunATM records: direction and channel as tshark shows them.
func TestSunATMAgainstTshark(t *testing.T) {
	t.Parallel()
	rng := oracle.Seeded(t)
	c := oracle.NewPcap(oracle.LinkSunATM)
	var want []string
	for range oracle.Records {
		types := []atm.SunATMType{0, atm.SunATMLANE, atm.SunATMLLC, atm.SunATMILMI, atm.SunATMSSCOP}
		vc := randomVC(rng)
		s := &atm.SunATM{Sent: rng.IntN(2) == 1, Type: types[rng.IntN(len(types))], VPI: uint8(vc.VPI), VCI: vc.VCI}
		record := serialize(t, s, gopacket.Payload(oracle.Octets(rng, 40)))
		c.Add(record)
		got := find[*atm.SunATM](t, gopacket.NewPacket(record, atm.LinkTypeSunATM, gopacket.Default))
		aalType := 4 // AAL5 in tshark's own numbers
		if got.Type == atm.SunATMSSCOP {
			aalType = 6
		}
		channel := 1
		if got.Sent {
			channel = 0
		}
		want = append(want, fmt.Sprintf("%d;%d;%d;%d", channel, aalType, got.VPI, got.VCI))
	}
	same(t, "tshark", joined(c.Fields(t, nil, "atm.channel", "atm.aal", "atm.vpi", "atm.vci")), want)
}
