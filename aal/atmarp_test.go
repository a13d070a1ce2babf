package aal

import (
	"bytes"
	"net/netip"
	"testing"
)

func atmNumber(t testing.TB, hexOctets string) ATMNumber {
	t.Helper()
	n, err := MakeATMNumber(unhex(t, hexOctets), false)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// What Linux 6.1 and atmarpd sent to register at a server.
const (
	linuxATM     = "47000580ffe1000000f20f22000020ea000ee000"
	linuxServer  = "47000580ffe1000000f20f22000020ea00999900"
	linuxRequest = "0013080014000001040000" + "04" + linuxATM + "c0a80901" + "c0a80902"
	linuxInverse = "0013080014000008041400" + "00" + linuxATM + "c0a80901" + linuxServer
)

func TestATMARPLinux(t *testing.T) {
	src, dst := netip.MustParseAddr("192.168.9.1"), netip.MustParseAddr("192.168.9.2")
	for _, c := range []struct {
		name   string
		packet string
		want   ATMARP
	}{
		{"ARP_REQUEST", linuxRequest, ATMARP{
			Op: ATMARPRequest, SourceNumber: atmNumber(t, linuxATM), SourceAddress: src, TargetAddress: dst,
		}},
		{"InARP_REQUEST", linuxInverse, ATMARP{
			Op: InATMARPRequest, SourceNumber: atmNumber(t, linuxATM), SourceAddress: src, TargetNumber: atmNumber(t, linuxServer),
		}},
	} {
		p := unhex(t, c.packet)
		var got ATMARP
		if err := got.Decode(p); err != nil || got != c.want {
			t.Errorf("%s: %v %+v", c.name, err, got)
		}
		var b [MaxATMARPPacket]byte
		if n, err := c.want.Encode(b[:]); err != nil || n != c.want.Size() || !bytes.Equal(b[:n], p) {
			t.Errorf("%s: %v % X", c.name, err, b[:n])
		}
		if got.Op.String() != c.name {
			t.Errorf("%v", got.Op)
		}
	}
}

// RFC 2225, 8.1: every field there, with an E.164 number and a subaddress.
func TestATMARPAllFields(t *testing.T) {
	e164, err := MakeATMNumber([]byte("15551234567"), true)
	if err != nil {
		t.Fatal(err)
	}
	a := ATMARP{
		Op: ATMARPReply, SourceNumber: e164, SourceSub: atmNumber(t, linuxATM), SourceAddress: netip.MustParseAddr("10.0.0.1"),
		TargetNumber: e164, TargetSub: atmNumber(t, linuxServer), TargetAddress: netip.MustParseAddr("10.0.0.2"),
	}
	var b [MaxATMARPPacket]byte
	n, err := a.Encode(b[:])
	if err != nil {
		t.Fatal(err)
	}
	want := "00130800" + "4b14" + "0002" + "04" + "4b14" + "04" +
		"3135353531323334353637" + linuxATM + "0a000001" + "3135353531323334353637" + linuxServer + "0a000002"
	if !bytes.Equal(b[:n], unhex(t, want)) {
		t.Errorf("% x", b[:n])
	}
	var back ATMARP
	if err := back.Decode(append(b[:n:n], 0, 0, 0)); err != nil || back != a {
		t.Errorf("%v %+v", err, back)
	}
	if got := e164.String() + " " + a.SourceSub.String() + " " + (ATMNumber{}).String(); got != "+15551234567 "+linuxATM+" -" {
		t.Error(got)
	}
}

// RFC 2225, 8.2 to 8.4: who answers what.
func TestATMARPAnswers(t *testing.T) {
	asker, asked := atmNumber(t, linuxATM), atmNumber(t, linuxServer)
	ip1, ip2 := netip.MustParseAddr("192.168.9.1"), netip.MustParseAddr("192.168.9.2")
	req := ATMARP{Op: ATMARPRequest, SourceNumber: asker, SourceAddress: ip1, TargetAddress: ip2}
	if got, want := req.NAK(), (ATMARP{Op: ATMARPNAK, SourceNumber: asker, SourceAddress: ip1, TargetAddress: ip2}); got != want {
		t.Errorf("NAK %+v", got)
	}
	want := ATMARP{Op: ATMARPReply, SourceNumber: asked, SourceAddress: ip2, TargetNumber: asker, TargetAddress: ip1}
	if got := req.Answer(asked, ATMNumber{}, ip2); got != want {
		t.Errorf("reply %+v", got)
	}
	req.Op, want.Op = InATMARPRequest, InATMARPReply
	if got := req.Answer(asked, ATMNumber{}, ip2); got != want {
		t.Errorf("InATMARP reply %+v", got)
	}
}

func TestATMARPRefuses(t *testing.T) {
	change := func(at int, b byte) []byte {
		p := unhex(t, linuxRequest)
		p[at] = b
		return p
	}
	for _, c := range []struct {
		name string
		p    []byte
		want error
	}{
		{"nothing", nil, ErrATMARPShort},
		{"fixed part cut short", unhex(t, linuxRequest)[:11], ErrATMARPShort},
		{"fields cut short", unhex(t, linuxRequest)[:39], ErrATMARPShort},
		{"Ethernet", change(1, 1), ErrATMARPHardware},
		{"IPv6", change(2, 0x86), ErrATMARPProtocol},
		{"operation 3", change(7, 3), ErrATMARPOp},
		{"number of 21 octets", change(4, 21), ErrATMNumber},
		{"subaddress of 63 octets", change(10, 63), ErrATMNumber},
		{"address of 16 octets", change(8, 16), ErrATMARPProtocol},
		{"target address of 5 octets", change(11, 5), ErrATMARPProtocol},
	} {
		var a ATMARP
		if err := a.Decode(c.p); err != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := MakeATMNumber(make([]byte, 21), false); err != ErrATMNumber {
		t.Errorf("21 octets: %v", err)
	}
	var b [MaxATMARPPacket]byte
	for _, c := range []struct {
		name string
		a    ATMARP
		room int
		want error
	}{
		{"no room", ATMARP{Op: ATMARPRequest}, 11, ErrNoSpace},
		{"IPv6 source", ATMARP{SourceAddress: netip.IPv6LinkLocalAllNodes()}, 100, ErrATMARPProtocol},
		{"broken number", ATMARP{TargetSub: ATMNumber{Len: 21}}, 100, ErrATMNumber},
	} {
		if _, err := c.a.Encode(b[:c.room]); err != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if got := ATMARPOp(77).String(); got != "operation 77" {
		t.Error(got)
	}
}

func TestATMARPNoAllocations(t *testing.T) {
	p := unhex(t, linuxRequest)
	var b [MaxATMARPPacket]byte
	var a ATMARP
	if n := testing.AllocsPerRun(100, func() {
		_ = a.Decode(p)
		_, _ = a.Encode(b[:])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What decodes encodes to the same octets, but for bits that say nothing.
func FuzzATMARP(f *testing.F) {
	f.Add(unhex(f, linuxRequest))
	f.Add(unhex(f, linuxInverse))
	f.Add(unhex(f, "0013080000000009000000"+"00"))
	f.Fuzz(func(t *testing.T, p []byte) {
		p = p[:len(p):len(p)]
		var a, b ATMARP
		if a.Decode(p) != nil {
			return
		}
		var buf [MaxATMARPPacket]byte
		n, err := a.Encode(buf[:])
		if err != nil || n > len(p) {
			t.Fatalf("%v, %d octets of %d", err, n, len(p))
		}
		if err := b.Decode(buf[:n]); err != nil || a != b {
			t.Fatalf("%v: %+v and %+v", err, a, b)
		}
		if !bytes.Equal(buf[atmarpFixed:n], p[atmarpFixed:n]) {
			t.Fatalf("% X and % X", buf[:n], p)
		}
	})
}

// An E.164 number is digits (RFC 2225, 8.1); what else a peer puts there does
// not reach a terminal as it is.
func TestATMNumberString(t *testing.T) {
	for _, tt := range []struct {
		octets string
		e164   bool
		want   string
	}{
		{"", true, "-"},
		{"4930901820", true, "+4930901820"},
		{"\x1b[2J", true, `+"\x1b[2J"`},
		{"49\n", true, `+"49\n"`},
		{"49\x9b", true, `+"49\x9b"`},
		{"\x1b[2J", false, "1b5b324a"},
	} {
		n, err := MakeATMNumber([]byte(tt.octets), tt.e164)
		if err != nil || n.String() != tt.want {
			t.Errorf("%q: %s, want %s, %v", tt.octets, n, tt.want, err)
		}
	}
}
