package aal

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"testing"
)

// PDUs that the Linux 6.1 kernel sent: br2684 bridged and routed in both
// encapsulations, clip, pppoatm.
var linuxPDUs = []struct {
	name  string
	encap Encap
	kind  Kind // what the VC is configured for
	sdu   string
	want  Payload // without Data
	data  string
}{
	{
		"br2684, bridged, LLC: ARP request", LLC, Bridged,
		"aaaa030080c200070000ffffffffffff00000100000008060001080006040001000001000000c0a86401000000000000c0a86402",
		Payload{Kind: Bridged},
		"ffffffffffff00000100000008060001080006040001000001000000c0a86401000000000000c0a86402",
	}, {
		"br2684, bridged, VC-mux: ARP request", VCMux, Bridged,
		"0000ffffffffffff00000100000008060001080006040001000001000000c0a86501000000000000c0a86502",
		Payload{Kind: Bridged},
		"ffffffffffff00000100000008060001080006040001000001000000c0a86501000000000000c0a86502",
	}, {
		"br2684, routed, LLC: ping", LLC, Routed,
		"aaaa03000000080045000024" + "06d540004001e6afc0a86601c0a866020800db8500a800005fd1bc0000000000",
		Payload{Kind: Routed, EtherType: EtherTypeIPv4},
		"45000024" + "06d540004001e6afc0a86601c0a866020800db8500a800005fd1bc0000000000",
	}, {
		"br2684, routed, VC-mux: ping", VCMux, Routed,
		"45000024a7e940004001439bc0a86701c0a8670208003d8900bb0000dcbadd0000000000",
		Payload{Kind: Routed, EtherType: EtherTypeIPv4},
		"45000024a7e940004001439bc0a86701c0a8670208003d8900bb0000dcbadd0000000000",
	}, {
		"clip: ping", LLC, Routed,
		"aaaa030000000800450000243175400040017610c0a80901c0a809020800893700760000" + "2b52430000000000",
		Payload{Kind: Routed, EtherType: EtherTypeIPv4},
		"450000243175400040017610c0a80901c0a809020800893700760000" + "2b52430000000000",
	}, {
		"pppoatm, LLC: LCP Configure-Request", LLC, PPP,
		"fefe03cfc0210101000a050681b057d7",
		Payload{Kind: PPP, NLPID: NLPIDPPP},
		"c0210101000a050681b057d7",
	}, {
		"pppoatm, VC-mux: LCP Configure-Request", VCMux, PPP,
		"c0210101000a050680725b2f",
		Payload{Kind: PPP, NLPID: NLPIDPPP},
		"c0210101000a050680725b2f",
	},
}

func TestDecapLinux(t *testing.T) {
	for _, c := range linuxPDUs {
		t.Run(c.name, func(t *testing.T) {
			sdu, data := unhex(t, c.sdu), unhex(t, c.data)
			got, err := c.encap.Decap(sdu, c.kind)
			if err != nil || !bytes.Equal(got.Data, data) {
				t.Fatalf("%v, % X", err, got.Data)
			}
			got.Data = nil
			if got.Kind != c.want.Kind || got.EtherType != c.want.EtherType || got.NLPID != c.want.NLPID || got.FCS {
				t.Errorf("%+v, want %+v", got, c.want)
			}
			back := make([]byte, 16)
			n := c.encap.PutHeader(back, c.kind, c.want.EtherType)
			if !bytes.Equal(append(back[:n], data...), sdu) {
				t.Errorf("header % X", back[:n])
			}
		})
	}
}

// frameOf gives the shortest frame of a kind, and so much more.
func frameOf(kind Kind, more int) []byte {
	p := pattern(bridgedForms[kind&^FCS].least + more)
	return p
}

// Every form of RFC 2684, 5.2 and 6.2, by its octets and there and back.
func TestEncapForms(t *testing.T) {
	for _, c := range []struct {
		encap  Encap
		kind   Kind
		header string
	}{
		{LLC, Bridged, "aaaa030080c200070000"},
		{LLC, Bridged | FCS, "aaaa030080c200010000"},
		{LLC, Bridged8024, "aaaa030080c20008000000"},
		{LLC, Bridged8024 | FCS, "aaaa030080c20002000000"},
		{LLC, Bridged8025, "aaaa030080c20009000000"},
		{LLC, Bridged8025 | FCS, "aaaa030080c20003000000"},
		{LLC, BridgedFDDI, "aaaa030080c2000a000000"},
		{LLC, BridgedFDDI | FCS, "aaaa030080c20004000000"},
		{LLC, Bridged8026, "aaaa030080c2000b"},
		{LLC, BPDU, "aaaa030080c2000e"},
		{VCMux, Bridged, "0000"},
		{VCMux, Bridged | FCS, "0000"},
		{VCMux, Bridged8024, "000000"},
		{VCMux, Bridged8024 | FCS, "000000"},
		{VCMux, Bridged8025, "000000"},
		{VCMux, Bridged8025 | FCS, "000000"},
		{VCMux, BridgedFDDI, "000000"},
		{VCMux, BridgedFDDI | FCS, "000000"},
		{VCMux, Bridged8026, ""},
		{VCMux, BPDU, ""},
	} {
		t.Run(c.encap.String()+" "+c.kind.String(), func(t *testing.T) {
			buf := bytes.Repeat([]byte{0xEE}, 16)
			n := c.encap.PutHeader(buf, c.kind, 0)
			if want := unhex(t, c.header); n != c.encap.HeaderSize(c.kind) || !bytes.Equal(buf[:n], want) || buf[n] != 0xEE {
				t.Fatalf("header % X, want % X", buf[:n], want)
			}
			frame := frameOf(c.kind, 50)
			sdu := append(bytes.Clone(buf[:n]), frame...)
			if c.kind&FCS != 0 {
				sdu = append(sdu, 0, 0, 0, 0)
				PutFCS(sdu[len(sdu)-4:], c.kind, frame)
			}
			got, err := c.encap.Decap(sdu, c.kind)
			if err != nil || got.Kind != c.kind&^FCS || got.FCS != (c.kind&FCS != 0) || !bytes.Equal(got.Data, frame) {
				t.Fatalf("%v %+v", err, got)
			}
			short := sdu[:n+len(frameOf(c.kind, 0))-1]
			if _, err := c.encap.Decap(short, c.kind); err != ErrEncapShort {
				t.Errorf("a frame one octet too short: %v", err)
			}
			if c.kind&FCS == 0 {
				return
			}
			sdu[n+20] ^= 1
			if _, err := c.encap.Decap(sdu, c.kind); err != ErrEncapFCS {
				t.Errorf("a wrong bit: %v", err)
			}
		})
	}
}

// The FCS of Ethernet is IEEE's CRC-32 with its first octet on the wire
// lowest: the residue of a good frame is known.
func TestPutFCS(t *testing.T) {
	frame := pattern(60)
	b := append(bytes.Clone(frame), 0, 0, 0, 0)
	PutFCS(b[60:], Bridged, frame)
	if got := crc32.ChecksumIEEE(b); got != 0x2144DF1C {
		t.Errorf("residue %08X", got)
	}
	// Token ring sends bit 7 first: the same as Ethernet's of the octets
	// with their bits reversed, reversed again.
	rev := func(p []byte) []byte {
		q := make([]byte, len(p))
		for i, v := range p {
			for bit := range 8 {
				q[i] |= v >> bit & 1 << (7 - bit)
			}
		}
		return q
	}
	var eth, tr [4]byte
	PutFCS(eth[:], Bridged, rev(frame))
	PutFCS(tr[:], Bridged8025|FCS, frame)
	if !bytes.Equal(rev(eth[:]), tr[:]) {
		t.Errorf("% X, want % X", tr, rev(eth[:]))
	}
}

func TestDecapRefuses(t *testing.T) {
	bridged := make([]byte, 14)
	join := func(s string, p []byte) []byte { return append(unhex(t, s), p...) }
	for _, c := range []struct {
		name  string
		encap Encap
		kind  Kind
		sdu   []byte
		want  error
	}{
		{"LLC, nothing", LLC, 0, nil, ErrEncapShort},
		{"LLC header alone", LLC, 0, unhex(t, "aaaa03"), ErrEncapShort},
		{"SNAP cut short", LLC, 0, unhex(t, "aaaa0300000008"), ErrEncapShort},
		{"SNAP without a PDU", LLC, 0, unhex(t, "aaaa030000000800"), ErrEncapShort},
		{"unknown LLC", LLC, 0, unhex(t, "424203000000"), ErrEncapLLC},
		{"LLC, not UI", LLC, 0, unhex(t, "aaaa7f0000000800"), ErrEncapLLC},
		{"unknown OUI", LLC, 0, unhex(t, "aaaa0300000c0800ff"), ErrEncapOUI},
		{"PID 0000", LLC, 0, join("aaaa030080c20000", bridged), ErrEncapPID},
		{"PID 0006", LLC, 0, join("aaaa030080c20006", bridged), ErrEncapPID},
		{"PID 000D, fragments", LLC, 0, join("aaaa030080c2000d", bridged), ErrEncapPID},
		{"PID FFFF", LLC, 0, join("aaaa030080c2ffff", bridged), ErrEncapPID},
		{"bridged, 13 octets", LLC, 0, join("aaaa030080c200070000", bridged[:13]), ErrEncapShort},
		{"bridged, no pad", LLC, 0, unhex(t, "aaaa030080c2000700"), ErrEncapShort},
		{"bridged with FCS, 17 octets", LLC, 0, join("aaaa030080c200010000", make([]byte, 17)), ErrEncapShort},
		{"PPP without a protocol", LLC, 0, unhex(t, "fefe03cf"), ErrEncapShort},
		{"VC-mux, nothing", VCMux, Routed, nil, ErrEncapShort},
		{"VC-mux, neither IPv4 nor IPv6", VCMux, Routed, unhex(t, "aaaa03"), ErrEncapVersion},
		{"VC-mux bridged, pad not zero", VCMux, Bridged, join("4500", bridged), ErrEncapPad},
		{"VC-mux bridged, short", VCMux, Bridged, join("0000", bridged[:13]), ErrEncapShort},
		{"VC-mux, unknown kind", VCMux, numKinds, bridged, ErrEncapKind},
		{"unknown encapsulation", Encap(9), Routed, bridged, ErrEncapKind},
	} {
		if _, err := c.encap.Decap(c.sdu, c.kind); err != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// Good in ways of their own.
func TestDecapMore(t *testing.T) {
	frame := pattern(14)
	join := func(s string, p []byte) []byte { return append(unhex(t, s), p...) }
	for _, c := range []struct {
		name  string
		encap Encap
		kind  Kind
		sdu   []byte
		want  Payload
	}{
		{"an LLC header tells, whatever is configured", LLC, Bridged, unhex(t, "aaaa0300000086dd60"), Payload{Kind: Routed, EtherType: EtherTypeIPv6, Data: []byte{0x60}}},
		{"the pad after a PID is not looked at", LLC, Routed, join("aaaa030080c200071234", frame), Payload{Kind: Bridged, Data: frame}},
		{"access control before a token ring frame", VCMux, Bridged8025, join("000010", frame), Payload{Kind: Bridged8025, Data: frame}},
		{"802.6 by its other PID", LLC, Routed, join("aaaa030080c20005", pattern(24)), Payload{Kind: Bridged8026, Data: pattern(24)}},
		{"CLNP", LLC, Routed, unhex(t, "fefe0381010203"), Payload{Kind: ISO, NLPID: 0x81, Data: []byte{0x81, 1, 2, 3}}},
		{"IS-IS, VC-mux", VCMux, ISO, unhex(t, "831b01"), Payload{Kind: ISO, NLPID: 0x83, Data: []byte{0x83, 0x1B, 1}}},
		{"IPv6, VC-mux", VCMux, Routed, []byte{0x60}, Payload{Kind: Routed, EtherType: EtherTypeIPv6, Data: []byte{0x60}}},
	} {
		got, err := c.encap.Decap(c.sdu, c.kind)
		if err != nil || got.Kind != c.want.Kind || got.EtherType != c.want.EtherType || got.NLPID != c.want.NLPID || !bytes.Equal(got.Data, c.want.Data) {
			t.Errorf("%s: %v %+v", c.name, err, got)
		}
	}
}

func TestEncapHeaders(t *testing.T) {
	var b [16]byte
	for _, c := range []struct {
		encap Encap
		kind  Kind
		want  string
	}{
		{LLC, Routed, "aaaa0300000086dd"},
		{LLC, ISO, "fefe03"},
		{LLC, PPP, "fefe03cf"},
		{VCMux, Routed, ""},
		{VCMux, ISO, ""},
		{VCMux, PPP, ""},
		{LLC, numKinds, ""},
	} {
		n := c.encap.PutHeader(b[:], c.kind, EtherTypeIPv6)
		if want := unhex(t, c.want); !bytes.Equal(b[:n], want) {
			t.Errorf("%v %v: % X, want % X", c.encap, c.kind, b[:n], want)
		}
	}
}

func TestParseEncap(t *testing.T) {
	for _, e := range []Encap{LLC, VCMux} {
		if got, err := ParseEncap(e.String()); got != e || err != nil {
			t.Errorf("%v: %v, %v", e, got, err)
		}
	}
	if _, err := ParseEncap("snap"); err == nil {
		t.Error("snap is taken")
	}
	if got := (Bridged | FCS).String() + ", " + (numKinds).String() + ", " + Encap(9).String(); got != "bridged+FCS, unknown, unknown" {
		t.Error(got)
	}
}

// RFC 2684, 8: the header of a virtual private network, before any form.
func TestVPN(t *testing.T) {
	id := VPN{OUI: 0x00A03E, Index: 0x01020304}
	b := make([]byte, 100)
	n := PutVPN(b, id)
	if want := unhex(t, "aaaa0300005e00080000a03e01020304"); !bytes.Equal(b[:n], want) {
		t.Errorf("% X, want % X", b[:n], want)
	}
	sdu := append(b[:n], unhex(t, linuxPDUs[2].sdu)...)
	got, rest, ok := SplitVPN(sdu)
	if !ok || got != id || !bytes.Equal(rest, sdu[VPNHeaderSize:]) {
		t.Errorf("%v %+v % X", ok, got, rest)
	}
	for _, s := range []string{"", "aaaa0300005e0008", "aaaa0300005e00080000a03e010203", "aaaa0300005e00070000a03e0102030400"} {
		if _, rest, ok := SplitVPN(unhex(t, s)); ok || len(rest) != len(s)/2 {
			t.Errorf("%s is taken", s)
		}
	}
}

func TestDecapNoAllocations(t *testing.T) {
	sdus := [][]byte{unhex(t, linuxPDUs[0].sdu), unhex(t, linuxPDUs[2].sdu), unhex(t, "4242")}
	var b [16]byte
	if n := testing.AllocsPerRun(100, func() {
		for _, sdu := range sdus {
			_, _ = LLC.Decap(sdu, Bridged)
			_, _ = VCMux.Decap(sdu, Bridged)
			LLC.PutHeader(b[:], Bridged, 0)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever Decap takes, its data is part of the SDU, and PutHeader leads
// back to it.
func FuzzDecap(f *testing.F) {
	for _, c := range linuxPDUs {
		f.Add(unhex(f, c.sdu), uint8(c.encap), uint8(c.kind))
	}
	fcs := append(unhex(f, "aaaa030080c200010000"), pattern(60)...)
	fcs = binary.LittleEndian.AppendUint32(fcs, crc32.ChecksumIEEE(pattern(60)))
	f.Add(fcs, uint8(LLC), uint8(0))
	f.Add(unhex(f, "fefe0381010203"), uint8(LLC), uint8(0))
	f.Fuzz(func(t *testing.T, sdu []byte, encap, kind uint8) {
		sdu = sdu[:len(sdu):len(sdu)]
		SplitVPN(sdu)
		DetectPPP(sdu)
		p, err := Encap(encap).Decap(sdu, Kind(kind))
		if err != nil {
			return
		}
		if len(p.Data) == 0 || p.Kind >= numKinds {
			t.Fatalf("%+v", p)
		}
		var b [16]byte
		k := p.Kind
		if p.FCS {
			k |= FCS
		}
		n := Encap(encap).PutHeader(b[:], k, p.EtherType)
		if !bytes.Equal(sdu[n:n+len(p.Data)], p.Data) {
			t.Fatalf("%v after %d octets: data is elsewhere", k, n)
		}
	})
}
