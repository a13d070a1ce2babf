package layers_test

import (
	"strings"
	"testing"

	"github.com/google/gopacket"

	"github.com/cellhub/cellhub/aal"
	atm "github.com/cellhub/cellhub/aal/layers"
)

var (
	zeros48 = strings.Repeat("00", 48)
	oamCC   = "14" + strings.Repeat("6a", 45) + "0387"
	cellCC  = "00000648" + oamCC // 0/100, an F5 segment flow
	llcSDU  = "aaaa03 00abcd 1234 01020304"
	frame   = "020000000001 020000000002 0800 45000014 00000000 40110000 01020304 05060708" + strings.Repeat("00", 26)
)

// pduWith gives llcSDU in one cell, with a trailer.
func pduWith(trailer string) string { return llcSDU + strings.Repeat("00", 28) + trailer }

// What layers print.
const (
	userCell = "Cell ATM, vpi 0, vci 100, payload [ user data, uncongested, SDU 0 ], clp 0"
	oamCell  = "Cell OAM F5, vpi 0, vci 100, payload [ VCC OAM F5 flow segment ], clp 0"
	oamText  = "OAM cell-type Fault Management (1), func-type Continuity Check (4), cksum 0x387 (correct)"
	llcText  = "RFC2684LLC LLC, unknown, OUI 00abcd, PID 0x1234"
)

// What is damaged, and the lines that show it.
var damageTests = []struct {
	name  string
	first gopacket.Decoder
	hex   string
	want  []string // a line for each layer
}{
	// RFC 4717: N-to-one mode has a Length field, and no use for it.
	{"N:1, a length", atm.LayerTypePWN1, "002c0001 00000640" + zeros48 + "00000640" + zeros48,
		[]string{"PWN1 PW ATM N:1, flags 0x0, length 44 (ignored), seq 1", userCell, "Payload 48 byte(s)", userCell, "Payload 48 byte(s)"}},
	{"N:1, a length beyond the end", atm.LayerTypePWN1, "003f0001" + cellCC,
		[]string{"PWN1 PW ATM N:1, flags 0x0, length 63 (ignored), seq 1", oamCell, oamText}},
	{"N:1, a nibble", atm.LayerTypePWN1, "51000001" + cellCC,
		[]string{"PWN1 PW ATM N:1, first nibble 5 (incorrect), flags 0x1, length 0, seq 1", oamCell, oamText}},
	{"N:1, associated channel", atm.LayerTypePWN1, "10000021 4500001400000000 0111 0000 01020304 05060708",
		[]string{"PWACH PW associated channel, version 0, type IPv4 (0x0021)", "IPv4"}},
	{"associated channel of a version", atm.LayerTypePWAAL5SDU, "13007ff8 0102",
		[]string{"PWACH PW associated channel, version 3 (incorrect), type unknown (0x7ff8)", "Payload 2 byte(s)"}},
	{"associated channel, no nibble", atm.LayerTypePWACH, "00000021",
		[]string{"PWACH PW associated channel, first nibble 0 (incorrect), version 0, type IPv4 (0x0021)"}},
	{"1:1, a nibble", atm.LayerTypePW11, "20004d08" + oamCC,
		[]string{"PW11 PW ATM 1:1, first nibble 2 (incorrect), flags 0x0, seq 77",
			"PWCell ATM, payload [ VCC OAM F5 flow segment ], clp 0", oamText}},
	{"1:1, M and V of a later cell", atm.LayerTypePW11, "00004d00" + zeros48 + "c8" + oamCC + "08" + oamCC,
		[]string{"PW11 PW ATM 1:1, flags 0x0, seq 77",
			"PWCell ATM, payload [ user data, uncongested, SDU 0 ], clp 0", "Payload 48 byte(s)",
			"PWCell ATM, payload [ VCC OAM F5 flow segment ], clp 0, V 1 (incorrect), M 1 (incorrect)", oamText,
			"PWCell ATM, payload [ VCC OAM F5 flow segment ], clp 0", oamText}},
	{"1:1 of a VPC, no V in a later cell", atm.LayerTypePW11, "00004d40 0028" + zeros48 + "00 0004" + oamCC,
		[]string{"PW11 PW ATM 1:1, flags 0x0, seq 77",
			"PWCell ATM, vci 40, payload [ user data, uncongested, SDU 0 ], clp 0", "Payload 48 byte(s)",
			"PWCell ATM, vci 4, payload [ user data, uncongested, SDU 0 ], clp 0, V 0 (incorrect)", oamText}},
	{"AAL5 PDU, 49 octets", atm.LayerTypePWAAL5PDU, "00004d84" + zeros48 + "01",
		[]string{"PWAAL5PDU PW AAL5 PDU, flags 0x0, seq 77, U 1, E 0, C 0, 49 octets (incorrect)", "Payload 49 byte(s)"}},
	{"AAL5 PDU, a nibble", atm.LayerTypePWAAL5PDU, "f0004d80" + zeros48,
		[]string{"PWAAL5PDU PW AAL5 PDU, first nibble 15 (incorrect), flags 0x0, seq 77, U 0, E 0, C 0", "Payload 48 byte(s)"}},
	// RFC 4717, 10.1, with erratum 2920: T tells what follows, and an
	// administrative cell has one size.
	{"AAL5 SDU, length of an admin cell", atm.LayerTypePWAAL5SDU, "08180001" + cellCC,
		[]string{"PWAAL5SDU PW AAL5 SDU, T 1, E 0, C 0, U 0, length 24 (incorrect), seq 1", oamCell, oamText}},
	{"AAL5 SDU, right length of a padded admin cell", atm.LayerTypePWAAL5SDU, "08380001" + cellCC + "0000",
		[]string{"PWAAL5SDU PW AAL5 SDU, T 1, E 0, C 0, U 0, length 56, seq 1", oamCell, oamText}},
	{"AAL5 SDU, length beyond the end", atm.LayerTypePWAAL5SDU, "003f0001" + llcSDU,
		[]string{"PWAAL5SDU PW AAL5 SDU, T 0, E 0, C 0, U 0, length 63 (incorrect), seq 1", llcText, "Payload 4 byte(s)"}},
	{"AAL5 SDU, length below that of the word", atm.LayerTypePWAAL5SDU, "30030001" + llcSDU,
		[]string{"PWAAL5SDU PW AAL5 SDU, first nibble 3 (incorrect), T 0, E 0, C 0, U 0, length 3 (incorrect), seq 1", llcText, "Payload 4 byte(s)"}},

	// I.363.5, 9.2.1.2.
	{"AAL5, Length", atm.LayerTypeAAL5, pduWith("00000029 00000000"),
		[]string{"AAL5 AAL5, length 41 (incorrect), UU 0x00, CPI 0x00, CRC 0x00000000 (incorrect)", llcText, "Payload 32 byte(s)"}},
	{"AAL5, CRC", atm.LayerTypeAAL5, pduWith("0000000c 00000000"),
		[]string{"AAL5 AAL5, length 12, UU 0x00, CPI 0x00, CRC 0x00000000 (incorrect)", llcText, "Payload 4 byte(s)"}},
	{"AAL5, aborted", atm.LayerTypeAAL5, pduWith("00000000 00000000"),
		[]string{"AAL5 AAL5, length 0 (abort), UU 0x00, CPI 0x00, CRC 0x00000000 (incorrect)", llcText, "Payload 32 byte(s)"}},
	{"PDU cut by the capture", atm.LayerTypePDU, "00000642" + llcSDU,
		[]string{"PDU ATM, vpi 0, vci 100, payload [ user data, uncongested, SDU 1 ], clp 0, PDU of 12 octets (incorrect)", llcText, "Payload 4 byte(s)"}},
	// I.363.2, 9.2.1, and I.363.3.
	{"AAL2, offset", atm.LayerTypeAAL2, "c1" + strings.Repeat("01", 47),
		[]string{"AAL2 AAL2, OSF 48 SN 0 (incorrect)"}},
	{"AAL3/4, length indicator", atm.LayerTypeAAL34, "0007" + strings.Repeat("00", 44) + "c800",
		[]string{"AAL34 AAL3/4, COM SN 0 MID 7 LI 50 (incorrect), cksum 0x000 (incorrect)", "Payload 44 byte(s)"}},

	// RFC 2684, and SNAPs that it does not have.
	{"LLC, CDP", atm.LayerTypeLLC, "aaaa03 00000c 2000 01b4",
		[]string{"RFC2684LLC LLC, unknown, OUI 00000c, PID 0x2000", "Payload 2 byte(s)"}},
	{"LLC, no data", atm.LayerTypeLLC, "aaaa03 00000c 2000",
		[]string{"RFC2684LLC LLC, unknown, OUI 00000c, PID 0x2000"}},
	{"LLC, bridged PID", atm.LayerTypeLLC, "aaaa03 0080c2 0042 01",
		[]string{"RFC2684LLC LLC, unknown, OUI 0080c2, PID 0x0042", "Payload 1 byte(s)"}},
	{"LLC, SAP", atm.LayerTypeLLC, "424203 0000", []string{"RFC2684LLC LLC, unknown, header 0x424203", "Payload 2 byte(s)"}},
	{"LLC, in a VPN", atm.LayerTypeLLC, "aaaa03 00005e 0008 00 010203 00000004 aaaa03 00000c 2000 01b4",
		[]string{"RFC2684LLC LLC, VPN 010203:00000004, unknown, OUI 00000c, PID 0x2000", "Payload 2 byte(s)"}},
	{"LLC, FCS", atm.LayerTypeLLC, "aaaa03 0080c2 0001 0000 " + frame + "01020304",
		[]string{"RFC2684LLC LLC, bridged+FCS (incorrect)", "Ethernet", "IPv4"}},
	{"LLC, frame cut", atm.LayerTypeLLC, "aaaa03 0080c2 0007 0000 02", []string{
		"RFC2684LLC LLC, bridged", "DecodeFailure"}},
	{"bridged, FCS", atm.LayerTypeBridgedFCS, "0000 " + frame + "01020304",
		[]string{"RFC2684BridgedFCS VC-multiplexed, bridged+FCS (incorrect)", "Ethernet", "IPv4"}},
	{"bridged, pad", atm.LayerTypeBridged, "4500" + frame,
		[]string{"RFC2684Bridged VC-multiplexed, bridged, pad 0x4500 (incorrect)", "Ethernet", "IPv4"}},

	// RFC 2225. Of an E.164 number only digits go to a terminal as they are.
	{"ATMARP, escape", atm.LayerTypeATMARP, "0013 0800 44 00 0002 04 00 00 00 1b5b324a 01020304",
		[]string{"ATMARP ARP, Reply 1.2.3.4 is-at 1b:5b:32:4a"}},
	{"ATMARP, operation", atm.LayerTypeATMARP, "0013 0800 42 00 0007 04 42 00 04 3439 01020304 3530 05060708",
		[]string{"ATMARP ARP, operation 7 (incorrect), from 1.2.3.4 (+49) to 5.6.7.8 (+50)"}},
	{"ATMARP, protocol", atm.LayerTypeATMARP, "0013 86dd 42 00 0001 04 42 00 04 3439 01020304 3530 05060708",
		[]string{"ATMARP ARP, ARP_REQUEST, protocol 0x86dd, lengths 66 0 4, 66 0 4 (incorrect: atmarp: protocol is not IPv4)", "Payload 12 byte(s)"}},
	{"ATMARP, number of 28 octets", atm.LayerTypeATMARP, "0013 0800 5c 00 0002 04 00 00 00" + strings.Repeat("33", 28) + "01020304",
		[]string{"ATMARP ARP, ARP_REPLY, protocol 0x0800, lengths 92 0 4, 0 0 0 (incorrect: atmarp: ATM number longer than 20 octets)", "Payload 32 byte(s)"}},
	{"ATMARP, lengths", atm.LayerTypeATMARP, "0013 0800 14 00 0001 04 00 00 04 4700",
		[]string{"ATMARP ARP, ARP_REQUEST, protocol 0x0800, lengths 20 0 4, 0 0 4 (incorrect: atmarp: packet too short for its lengths)", "Payload 2 byte(s)"}},
	{"ERF, wire length", atm.LayerTypeERF, "0000000001000000 07 04 0048 0000 0002 00000005" + cellCC,
		[]string{"ERF ERF, type MC_ATM (7), flags 0x04, loss 0, length 2 (incorrect), channel 0x00000005", oamCell, oamText}},
}

// A wrong field is shown, with its layer and with what follows, and marked.
// What it would hide is what a dump is read for.
func TestDamage(t *testing.T) {
	for _, tt := range damageTests {
		t.Run(tt.name, func(t *testing.T) {
			p := gopacket.NewPacket(unhex(t, tt.hex), tt.first, gopacket.Default)
			var got []string
			for _, l := range p.Layers() {
				s := l.LayerType().String()
				if l, ok := l.(layer); ok {
					s += " " + l.String()
				}
				got = append(got, s)
			}
			if g, w := strings.Join(got, "\n"), strings.Join(tt.want, "\n"); g != w {
				t.Errorf("shows\n%s\nwant\n%s", g, w)
			}
		})
	}
}

// One item of several that cannot be decoded does not hide those after it.
func TestDamagedItem(t *testing.T) {
	bad := aal.VC{VPI: 0, VCI: 200}
	atm.RegisterVC(bad, atm.LayerTypeATMARP) // which no cell can be
	h := aal.MakeHeader(bad, 0, false)
	data := serialize(t, &atm.Cell{Header: h}, payload(48))
	data = append(data, unhex(t, cellCC)...)
	want := "Cell Cell OAM DecodeFailure " + aal.ErrATMARPHardware.Error()
	for _, options := range []gopacket.DecodeOptions{gopacket.Default, gopacket.Lazy} {
		if got := names(gopacket.NewPacket(data, atm.LayerTypeCells, options)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
