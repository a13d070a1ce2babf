package layers_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/cellhub/cellhub/aal"
	atm "github.com/cellhub/cellhub/aal/layers"
)

var (
	ip = &layers.IPv4{
		Version: 4, IHL: 5, TTL: 64, Protocol: layers.IPProtocolUDP,
		SrcIP: []byte{10, 0, 0, 1}, DstIP: []byte{10, 0, 0, 2},
	}
	udp      = &layers.UDP{SrcPort: 1, DstPort: 2}
	ethernet = &layers.Ethernet{
		SrcMAC: []byte{2, 0, 0, 0, 0, 1}, DstMAC: []byte{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4,
	}
	llcIP   = &atm.LLC{Kind: aal.Routed, EtherType: layers.EthernetTypeIPv4}
	pdu     = &atm.PDU{Header: user.WithAUU(true)}
	erfAAL5 = &atm.ERF{Type: atm.ERFAAL5}
	erfCell = &atm.ERF{Type: atm.ERFCell}
)

// label gives a bottom label on Ethernet.
func label(n uint32) []gopacket.SerializableLayer {
	e := *ethernet
	e.EthernetType = layers.EthernetTypeMPLSUnicast
	return []gopacket.SerializableLayer{&e, &layers.MPLS{Label: n, StackBottom: true, TTL: 64}}
}

// The labels and channels of these tests.
const (
	labelN1 = 16 + iota
	labelN1CW
	label11
	labelSDU
	labelUnknown
)

var (
	vcAAL1 = aal.VC{VPI: 5, VCI: 101}
	vcAAL2 = aal.VC{VPI: 5, VCI: 102}
	vcAAL3 = aal.VC{VPI: 5, VCI: 103}
	vcPPP  = aal.VC{VPI: 5, VCI: 104}
	vcEth  = aal.VC{VPI: 5, VCI: 105}
	vcFCS  = aal.VC{VPI: 5, VCI: 106}
)

func init() {
	atm.RegisterMPLS()
	atm.RegisterLabel(labelN1, atm.LayerTypeCells)
	atm.RegisterLabel(labelN1CW, atm.LayerTypePWN1)
	atm.RegisterLabel(label11, atm.LayerTypePW11)
	atm.RegisterLabel(labelSDU, atm.LayerTypePWAAL5SDU)
	atm.RegisterVC(vcAAL1, atm.LayerTypeAAL1)
	atm.RegisterVC(vcAAL2, atm.LayerTypeAAL2)
	atm.RegisterVC(vcAAL3, atm.LayerTypeAAL34)
	atm.RegisterVC(vcPPP, layers.LayerTypePPP)
	atm.RegisterVC(vcEth, atm.LayerTypeBridged)
	atm.RegisterVC(vcFCS, atm.LayerTypeBridgedFCS)
}

func on(vc aal.VC) aal.Header { return aal.MakeHeader(vc, 0, false) }

// cells joins whole packets' octets.
func join(t testing.TB, packets ...[]gopacket.SerializableLayer) gopacket.Payload {
	t.Helper()
	var b gopacket.Payload
	for _, p := range packets {
		b = append(b, serialize(t, p...)...)
	}
	return b
}

type stack = []gopacket.SerializableLayer

// Packets of every link type, taken apart as far as gopacket can, all at once
// and layer by layer.
func TestPackets(t *testing.T) {
	if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	n1 := join(t,
		stack{&atm.Cell{Header: oam}, &atm.OAM{Kind: aal.OAMLB, Function: lb}},
		stack{&atm.Cell{Header: on(vcAAL1)}, &atm.AAL1{SN: 3}, payload(47)},
		stack{&atm.Cell{Header: user.WithPTI(aal.PTIResourceMgmt)}, &atm.RM{Cell: rm}})
	vccCells := join(t, stack{&atm.PWCell{}, payload(48)}, stack{&atm.PWCell{PTI: 5}, &atm.OAM{Kind: aal.OAMCC}})
	// RFC 4717, 7.2, with erratum 2257: of F4 flows, continuity checks pass too.
	vpcCells := join(t, stack{&atm.PWCell{Path: true, VCI: 3}, &atm.OAM{Kind: aal.OAMCC}},
		stack{&atm.PWCell{Path: true, VCI: 4}, &atm.OAM{Kind: aal.OAMCC}},
		stack{&atm.PWCell{Path: true, PTI: 6, VCI: 40}, &atm.RM{}})
	for _, tt := range []struct {
		name   string
		first  gopacket.Decoder
		layers stack
		want   string
	}{
		{"routed over LLC", atm.LinkTypeERF, stack{erfAAL5, pdu, &atm.AAL5{}, llcIP, ip, udp, payload(9)},
			"ERF PDU AAL5 RFC2684LLC IPv4 UDP Payload"},
		{"bridged over LLC", atm.LinkTypeERF,
			stack{erfAAL5, pdu, &atm.AAL5{}, &atm.LLC{Kind: aal.Bridged, FCS: true}, ethernet, ip, udp, payload(9)},
			"ERF PDU AAL5 RFC2684LLC Ethernet IPv4 UDP Payload"},
		{"PPP over LLC", atm.LinkTypeERF,
			stack{erfAAL5, pdu, &atm.AAL5{}, &atm.LLC{Kind: aal.PPP}, &layers.PPP{PPPType: layers.PPPTypeIPv4}, ip, udp, payload(9)},
			"ERF PDU AAL5 RFC2684LLC PPP IPv4 UDP Payload"},
		{"ATMARP", atm.LinkTypeERF,
			stack{erfAAL5, pdu, &atm.AAL5{}, &atm.LLC{EtherType: layers.EthernetTypeARP}, &atm.ATMARP{Packet: arp}},
			"ERF PDU AAL5 RFC2684LLC ATMARP"},
		{"routed, guessed", atm.LinkTypeERF, stack{erfAAL5, pdu, &atm.AAL5{}, ip, udp, payload(9)},
			"ERF PDU AAL5 IPv4 UDP Payload"},
		{"bridged, guessed", atm.LinkTypeERF, stack{erfAAL5, pdu, &atm.AAL5{}, &atm.Bridged{}, ethernet, ip, udp, payload(9)},
			"ERF PDU AAL5 RFC2684Bridged Ethernet IPv4 UDP Payload"},
		{"PPP, registered", atm.LinkTypeERF,
			stack{erfAAL5, &atm.PDU{Header: on(vcPPP)}, &atm.AAL5{}, &layers.PPP{PPPType: layers.PPPTypeIPv4}, ip, udp, payload(9)},
			"ERF PDU AAL5 PPP IPv4 UDP Payload"},
		{"bridged, registered", atm.LinkTypeERF,
			stack{erfAAL5, &atm.PDU{Header: on(vcEth)}, &atm.AAL5{}, &atm.Bridged{}, ethernet, ip, udp, payload(9)},
			"ERF PDU AAL5 RFC2684Bridged Ethernet IPv4 UDP Payload"},
		{"bridged with FCS, registered", atm.LinkTypeERF,
			stack{erfAAL5, &atm.PDU{Header: on(vcFCS)}, &atm.AAL5{}, &atm.Bridged{FCS: true}, ethernet, ip, udp, payload(9)},
			"ERF PDU AAL5 RFC2684BridgedFCS Ethernet IPv4 UDP Payload"},
		{"unknown SDU", atm.LinkTypeERF, stack{erfAAL5, pdu, &atm.AAL5{}, payload(9)}, "ERF PDU AAL5 Payload"},
		{"unknown cell", atm.LinkTypeERF, stack{erfCell, &atm.Cell{Header: user}, payload(48)}, "ERF Cell Payload"},
		{"OAM cell, with its HEC counted, and padding", atm.LinkTypeERF,
			stack{&atm.ERF{Type: atm.ERFCell}, join(t, stack{&atm.Cell{Header: oam}, &atm.OAM{Kind: aal.OAMCC}}, stack{payload(4)})},
			"ERF Cell OAM"},
		{"OAM cell", atm.LinkTypeERF, stack{erfCell, &atm.Cell{Header: oam}, &atm.OAM{Kind: aal.OAMCC}}, "ERF Cell OAM"},
		{"multichannel cell", atm.LinkTypeERF,
			stack{&atm.ERF{Type: atm.ERFMCCell}, &atm.Cell{Header: on(vcAAL3)}, &atm.AAL34{}, payload(40)},
			"ERF Cell AAL34 Payload"},
		{"AAL2 cell", atm.LinkTypeERF, stack{erfCell, &atm.Cell{Header: on(vcAAL2)}, &atm.AAL2{}}, "ERF Cell AAL2"},
		{"SunATM, LLC", atm.LinkTypeSunATM, stack{&atm.SunATM{Type: atm.SunATMLLC}, llcIP, ip, udp, payload(9)},
			"SunATM RFC2684LLC IPv4 UDP Payload"},
		{"SunATM, guessed", atm.LinkTypeSunATM, stack{&atm.SunATM{VPI: 5, VCI: 100}, ip, udp, payload(9)},
			"SunATM IPv4 UDP Payload"},
		{"SunATM, registered", atm.LinkTypeSunATM,
			stack{&atm.SunATM{VPI: 5, VCI: 104}, &layers.PPP{PPPType: layers.PPPTypeIPv4}, ip, udp, payload(9)},
			"SunATM PPP IPv4 UDP Payload"},
		{"SunATM, signalling", atm.LinkTypeSunATM, stack{&atm.SunATM{Type: atm.SunATMSSCOP, VCI: 5}, payload(9)}, "SunATM Payload"},
		{"cell of 53 octets", atm.LayerTypeWireCell, stack{&atm.WireCell{Header: oam}, &atm.OAM{Kind: aal.OAMCC}}, "WireCell OAM"},
		{"PW N:1", layers.LinkTypeEthernet, append(label(labelN1), n1), "Ethernet MPLS Cell OAM Cell AAL1 Payload Cell RM"},
		{"PW N:1 with control word", layers.LinkTypeEthernet, append(label(labelN1CW), &atm.PWN1{}, n1),
			"Ethernet MPLS PWN1 Cell OAM Cell AAL1 Payload Cell RM"},
		{"PW N:1 with half a cell", layers.LinkTypeEthernet, append(label(labelN1), n1[:80]),
			"Ethernet MPLS Cell OAM DecodeFailure layers: not a whole number of cells"},
		{"PW 1:1 of a VCC", layers.LinkTypeEthernet, append(label(label11), &atm.PW11{}, vccCells),
			"Ethernet MPLS PW11 PWCell Payload PWCell OAM"},
		{"PW 1:1 of a VPC", layers.LinkTypeEthernet, append(label(label11), &atm.PW11{}, vpcCells),
			"Ethernet MPLS PW11 PWCell OAM PWCell OAM PWCell RM"},
		{"PW AAL5 PDU", layers.LinkTypeEthernet,
			append(label(label11), &atm.PWAAL5PDU{Last: true}, &atm.AAL5{}, llcIP, ip, udp, payload(9)),
			"Ethernet MPLS PWAAL5PDU AAL5 RFC2684LLC IPv4 UDP Payload"},
		{"PW AAL5 PDU, a part", layers.LinkTypeEthernet, append(label(label11), &atm.PWAAL5PDU{}, payload(96)),
			"Ethernet MPLS PWAAL5PDU Payload"},
		{"PW AAL5 SDU", layers.LinkTypeEthernet, append(label(labelSDU), &atm.PWAAL5SDU{}, llcIP, ip, udp, payload(9)),
			"Ethernet MPLS PWAAL5SDU RFC2684LLC IPv4 UDP Payload"},
		{"PW AAL5 SDU, padded", layers.LinkTypeEthernet, append(label(labelSDU), &atm.PWAAL5SDU{Length: 12}, payload(8)),
			"Ethernet MPLS PWAAL5SDU Payload"},
		{"PW AAL5 SDU, cell", layers.LinkTypeEthernet,
			append(label(labelSDU), &atm.PWAAL5SDU{OAM: true}, &atm.Cell{Header: oam}, &atm.OAM{Kind: aal.OAMCC}),
			"Ethernet MPLS PWAAL5SDU Cell OAM"},
		{"VCCV on a PW N:1", layers.LinkTypeEthernet,
			append(label(labelN1CW), &atm.PWACH{Channel: atm.PWChannelIPv4}, ip, udp, payload(9)),
			"Ethernet MPLS PWACH IPv4 UDP Payload"},
		{"VCCV on a PW 1:1, unknown", layers.LinkTypeEthernet, append(label(label11), &atm.PWACH{Channel: 0x7FF8}, payload(9)),
			"Ethernet MPLS PWACH Payload"},
		{"VCCV on a PW AAL5 SDU", layers.LinkTypeEthernet,
			append(label(labelSDU), &atm.PWACH{Channel: atm.PWChannelBFD},
				gopacket.Payload(unhex(t, "20c00318 00000001 00000002 000f4240 000f4240 00000000"))),
			"Ethernet MPLS PWACH BFD"},
		{"VCCV by label 13", layers.LinkTypeEthernet, append(label(13), &atm.PWACH{Channel: atm.PWChannelIPv4}, ip, udp, payload(9)),
			"Ethernet MPLS PWACH IPv4 UDP Payload"},
		{"RFC 1483", atm.LinkTypeRFC1483, stack{llcIP, ip, udp, payload(9)}, "RFC2684LLC IPv4 UDP Payload"},
		{"RFC 1483, bridged", atm.LinkTypeRFC1483, stack{&atm.LLC{Kind: aal.Bridged}, ethernet, ip, udp, payload(9)},
			"RFC2684LLC Ethernet IPv4 UDP Payload"},
		{"Classical IP with LLC", atm.LinkTypeCLIP, stack{llcIP, ip, udp, payload(9)}, "RFC2684LLC IPv4 UDP Payload"},
		{"Classical IP without", atm.LinkTypeCLIP, stack{ip, udp, payload(9)}, "IPv4 UDP Payload"},
		{"Classical IP, neither", atm.LinkTypeCLIP, stack{payload(9)}, "Payload"},
		{"another label", layers.LinkTypeEthernet, append(label(labelUnknown), ip, udp, payload(9)), "Ethernet MPLS IPv4 UDP Payload"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := serialize(t, tt.layers...)
			if got := names(gopacket.NewPacket(data, tt.first, gopacket.Default)); got != tt.want {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
			if got := names(gopacket.NewPacket(data, tt.first, gopacket.Lazy)); got != tt.want {
				t.Errorf("lazily: %s\nwant %s", got, tt.want)
			}
		})
	}
}

// MPLS in UDP (RFC 7510), and two labels.
func TestMPLSInUDP(t *testing.T) {
	u := &layers.UDP{SrcPort: 50000, DstPort: 6635}
	if err := u.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	data := serialize(t, ip, u, &layers.MPLS{Label: labelN1}, &layers.MPLS{Label: labelN1, StackBottom: true},
		&atm.Cell{Header: oam}, &atm.OAM{Kind: aal.OAMCC})
	const want = "IPv4 UDP MPLS MPLS Cell OAM"
	if got := names(gopacket.NewPacket(data, layers.LayerTypeIPv4, gopacket.Default)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	endless := bytes.Repeat([]byte{0, 1, 0, 64}, 17)
	got := names(gopacket.NewPacket(endless, gopacket.DecodeFunc(atm.DecodeMPLS), gopacket.Default))
	if !strings.HasSuffix(got, atm.ErrLabels.Error()) {
		t.Errorf("17 labels: %s", got)
	}
}

// The layers work without packets, in the memory of the caller's, and know what
// RegisterVC told.
func TestDecodingLayers(t *testing.T) {
	if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	vcIP := aal.VC{VPI: 5, VCI: 107}
	atm.RegisterVC(vcIP, layers.LayerTypeIPv4)
	var (
		e    atm.ERF
		s    atm.SunATM
		c    atm.Cell
		h    atm.PDU
		a    = atm.AAL5{Under: &h}
		l    atm.LLC
		b    atm.Bridged
		fcs  = atm.Bridged{FCS: true}
		a1   atm.AAL1
		a2   atm.AAL2
		a3   atm.AAL34
		o    atm.OAM
		eth  layers.Ethernet
		i    layers.IPv4
		u    layers.UDP
		rest gopacket.Payload
		all  = []gopacket.DecodingLayer{&e, &s, &c, &h, &a, &l, &b, &fcs, &a1, &a2, &a3, &o, &eth, &i, &u, &rest}
	)
	pduOn := func(vc aal.VC, sdu ...gopacket.SerializableLayer) stack {
		return append(stack{erfAAL5, &atm.PDU{Header: on(vc)}, &atm.AAL5{}}, sdu...)
	}
	cellOn := func(vc aal.VC, payload ...gopacket.SerializableLayer) stack {
		return append(stack{erfCell, &atm.Cell{Header: on(vc)}}, payload...)
	}
	bridged := stack{ethernet, ip, udp, payload(9)}
	for _, tt := range []struct {
		name  string
		first gopacket.LayerType
		stack stack
		want  string
	}{
		{"guessed", atm.LayerTypeERF, pduOn(vc, llcIP, ip, udp, payload(9)), "ERF PDU AAL5 RFC2684LLC IPv4 UDP Payload"},
		{"bridged", atm.LayerTypeERF, pduOn(vcEth, append(stack{&atm.Bridged{}}, bridged...)...),
			"ERF PDU AAL5 RFC2684Bridged Ethernet IPv4 UDP Payload"},
		{"bridged with FCS", atm.LayerTypeERF, pduOn(vcFCS, append(stack{&atm.Bridged{FCS: true}}, bridged...)...),
			"ERF PDU AAL5 RFC2684BridgedFCS Ethernet IPv4 UDP Payload"},
		{"IP", atm.LayerTypeERF, pduOn(vcIP, ip, udp, payload(9)), "ERF PDU AAL5 IPv4 UDP Payload"},
		{"IP, from a record of its own", atm.LayerTypeSunATM, stack{&atm.SunATM{VPI: 5, VCI: 107}, ip, udp, payload(9)},
			"SunATM IPv4 UDP Payload"},
		{"AAL1", atm.LayerTypeERF, cellOn(vcAAL1, &atm.AAL1{}, payload(47)), "ERF Cell AAL1 Payload"},
		{"AAL2", atm.LayerTypeERF, cellOn(vcAAL2, &atm.AAL2{}), "ERF Cell AAL2"},
		{"AAL3/4", atm.LayerTypeERF, cellOn(vcAAL3, &atm.AAL34{}, payload(44)), "ERF Cell AAL34 Payload"},
		{"OAM", atm.LayerTypeERF, stack{erfCell, &atm.Cell{Header: oam}, &atm.OAM{Kind: aal.OAMCC}}, "ERF Cell OAM"},
	} {
		p := gopacket.NewDecodingLayerParser(tt.first, all...)
		var types []gopacket.LayerType
		err := p.DecodeLayers(serialize(t, tt.stack...), &types)
		var got []string
		for _, t := range types {
			got = append(got, t.String())
		}
		if strings.Join(got, " ") != tt.want || err != nil {
			t.Errorf("%s: %v, %v, want %s", tt.name, got, err, tt.want)
		}
	}
}

// The memory of a Reassembler holds the whole PDU, good or damaged.
func TestReassembled(t *testing.T) {
	sdu := make([]byte, 60)
	copy(sdu, "\xAA\xAA\x03\xFE\x00\x00\x12\x34")
	good := serialize(t, &atm.AAL5{}, gopacket.Payload(sdu))
	crc := bytes.Clone(good)
	crc[50] ^= 1
	length := bytes.Clone(good)
	length[len(length)-5] = 96
	binary.BigEndian.PutUint32(length[len(length)-4:], aal.CRC32(length[:len(length)-4]))
	for _, tt := range []struct {
		name        string
		pdu         []byte
		ev          aal.Event
		crc, length bool
	}{
		{"good", good, aal.EvPDU, false, false},
		{"CRC", crc, aal.EvCRC, true, false},
		{"Length", length, aal.EvLength, false, true},
	} {
		cells := serialize(t, &atm.Cell{Header: user}, gopacket.Payload(tt.pdu[:48]))
		cells = append(cells, serialize(t, &atm.Cell{Header: user.WithAUU(true)}, gopacket.Payload(tt.pdu[48:]))...)
		buf := make([]byte, aal.AAL5PDUSize(1500))
		var r aal.Reassembler
		r.Start(buf)
		if _, ev := r.Push(cells); ev != tt.ev {
			t.Fatalf("%s: %v", tt.name, ev)
		}
		got := buf[:aal.AAL5PDUSize(len(r.PDU().SDU))]
		p := gopacket.NewPacket(got, atm.LayerTypeAAL5, gopacket.Default)
		a := find[*atm.AAL5](t, p)
		if !bytes.Equal(got, tt.pdu) || a.CRCError != tt.crc || a.LengthError != tt.length || names(p) != "AAL5 RFC2684LLC Payload" {
			t.Errorf("%s: %s, %v", tt.name, names(p), a)
		}
	}
}

// A capture file is read by pcapgo and gopacket alone, once the package is
// imported.
func TestCaptureFile(t *testing.T) {
	var file bytes.Buffer
	w := pcapgo.NewWriter(&file)
	if err := w.WriteFileHeader(1<<16, atm.LinkTypeERF); err != nil {
		t.Fatal(err)
	}
	data := serialize(t, erfCell, &atm.Cell{Header: oam}, &atm.OAM{Kind: aal.OAMLB, Function: lb})
	if err := w.WritePacket(gopacket.CaptureInfo{CaptureLength: len(data), Length: len(data)}, data); err != nil {
		t.Fatal(err)
	}
	r, err := pcapgo.NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := gopacket.NewPacketSource(r, r.LinkType()).NextPacket()
	if err != nil {
		t.Fatal(err)
	}
	o, _ := p.Layer(atm.LayerTypeOAM).(*atm.OAM)
	if o == nil || *o.Function.(*aal.OAMLoopback) != *lb {
		t.Errorf("%v", p)
	}
	if !strings.Contains(p.String(), "OAM F5, vpi 5, vci 100") {
		t.Errorf("prints %v", p)
	}
}
