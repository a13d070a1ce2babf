package aal

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/aal/internal/oracle"
)

var llcOption = []string{"-o", "erf.aal5_type:llc"}

// addSDU adds an SDU as a CPCS-PDU on VC 0/100.
func addSDU(t *testing.T, c *oracle.Capture, sdu []byte) {
	t.Helper()
	pdu, err := AppendAAL5Trailer(sdu, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	c.AddERF(oracle.ERFAAL5, uint32(MakeHeader(VC{0, 100}, PTIUserEnd, false)), pdu)
}

// tshark finds in every LLC form what Decap does: the same protocol at the
// same octet. Of 802.4 and 802.6 it knows the PID only.
func TestEncapAgainstTshark(t *testing.T) {
	bpdu := unhex(t, "0000000000"+"8000000102030405"+"00000000"+"8000000102030405"+"8001"+"0000140002000f00")
	mac := func(b []byte) string { return net.HardwareAddr(b[:6]).String() }
	forms := []struct {
		kind Kind
		data []byte
		want string
	}{
		{Routed, unhex(t, linuxRequest), "0x0806;;;;;;"},
		{Bridged, frameOf(Bridged, 60), ";0x0007;" + mac(frameOf(Bridged, 0)) + ";;;;"},
		{Bridged | FCS, frameOf(Bridged, 60), ";0x0001;" + mac(frameOf(Bridged, 0)) + ";;;;"},
		{Bridged8024, frameOf(Bridged8024, 60), ";0x0008;;;;;"},
		{Bridged8025, frameOf(Bridged8025, 60), ";0x0009;;" + mac(frameOf(Bridged8025, 0)[1:]) + ";;;"},
		{Bridged8025 | FCS, frameOf(Bridged8025, 60), ";0x0003;;" + mac(frameOf(Bridged8025, 0)[1:]) + ";;;"},
		{BridgedFDDI, frameOf(BridgedFDDI, 60), ";0x000a;;;" + mac(frameOf(BridgedFDDI, 0)[1:]) + ";;"},
		{BridgedFDDI | FCS, frameOf(BridgedFDDI, 60), ";0x0004;;;" + mac(frameOf(BridgedFDDI, 0)[1:]) + ";;"},
		{Bridged8026, frameOf(Bridged8026, 60), ";0x000b;;;;;"},
		{BPDU, bpdu, ";0x000e;;;;0x0000;"},
		{PPP, unhex(t, "c0210101000a050681b057d7"), ";;;;;;0xc021"},
	}
	c := oracle.NewERF()
	for _, f := range forms {
		sdu := make([]byte, 16)
		sdu = append(sdu[:LLC.PutHeader(sdu, f.kind, EtherTypeARP)], f.data...)
		if f.kind&FCS != 0 {
			sdu = append(sdu, 0, 0, 0, 0)
			PutFCS(sdu[len(sdu)-4:], f.kind, f.data)
		}
		addSDU(t, c, sdu)
	}
	rows := c.Fields(t, llcOption, "llc.type", "llc.pid", "eth.dst", "tr.dst", "fddi.dst", "stp.protocol", "ppp.protocol")
	if len(rows) != len(forms) {
		t.Fatalf("%d records of %d", len(rows), len(forms))
	}
	for i, r := range rows {
		r[4], _, _ = strings.Cut(r[4], ",") // the FDDI address in both bit orders
		if got := strings.Join(r, ";"); got != forms[i].want {
			t.Errorf("%v: tshark shows %s, want %s", forms[i].kind, got, forms[i].want)
		}
	}
}

// tshark checks the FCS that PutFCS makes.
func TestFCSAgainstTshark(t *testing.T) {
	c := oracle.NewERF()
	frame := frameOf(Bridged, 60)
	sdu := make([]byte, 16)
	sdu = append(sdu[:LLC.PutHeader(sdu, Bridged|FCS, 0)], frame...)
	sdu = append(sdu, 0, 0, 0, 0)
	PutFCS(sdu[len(sdu)-4:], Bridged, frame)
	addSDU(t, c, sdu)
	rows := c.Details(t, "eth", append([]string{"-o", "eth.check_fcs:TRUE"}, llcOption...)...)
	if len(rows) != 1 || !strings.Contains(rows[0]["Frame check sequence"], "[correct]") {
		t.Errorf("%v", rows)
	}
}

// Random ATMARP packets, field by field.
func TestATMARPAgainstTshark(t *testing.T) {
	rng := seeded(t)
	number := func() ATMNumber {
		switch rng.IntN(3) {
		case 0:
			return ATMNumber{}
		case 1:
			digits := fmt.Sprint(1 + rng.Uint64N(1e14))
			n, _ := MakeATMNumber([]byte(digits), true)
			return n
		}
		n, _ := MakeATMNumber(append([]byte{0x47}, randomOctets(rng, 19)...), false)
		return n
	}
	address := func() netip.Addr {
		if rng.IntN(4) == 0 {
			return netip.Addr{}
		}
		return netip.AddrFrom4([4]byte(randomOctets(rng, 4)))
	}
	ops := []ATMARPOp{ATMARPRequest, ATMARPReply, InATMARPRequest, InATMARPReply, ATMARPNAK}
	c := oracle.NewERF()
	var want []string
	for range oracle.Records {
		a := ATMARP{
			Op:           ops[rng.IntN(len(ops))],
			SourceNumber: number(), SourceAddress: address(),
			TargetNumber: number(), TargetAddress: address(),
		}
		sdu := make([]byte, 8+MaxATMARPPacket)
		n := LLC.PutHeader(sdu, Routed, EtherTypeARP)
		k, err := a.Encode(sdu[n:])
		if err != nil {
			t.Fatal(err)
		}
		addSDU(t, c, sdu[:n+k])
		want = append(want, fmt.Sprintf("%d;%s;%s;%s;%s", a.Op, showNumber(&a.SourceNumber), showAddr(a.SourceAddress),
			showNumber(&a.TargetNumber), showAddr(a.TargetAddress)))
	}
	rows := c.Fields(t, llcOption, "arp.opcode", "arp.src.atm_num_e164", "arp.src.atm_num_nsap", "arp.src.proto_ipv4",
		"arp.dst.atm_num_e164", "arp.dst.atm_num_nsap", "arp.dst.proto_ipv4")
	if len(rows) != len(want) {
		t.Fatalf("%d records of %d", len(rows), len(want))
	}
	for i, r := range rows {
		if got := strings.Join(r, ";"); got != want[i] {
			t.Fatalf("record %d: tshark shows %s, want %s", i, got, want[i])
		}
	}
}

// showNumber gives a number as tshark's two fields do: E.164; NSAP.
func showNumber(n *ATMNumber) string {
	switch {
	case n.Len == 0:
		return ";"
	case n.E164:
		return string(n.Bytes()) + ";"
	}
	return ";" + hex.EncodeToString(n.Bytes())
}

func showAddr(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
