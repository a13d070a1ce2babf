package layers_test

import (
	"fmt"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/cellhub/cellhub/aal"
	atm "github.com/cellhub/cellhub/aal/layers"
)

// A loopback cell, written as a record of an ERF capture and taken apart.
func Example() {
	vc := aal.VC{VPI: 0, VCI: 100}
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&atm.ERF{Type: atm.ERFCell},
		&atm.Cell{Header: aal.OAMF5EndToEnd.Header(vc)},
		&atm.OAM{Kind: aal.OAMLB, Function: &aal.OAMLoopback{
			Request: true, Tag: 7, Location: aal.FilledOAMID(aal.OAMIDEnd), Source: aal.FilledOAMID(aal.OAMIDNone),
		}},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	p := gopacket.NewPacket(b.Bytes(), atm.LinkTypeERF, gopacket.Default)
	for _, l := range p.Layers() {
		fmt.Println(gopacket.LayerString(l))
	}
	if o, ok := p.Layer(atm.LayerTypeOAM).(*atm.OAM); ok {
		fmt.Println("tag", o.Function.(*aal.OAMLoopback).Tag)
	}
	// Output:
	// ERF	ERF, type ATM (3), flags 0x00, loss 0, length 52
	// Cell	OAM F5, vpi 0, vci 100, payload [ VCC OAM F5 flow end-to-end ], clp 0
	// OAM	cell-type Fault Management (1), func-type Loopback (8), Request, Correlation-Tag 0x00000007, Loopback-ID ffffffffffffffffffffffffffffffff, Source-ID 6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a, cksum 0x05a (correct)
	// tag 7
}

// Cells are reassembled where a header leaves room for the one that a PDU record
// begins with; the PDU is then taken apart, the SDU by what RegisterVC told.
func Example_reassembled() {
	vc := aal.VC{VPI: 0, VCI: 130}
	atm.RegisterVC(vc, layers.LayerTypeIPv4)
	cells, err := ipCells(vc)
	if err != nil {
		fmt.Println(err)
		return
	}

	const largest = 1500
	record := make([]byte, aal.HeaderSize+aal.AAL5PDUSize(largest))
	var r aal.Reassembler
	r.Start(record[aal.HeaderSize:])
	n, ev := r.Push(cells)
	aal.ReadHeader(cells[n-aal.CellSize:]).Put(record) // the last cell's
	record = record[:aal.HeaderSize+aal.AAL5PDUSize(len(r.PDU().SDU))]

	fmt.Println(ev)
	for _, l := range gopacket.NewPacket(record, atm.LayerTypePDU, gopacket.Default).Layers()[:3] {
		fmt.Println(l.LayerType(), len(l.LayerPayload()))
	}
	// Output:
	// PDU
	// PDU 96
	// AAL5 60
	// IPv4 40
}

// A parser that allocates nothing decodes the same, by layers of the caller's.
// Its AAL5 layer is told once of the PDU layer under it, whose channel
// RegisterVC knows.
func Example_decodingLayerParser() {
	vc := aal.VC{VPI: 0, VCI: 131}
	atm.RegisterVC(vc, atm.LayerTypeBridgedFCS)
	frame := make(gopacket.Payload, 60)
	copy(frame, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x08\x06")
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&atm.ERF{Type: atm.ERFAAL5}, &atm.PDU{Header: aal.MakeHeader(vc, aal.PTIUserEnd, false)}, &atm.AAL5{},
		&atm.Bridged{FCS: true}, frame)
	if err != nil {
		fmt.Println(err)
		return
	}

	var (
		record  atm.ERF
		pdu     atm.PDU
		aal5    = atm.AAL5{Under: &pdu}
		bridged = atm.Bridged{FCS: true}
		rest    layers.Ethernet
		decoded []gopacket.LayerType
	)
	p := gopacket.NewDecodingLayerParser(atm.LayerTypeERF, &record, &pdu, &aal5, &bridged, &rest)
	p.IgnoreUnsupported = true // what Ethernet carries
	fmt.Println(p.DecodeLayers(b.Bytes(), &decoded))
	fmt.Println(decoded)
	fmt.Println(rest.DstMAC, rest.EthernetType)
	// Output:
	// <nil>
	// [ERF PDU AAL5 RFC2684BridgedFCS Ethernet]
	// 02:00:00:00:00:01 ARP
}

// ipCells gives the cells of an IP packet of 60 octets.
func ipCells(vc aal.VC) ([]byte, error) {
	sdu := make([]byte, 60)
	copy(sdu, "\x45\x00\x00\x3C\x00\x00\x00\x00\x40\xFD\x00\x00\x0A\x00\x00\x01\x0A\x00\x00\x02")
	var s aal.Segmenter
	if err := s.Start(aal.MakeHeader(vc, aal.PTIUser, false), sdu, 0, 0); err != nil {
		return nil, err
	}
	cells := make([]byte, aal.AAL5PDUSize(len(sdu))/aal.PayloadSize*aal.CellSize)
	return cells[:s.Cells(cells)], nil
}
