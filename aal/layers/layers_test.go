package layers_test

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/cellhub/cellhub/aal"
	atm "github.com/cellhub/cellhub/aal/layers"
)

// layer is what every layer of the package is.
type layer interface {
	gopacket.SerializableLayer
	gopacket.DecodingLayer
	gopacket.Layer
	fmt.Stringer
}

var fix = gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func serialize(t testing.TB, ls ...gopacket.SerializableLayer) []byte {
	t.Helper()
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, fix, ls...); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(b.Bytes())
}

func payload(n int) gopacket.Payload {
	p := make(gopacket.Payload, n)
	for i := range p {
		p[i] = byte(i)
	}
	return p
}

// names lists the layers of a packet, and its error.
func names(p gopacket.Packet) string {
	var s []string
	for _, l := range p.Layers() {
		s = append(s, l.LayerType().String())
	}
	if e := p.ErrorLayer(); e != nil {
		s = append(s, e.Error().Error())
	}
	return strings.Join(s, " ")
}

var (
	vc     = aal.VC{VPI: 5, VCI: 100}
	user   = aal.MakeHeader(vc, aal.PTIUser, false)
	oam    = aal.MakeHeader(vc, aal.PTISegmentOAM, true)
	number = aal.ATMNumber{Octets: [20]byte{0x47, 1, 2, 3}, Len: 4}
	arp    = aal.ATMARP{
		Op: aal.ATMARPRequest, SourceNumber: number,
		TargetNumber:  aal.ATMNumber{Octets: [20]byte{'4', '9'}, Len: 2, E164: true},
		SourceAddress: netip.MustParseAddr("10.0.0.1"), TargetAddress: netip.MustParseAddr("10.0.0.2"),
	}
	ais = aal.MakeOAMFault(aal.OAMAIS)
	lb  = &aal.OAMLoopback{Request: true, Tag: 1, Location: aal.FilledOAMID(aal.OAMIDEnd), Source: aal.FilledOAMID(aal.OAMIDNone)}
	rm  = aal.RMCell{ID: aal.RMProtocolABR, Congestion: true, ER: aal.MakeRate16(1000)}
)

// Each layer with what it carries, as octets and as a line.
var layerTests = []struct {
	name  string
	layer layer
	rest  gopacket.Payload
	want  string // octets of the layer, in hexadecimal; ".." for the payload
	text  string
}{
	{
		"cell", &atm.Cell{Header: user}, payload(48), "00500640 ..",
		"ATM, vpi 5, vci 100, payload [ user data, uncongested, SDU 0 ], clp 0",
	}, {
		"cell of 53 octets", &atm.WireCell{Header: user}, payload(48), "00500640c8 ..",
		"ATM, vpi 5, vci 100, payload [ user data, uncongested, SDU 0 ], clp 0, HEC 0xc8 (correct)",
	}, {
		"OAM cell", &atm.Cell{Header: oam}, payload(48), "00500649 ..",
		"OAM F5, vpi 5, vci 100, payload [ VCC OAM F5 flow segment ], clp 1",
	}, {
		"PDU", &atm.PDU{Header: user.WithAUU(true)}, payload(96), "00500642 ..",
		"ATM, vpi 5, vci 100, payload [ user data, uncongested, SDU 1 ], clp 0",
	}, {
		"AAL1", &atm.AAL1{SN: aal.MakeAAL1SN(true, 6)}, payload(47), "e8 ..", "AAL1, SC 6 CSI 1",
	}, {
		"AAL2", &atm.AAL2{
			Start: aal.MakeAAL2Start(0, 1), Tail: []byte{1, 2},
			Packets: []atm.AAL2Packet{{aal.AAL2Header{CID: 8, Size: 3, UUI: 0}, []byte{3, 4, 5}}},
		}, nil, "0b 0102 080801 030405" + strings.Repeat("00", 39), "AAL2, OSF 2 SN 1, CID 8 LI 2 UUI 0",
	}, {
		"AAL3/4", &atm.AAL34{Cell: aal.AAL34Cell{Segment: aal.AAL34BOM, SN: 3, MID: 7}}, payload(44), "8c07 .. b1c3",
		"AAL3/4, BOM SN 3 MID 7 LI 44, cksum 0x1c3 (correct)",
	}, {
		"AAL5", &atm.AAL5{UU: 0x11, CPI: 0x22}, nil, "", "",
	}, {
		"AIS", &atm.OAM{Kind: aal.OAMAIS, Function: &ais}, nil, "10" + strings.Repeat("6a", 45) + "03b9",
		"cell-type Fault Management (1), func-type AIS (0), defect-type 0x6a, defect-location " +
			strings.Repeat("6a", 16) + ", cksum 0x3b9 (correct)",
	}, {
		"continuity", &atm.OAM{Kind: aal.OAMCC}, nil, "14" + strings.Repeat("6a", 45) + "0387",
		"cell-type Fault Management (1), func-type Continuity Check (4), cksum 0x387 (correct)",
	}, {
		"loopback", &atm.OAM{Kind: aal.OAMLB, Function: lb}, nil,
		"1801 00000001" + strings.Repeat("ff", 16) + strings.Repeat("6a", 24) + "0309", lb.String() + ", cksum 0x309 (correct)",
	}, {
		"RM", &atm.RM{Cell: rm}, nil, "01 20 53e8 0000 0000 00000000 00000000" + strings.Repeat("6a", 30) + "038e",
		rm.String() + ", cksum 0x38e (correct)",
	}, {
		"LLC routed", &atm.LLC{Kind: aal.Routed, EtherType: layers.EthernetTypeIPv4}, payload(20), "aaaa03 000000 0800 ..",
		"LLC, routed, ethertype 0x0800",
	}, {
		"LLC bridged", &atm.LLC{Kind: aal.Bridged}, payload(60), "aaaa03 0080c2 0007 0000 ..", "LLC, bridged",
	}, {
		"LLC bridged with FCS", &atm.LLC{Kind: aal.Bridged, FCS: true}, payload(60), "aaaa03 0080c2 0001 0000 .. ee7fecb0",
		"LLC, bridged+FCS",
	}, {
		"LLC of a VPN",
		&atm.LLC{Kind: aal.PPP, NLPID: aal.NLPIDPPP, HasVPN: true, VPN: aal.VPN{OUI: 0x010203, Index: 4}}, payload(9),
		"aaaa03 00005e 0008 00 010203 00000004 fefe03cf ..", "LLC, VPN 010203:00000004, PPP, NLPID 0xcf",
	}, {
		"bridged", &atm.Bridged{}, payload(60), "0000 ..", "VC-multiplexed, bridged",
	}, {
		"bridged with FCS", &atm.Bridged{FCS: true}, payload(60), "0000 .. ee7fecb0", "VC-multiplexed, bridged+FCS",
	}, {
		"LLC of another SNAP", &atm.LLC{Kind: atm.KindUnknown, Header: 0xAAAA03, OUI: 0x00000C, PID: 0x2000}, payload(2),
		"aaaa03 00000c 2000 ..", "LLC, unknown, OUI 00000c, PID 0x2000",
	}, {
		"LLC of another SAP", &atm.LLC{Kind: atm.KindUnknown, Header: 0x424203}, payload(35), "424203 ..",
		"LLC, unknown, header 0x424203",
	}, {
		"ATMARP", &atm.ATMARP{Packet: arp}, nil, "0013 0800 04 00 0001 04 42 00 04 47010203 0a000001 3439 0a000002",
		"ARP, Request who-has 10.0.0.2 (+49) tell 10.0.0.1",
	}, {
		"ERF cell", &atm.ERF{Stamp: 1 << 32, Type: atm.ERFCell, Flags: 4}, payload(52),
		"0000000001000000 03 04 0044 0000 0034 ..", "ERF, type ATM (3), flags 0x04, loss 0, length 52",
	}, {
		"ERF extended", &atm.ERF{Type: atm.ERFMCAAL5, Extensions: make([]byte, 8), Channel: 5, LossCounter: 1}, payload(52),
		"0000000000000000 89 00 0050 0001 0038 0000000000000000 00000005 ..",
		"ERF, type MC_AAL5 (9), flags 0x00, loss 1, length 56, channel 0x00000005",
	}, {
		"SunATM", &atm.SunATM{Sent: true, Type: atm.SunATMLLC, VPI: 5, VCI: 100}, payload(9), "82 05 0064 ..",
		"Tx: VPI:5 VCI:100, type LLC (2)",
	}, {
		"PW N:1", &atm.PWN1{Sequence: 77}, payload(104), "0000 004d ..", "PW ATM N:1, flags 0x0, length 0, seq 77",
	}, {
		"PW 1:1", &atm.PW11{Sequence: 77}, payload(49), "00 004d ..", "PW ATM 1:1, flags 0x0, seq 77",
	}, {
		"PW cell of a VCC", &atm.PWCell{PTI: 5, CLP: true}, payload(48), "0b ..",
		"ATM, payload [ VCC OAM F5 flow end-to-end ], clp 1",
	}, {
		"PW cell of a VPC", &atm.PWCell{Path: true, VCI: 100, PTI: 1}, payload(48), "42 0064 ..",
		"ATM, vci 100, payload [ user data, uncongested, SDU 1 ], clp 0",
	}, {
		"PW AAL5 PDU", &atm.PWAAL5PDU{Sequence: 77, Last: true, CLP: true}, payload(96), "00 004d 85 ..",
		"PW AAL5 PDU, flags 0x0, seq 77, U 1, E 0, C 1",
	}, {
		"PW AAL5 SDU", &atm.PWAAL5SDU{Sequence: 77, EFCI: true}, payload(8), "04 0c 004d ..",
		"PW AAL5 SDU, T 0, E 1, C 0, U 0, length 12, seq 77",
	}, {
		"PW AAL5 SDU of 60 octets", &atm.PWAAL5SDU{Sequence: 77, CLP: true}, payload(60), "02 00 004d ..",
		"PW AAL5 SDU, T 0, E 0, C 1, U 0, length 0, seq 77",
	}, {
		"PW associated channel", &atm.PWACH{Channel: atm.PWChannelIPv4}, payload(20), "10 00 0021 ..",
		"PW associated channel, version 0, type IPv4 (0x0021)",
	}, {
		"PW AAL5 SDU, cell", &atm.PWAAL5SDU{OAM: true}, payload(52), "08 00 0000 ..",
		"PW AAL5 SDU, T 1, E 0, C 0, U 0, length 0, seq 0",
	},
}

// Every layer is written as its standard says, read back as it was, and
// printed.
func TestLayers(t *testing.T) {
	for _, tt := range layerTests {
		if tt.want == "" {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			got := serialize(t, tt.layer, tt.rest)
			want := unhex(t, strings.ReplaceAll(tt.want, "..", hex.EncodeToString(tt.rest)))
			if !bytes.Equal(got, want) {
				t.Fatalf("%x, want %x", got, want)
			}
			l := reflect.New(reflect.TypeOf(tt.layer).Elem()).Interface().(layer)
			if b, ok := tt.layer.(*atm.Bridged); ok {
				l.(*atm.Bridged).FCS = b.FCS
			}
			if err := l.DecodeFromBytes(got, gopacket.NilDecodeFeedback); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(l.LayerPayload(), tt.rest) {
				t.Errorf("payload %x, want %x", l.LayerPayload(), []byte(tt.rest))
			}
			if l.String() != tt.text {
				t.Errorf("prints %q\n want %q", l, tt.text)
			}
			if again := serialize(t, l, gopacket.Payload(l.LayerPayload())); !bytes.Equal(again, got) {
				t.Errorf("written again: %x, want %x", again, got)
			}
			if !l.CanDecode().Contains(l.LayerType()) {
				t.Error("cannot decode its own type")
			}
		})
	}
}

// I.363.5's example of 40 octets, with the trailer of the published vectors.
func TestAAL5Layer(t *testing.T) {
	sdu := payload(40)
	for i := range sdu {
		sdu[i]++
	}
	pdu := serialize(t, &atm.AAL5{UU: 0x11, CPI: 0x22}, sdu)
	if got := hex.EncodeToString(pdu[40:]); got != "11220028acba602a" {
		t.Fatalf("trailer %s", got)
	}
	var a atm.AAL5
	if err := a.DecodeFromBytes(pdu, gopacket.NilDecodeFeedback); err != nil {
		t.Fatal(err)
	}
	const text = "AAL5, length 40, UU 0x11, CPI 0x22, CRC 0xacba602a (correct)"
	if a.String() != text || !bytes.Equal(a.Payload, sdu) || a.NextLayerType() != gopacket.LayerTypePayload {
		t.Errorf("%v, SDU %x, next %v", &a, a.Payload, a.NextLayerType())
	}
	pdu[0] ^= 1
	if err := a.DecodeFromBytes(pdu, gopacket.NilDecodeFeedback); err != nil || !a.CRCError {
		t.Errorf("flipped bit: %v, %v", &a, err)
	}
	pdu[43]++
	if err := a.DecodeFromBytes(pdu, gopacket.NilDecodeFeedback); err != nil || !a.LengthError || !bytes.Equal(a.Payload, pdu[:40]) {
		t.Errorf("Length 41 in 48 octets: %v, SDU %x, %v", &a, a.Payload, err)
	}
	if err := a.DecodeFromBytes(pdu[:47], gopacket.NilDecodeFeedback); !errors.Is(err, atm.ErrLength) {
		t.Errorf("47 octets: %v", err)
	}
}

// A wrong bit under a check is told, and the fields are still there.
func TestWrongChecks(t *testing.T) {
	read := func(l layer, cell []byte) {
		t.Helper()
		if err := l.DecodeFromBytes(cell, gopacket.NilDecodeFeedback); err != nil {
			t.Errorf("%T: %v", l, err)
		}
	}
	cell := serialize(t, &atm.OAM{Kind: aal.OAMLB, Function: lb})
	cell[46] ^= 1
	var o atm.OAM
	read(&o, cell)
	if !o.CRCError || *o.Function.(*aal.OAMLoopback) != *lb || !strings.HasSuffix(o.String(), "cksum 0x209 (incorrect)") {
		t.Errorf("OAM: %v", &o)
	}
	cell = serialize(t, &atm.RM{Cell: rm})
	cell[47] ^= 1
	var r atm.RM
	if read(&r, cell); !r.CRCError || r.Cell != rm {
		t.Errorf("RM: %v", &r)
	}
	cell[0] = aal.MakeAAL1SN(true, 6).Octet() ^ 1<<4
	var a1 atm.AAL1
	if read(&a1, cell); a1.SN != aal.MakeAAL1SN(true, 6) || !a1.Corrected {
		t.Errorf("AAL1: %v", &a1)
	}
	cell = serialize(t, &atm.WireCell{Header: oam}, payload(48))
	cell[4] ^= 1
	var w atm.WireCell
	if read(&w, cell); w.HECGood() || w.NextLayerType() != gopacket.LayerTypePayload {
		t.Errorf("cell: %v", &w)
	}
	cell = serialize(t, &atm.AAL2{Packets: []atm.AAL2Packet{{aal.AAL2Header{CID: 8, Size: 3}, []byte{3, 4, 5}}}})
	cell[3] ^= 1
	var a2 atm.AAL2
	if read(&a2, cell); !a2.HECError || len(a2.Packets) != 0 || len(a2.Rest) != 47 {
		t.Errorf("AAL2: %v", &a2)
	}
	cell[0] = 48 << 2
	if read(&a2, cell); !a2.OffsetError || !bytes.Equal(a2.Rest, cell[1:]) {
		t.Errorf("AAL2 offset 48: %v, rest %x", &a2, a2.Rest)
	}
}

// No layer takes less than it needs, and gopacket hears that data is missing.
func TestTooShort(t *testing.T) {
	for _, tt := range layerTests {
		full := serialize(t, tt.layer, tt.rest)
		n := len(full) - len(tt.rest)
		switch tt.name {
		case "LLC bridged with FCS", "bridged with FCS":
			n -= 4
		case "ATMARP":
			n = 12 // addresses that the lengths do not fit are shown as they are
		}
		for cut := range n {
			l := reflect.New(reflect.TypeOf(tt.layer).Elem()).Interface().(layer)
			if err := l.DecodeFromBytes(full[:cut:cut], gopacket.NilDecodeFeedback); err == nil {
				t.Errorf("%s: %d of %d octets decode to %v", tt.name, cut, n, l)
			}
		}
	}
}

// A layer of one size takes no other: not a cell where a payload is due, and
// not a payload where a cell is.
func TestExactSize(t *testing.T) {
	for _, tt := range []struct {
		layer layer
		size  int
	}{
		{&atm.Cell{}, aal.CellSize}, {&atm.WireCell{}, aal.WireCellSize}, {&atm.PWCell{}, 1 + aal.PayloadSize},
		{&atm.AAL1{}, aal.PayloadSize}, {&atm.AAL2{}, aal.PayloadSize}, {&atm.AAL34{}, aal.PayloadSize},
		{&atm.OAM{}, aal.PayloadSize}, {&atm.RM{}, aal.PayloadSize},
	} {
		for _, n := range []int{0, 4, 47, 48, 49, 50, 52, 53, 54, 96, 104, 106} {
			err := tt.layer.DecodeFromBytes(make([]byte, n), gopacket.NilDecodeFeedback)
			want := map[int]error{-1: atm.ErrShort, 1: atm.ErrLong}[cmp.Compare(n, tt.size)]
			if !errors.Is(err, want) {
				t.Errorf("%v of %d octets: %v, want %v", tt.layer.LayerType(), n, err, want)
			}
		}
	}
}

func TestStructured(t *testing.T) {
	for _, tt := range []struct {
		sn    aal.AAL1SN
		octet uint8
		want  uint8
		ok    bool
	}{
		{aal.MakeAAL1SN(true, 2), aal.PutAAL1Pointer(93), 93, true},
		{aal.MakeAAL1SN(true, 2), aal.PutAAL1Pointer(94), 0, false},
		{aal.MakeAAL1SN(true, 3), aal.PutAAL1Pointer(93), 0, false},
		{aal.MakeAAL1SN(false, 2), aal.PutAAL1Pointer(93), 0, false},
	} {
		p := payload(47)
		p[0] = tt.octet
		var a atm.AAL1
		if err := a.DecodeFromBytes(serialize(t, &atm.AAL1{SN: tt.sn}, p), gopacket.NilDecodeFeedback); err != nil {
			t.Fatal(err)
		}
		if got, ok := a.Pointer(); ok != tt.ok || ok && got != tt.want {
			t.Errorf("%v %02x: %d %v", tt.sn, tt.octet, got, ok)
		}
	}
}

// The CPCS header and trailer of an SSM (I.363.3).
func TestAAL34CPCS(t *testing.T) {
	s, err := aal.MakeAAL34Sender(7)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start([]byte{1, 2, 3, 4, 5}); err != nil {
		t.Fatal(err)
	}
	cell := make([]byte, aal.PayloadSize)
	if err := s.Next(cell); err != nil {
		t.Fatal(err)
	}
	var a atm.AAL34
	if err := a.DecodeFromBytes(cell, gopacket.NilDecodeFeedback); err != nil {
		t.Fatal(err)
	}
	_, btag, baSize, ok := a.CPCSHeader()
	_, etag, length, ok2 := a.CPCSTrailer()
	if !ok || !ok2 || btag != etag || baSize != 5 || length != 5 {
		t.Errorf("%v: BTag %d BASize %d %v, ETag %d Length %d %v", &a, btag, baSize, ok, etag, length, ok2)
	}
}
