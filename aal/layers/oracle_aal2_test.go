package layers_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/aal/internal/oracle"
	atm "github.com/cellhub/cellhub/aal/layers"
)

// packet2 is a CPS-packet of AAL2 as the second decoder reads it.
type packet2 struct {
	cid, uui uint64
	info     string // hexadecimal
}

// stream2 is the second decoder of AAL2: it strings the 47 octets of all
// CPS-PDUs together, where a start field says that a packet starts notes the
// place, and takes the packets off (I.363.2, 9).
type stream2 struct {
	octets string // hexadecimal, from the start of a packet
	sn     uint64
	begun  bool
}

// cell takes a CPS-PDU and gives the packets that end in it.
func (s *stream2) cell(t *testing.T, cell []byte) (packets []packet2) {
	t.Helper()
	bits := bitString(cell)
	if strings.Count(bits[:8], "1")%2 != 1 {
		t.Fatalf("start field %s has even parity", bits[:8])
	}
	offset, sn := cut(&bits, 6), cut(&bits, 1)
	cut(&bits, 1)
	if s.begun && sn != 1-s.sn {
		t.Fatalf("SN %d twice", sn)
	}
	s.sn, s.begun = sn, true
	octets := bitsToHex(bits)
	tail := int(offset)
	s.octets += octets[:2*tail]
	packets = s.take(t, packets, false)
	if tail == aal.AAL2Payload {
		return packets
	}
	if s.octets != "" {
		t.Fatalf("offset %d leaves %s of a packet", offset, s.octets)
	}
	s.octets = octets[2*tail:]
	return s.take(t, packets, true)
}

// take takes whole packets off, and padding up to the end of the cell.
func (s *stream2) take(t *testing.T, packets []packet2, pad bool) []packet2 {
	t.Helper()
	for len(s.octets) >= 6 && (!pad || s.octets[:2] != "00") {
		raw, err := hex.DecodeString(s.octets[:6])
		if err != nil {
			t.Fatal(err)
		}
		bits := bitString(raw)
		if strings.Contains(remainder(bits, generator5), "1") {
			t.Fatalf("header %s: HEC wrong", bits)
		}
		p := packet2{cid: cut(&bits, 8)}
		end := 6 + 2*(int(cut(&bits, 6))+1)
		p.uui = cut(&bits, 5)
		if len(s.octets) < end {
			return packets
		}
		p.info, s.octets = s.octets[6:end], s.octets[end:]
		packets = append(packets, p)
	}
	if pad && strings.HasPrefix(s.octets, "00") {
		if strings.Trim(s.octets, "0") != "" {
			t.Fatalf("padding %s", s.octets)
		}
		s.octets = ""
	}
	return packets
}

// Cells of an AAL2 sender. tshark has no decoder for a CPS-PDU: packet-atm.c
// knows AAL2 only as records of one CPS-packet's payload (TestAAL2Record), so
// that the second decoder above judges alone.
func TestAAL2BySecondDecoder(t *testing.T) {
	t.Parallel()
	rng := oracle.Seeded(t)
	s, err := aal.MakeAAL2Sender(aal.MaxAAL2Info, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	var sent, got []packet2
	var second stream2
	var now time.Duration
	dst := make([]byte, aal.MaxAAL2Output)
	for cells := 0; cells < oracle.Records; {
		now += time.Duration(rng.IntN(400)) * time.Microsecond
		n, err := s.Expire(dst, now)
		if err == nil && n == 0 {
			p := packet2{uint64(aal.AAL2FirstUserCID + rng.IntN(248)), uint64(rng.IntN(aal.MaxAAL2UUI + 1)), ""}
			info := oracle.Octets(rng, 1+rng.IntN(aal.MaxAAL2Info))
			p.info = hex.EncodeToString(info)
			sent = append(sent, p)
			n, err = s.Send(dst, now, uint8(p.cid), uint8(p.uui), info)
		}
		if err != nil {
			t.Fatal(err)
		}
		for cell := range slicesOf(dst[:n], aal.PayloadSize) {
			got = append(got, second.cell(t, cell)...)
			checkAAL2Layer(t, cell)
			cells++
		}
	}
	if len(got) == 0 || len(sent)-len(got) > 3 {
		t.Fatalf("%d packets of %d", len(got), len(sent))
	}
	for i, p := range got {
		if p != sent[i] {
			t.Fatalf("packet %d is %v, want %v", i, p, sent[i])
		}
	}
}

// slicesOf cuts b in pieces of n octets.
func slicesOf(b []byte, n int) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for ; len(b) >= n && yield(b[:n]); b = b[n:] {
		}
	}
}

// checkAAL2Layer writes a cell anew from what the layer read.
func checkAAL2Layer(t *testing.T, cell []byte) {
	t.Helper()
	a := find[*atm.AAL2](t, dissect(t, cell, atm.LayerTypeAAL2))
	bits := bitString(a.Contents[:1]) + bitString(a.Tail)
	for _, p := range a.Packets {
		header := fmt.Sprintf("%08b%06b%05b", p.Header.CID, p.Header.Size-1, p.Header.UUI)
		bits += header + remainder(header+"00000", generator5) + bitString(p.Info)
	}
	bits += bitString(a.Rest)
	bits += strings.Repeat("0", 8*aal.PayloadSize-len(bits))
	if bits != bitString(cell) || a.HECError {
		t.Fatalf("%x read as %v", cell, a)
	}
}

// ERF records of one CPS-packet's payload each, the form in which tshark knows
// AAL2: VC, CID and payload.
func TestAAL2Record(t *testing.T) {
	t.Parallel()
	rng := oracle.Seeded(t)
	c := oracle.NewERF()
	var want []string
	for range oracle.Records {
		h := aal.MakeHeader(randomVC(rng), 0, false)
		e := &atm.ERF{Type: atm.ERFAAL2, Channel: uint32(rng.IntN(256))}
		info := oracle.Octets(rng, 1+rng.IntN(aal.MaxAAL2Info))
		record := serialize(t, e, &atm.PDU{Header: h}, gopacket.Payload(info))
		c.Add(record)
		want = append(want, fmt.Sprintf("%d;%d;%d;%d;%x", h.VC().VPI, h.VC().VCI, e.Channel, e.Channel, info))
		got := find[*atm.ERF](t, dissect(t, record, atm.LinkTypeERF))
		if got.Channel != e.Channel || hex.EncodeToString(got.Payload[aal.HeaderSize:]) != hex.EncodeToString(info) {
			t.Fatalf("%v", got)
		}
	}
	same(t, "tshark", joined(c.Fields(t, nil, "atm.vpi", "atm.vci", "erf.aal2.cid", "atm.cid", "data.data")), want)
}
