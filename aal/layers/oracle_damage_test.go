package layers_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/aal/internal/oracle"
	atm "github.com/cellhub/cellhub/aal/layers"
)

// nibble is the first of a control word: right, or any wrong one. 1 is an
// associated channel. 4 and 6 are left out: tshark takes them for IP, whatever
// the label was said to carry, and the layers for damage.
func nibble(rng *rand.Rand) atm.PWNibble {
	return []atm.PWNibble{0, 0, 0, 2, 3, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15}[rng.IntN(15)]
}

// Control words of N-to-one mode with any nibble, flags and length: the cells
// that follow do not depend on them.
func TestN1DamageAgainstTshark(t *testing.T) {
	t.Parallel()
	rng := oracle.Seeded(t)
	c := oracle.NewPcap(oracle.LinkEthernet)
	var want []string
	for range oracle.Records {
		w := &atm.PWN1{Nibble: nibble(rng), Flags: uint8(rng.IntN(16)), Length: uint8(rng.IntN(64)), Sequence: uint16(rng.Uint32())}
		b := gopacket.NewSerializeBuffer()
		if err := w.SerializeTo(b, gopacket.SerializeOptions{}); err != nil {
			t.Fatal(err)
		}
		frame := append(label(labelN1CW), gopacket.Payload(b.Bytes()))
		for range 1 + rng.IntN(3) {
			octets := gopacket.Payload(oracle.Octets(rng, aal.PayloadSize))
			frame = append(frame, gopacket.Payload(serialize(t, randomCell(rng, false), octets)))
		}
		data := serialize(t, frame...)
		c.Add(data)
		p := dissect(t, data, layers.LinkTypeEthernet)
		w = find[*atm.PWN1](t, p)
		want = append(want, fmt.Sprintf("0x%02x;0x%02x;%d;%d;%s", w.Nibble, w.Flags, w.Length, w.Sequence, listed(p)))
	}
	fields := append([]string{"pw.cw.bits03", "pw.cw.flags", "pw.cw.length", "pw.cw.seqno"}, cellFields...)
	same(t, "tshark", joined(c.Fields(t, tsharkPW, fields...)), want)
}

// Later cells of a 1:1 pseudowire whose M and V are anything: their size is
// the first one's.
func Test11DamageAgainstTshark(t *testing.T) {
	t.Parallel()
	rng := oracle.Seeded(t)
	c := oracle.NewPcap(oracle.LinkEthernet)
	var want []string
	for range oracle.Records {
		path := rng.IntN(2) == 1
		frame := append(label(label11), &atm.PW11{})
		for i := range 1 + rng.IntN(4) {
			cell := &atm.PWCell{
				Path: path, VError: i > 0 && rng.IntN(2) == 1, Frame: i > 0 && rng.IntN(2) == 1,
				VCI: uint16(5 + rng.IntN(60000)), PTI: uint8(rng.IntN(4)), CLP: rng.IntN(2) == 1,
			}
			frame = append(frame, gopacket.Payload(serialize(t, cell, gopacket.Payload(oracle.Octets(rng, aal.PayloadSize)))))
		}
		data := serialize(t, frame...)
		c.Add(data)
		p := dissect(t, data, layers.LinkTypeEthernet)
		var m, v []uint8
		for _, l := range p.Layers() {
			if l, ok := l.(*atm.PWCell); ok {
				m, v = append(m, one(l.Frame)), append(v, one(l.Path != l.VError))
			}
		}
		want = append(want, fmt.Sprintf("%s;%s;%s", list(m), list(v), listed(p)))
	}
	fields := append([]string{"atm.pw_control_byte.m", "atm.pw_control_byte.v"}, cellFields...)
	same(t, "tshark", joined(c.Fields(t, tsharkPW, fields...)), want)
}

// AAL5 SDU mode with any length before an administrative cell, and with one
// that does not fit before an SDU.
func TestSDULengthAgainstTshark(t *testing.T) {
	t.Parallel()
	rng := oracle.Seeded(t)
	c := oracle.NewPcap(oracle.LinkEthernet)
	var want []string
	for range oracle.Records {
		w := &atm.PWAAL5SDU{Nibble: nibble(rng), OAM: rng.IntN(2) == 1, Length: uint8(rng.IntN(64))}
		octets := oracle.Octets(rng, aal.PayloadSize)
		octets[0] = byte(aal.OAMAIS)
		rest := serialize(t, &atm.Cell{Header: aal.OAMFlow(rng.IntN(4)).Header(randomVC(rng))}, gopacket.Payload(octets))
		if !w.OAM {
			rest = append([]byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, oracle.Octets(rng, 100)...) // no protocol to guess
			w.Length %= 4                                                                   // less than the word alone
		}
		b := gopacket.NewSerializeBuffer()
		if err := w.SerializeTo(b, gopacket.SerializeOptions{}); err != nil {
			t.Fatal(err)
		}
		data := serialize(t, append(label(labelSDU), gopacket.Payload(b.Bytes()), gopacket.Payload(rest))...)
		c.Add(data)
		p := gopacket.NewPacket(data, layers.LinkTypeEthernet, gopacket.Default) // the SDU is nonsense
		w = find[*atm.PWAAL5SDU](t, p)
		if w.LengthError != (w.Length != 0 && !(w.OAM && w.Length == 56)) {
			t.Fatalf("%x: %v", data, w)
		}
		line := fmt.Sprintf("0x%02x;%d;%d;", w.Nibble, one(w.OAM), w.Length)
		if w.OAM {
			h, o := find[*atm.Cell](t, p).Header, find[*atm.OAM](t, p)
			line += fmt.Sprintf("%d;%d;%d;%x;", h.VC().VPI, h.VC().VCI, h.PTI(), o.Specific)
		} else {
			line += fmt.Sprintf(";;;;%x", w.Payload)
		}
		want = append(want, line)
	}
	same(t, "tshark", joined(c.Fields(t, tsharkPW, "pw.cw.bits03", "atm.pt", "pw.cw.length", "atm.vpi", "atm.vci", "atm.pti",
		"atm.aal_oamcell.func_spec", "data.data")), want)
}

// Associated channels in the place of every control word, and behind label 13.
func TestACHAgainstTshark(t *testing.T) {
	t.Parallel()
	rng := oracle.Seeded(t)
	c := oracle.NewPcap(oracle.LinkEthernet)
	var want []string
	for range oracle.Records {
		// Experimental types (RFC 4446), of which nobody knows what follows,
		// and IPv4.
		w := &atm.PWACH{Version: uint8(rng.IntN(16)), Reserved: uint8(rng.Uint32()), Channel: atm.PWChannelType(0x7FF8 + rng.IntN(8))}
		rest := stack{gopacket.Payload(oracle.Octets(rng, 50+rng.IntN(50)))}
		if rng.IntN(2) == 1 {
			w.Channel = atm.PWChannelIPv4
			rest = stack{randomIP(rng), gopacket.Payload(oracle.Octets(rng, 30))}
		}
		of := []uint32{labelN1CW, label11, labelSDU, 13}[rng.IntN(4)]
		data := serialize(t, append(append(label(of), w), rest...)...)
		c.Add(data)
		p := gopacket.NewPacket(data, layers.LinkTypeEthernet, gopacket.Default) // protocol 253 is unknown
		w = find[*atm.PWACH](t, p)
		line := fmt.Sprintf("%d;0x%02x;0x%04x;", w.Version, w.Reserved, uint16(w.Channel))
		if l, ok := p.NetworkLayer().(*layers.IPv4); ok {
			line += fmt.Sprintf("%v;%v", l.SrcIP, l.DstIP)
		} else {
			line += ";"
		}
		want = append(want, line)
	}
	same(t, "tshark", joined(c.Fields(t, tsharkPW, "pwach.ver", "pwach.res", "pwach.channel_type", "ip.src", "ip.dst")), want)
}

// CPCS-PDUs with a wrong CRC, or a wrong Length, or none: the SDU is still
// shown. tshark says a word on the CRC where the Length fits, and else nothing
// of the trailer.
func TestAAL5DamageAgainstTshark(t *testing.T) {
	t.Parallel()
	rng := oracle.Seeded(t)
	c := oracle.NewERF()
	var want, verdicts []string
	for range oracle.Records {
		sdu := serialize(t, &atm.LLC{Kind: atm.KindUnknown, Header: 0xAAAA03, OUI: unknownOUI(rng), PID: uint16(rng.Uint32())},
			gopacket.Payload(oracle.Octets(rng, 1+rng.IntN(100))))
		pdu := serialize(t, &atm.AAL5{}, gopacket.Payload(sdu))
		switch t := pdu[len(pdu)-aal.TrailerSize:]; rng.IntN(3) {
		case 0:
			t[4+rng.IntN(4)] ^= 1 << rng.IntN(8)
		case 1:
			binary.BigEndian.PutUint16(t[2:], uint16(rng.IntN(2)*1000))
		}
		h := aal.MakeHeader(vc, aal.PTIUserEnd, false)
		c.AddERF(oracle.ERFAAL5, uint32(h), pdu)
		p := dissect(t, erfRecord(oracle.ERFAAL5, h, pdu), atm.LinkTypeERF)
		a, l := find[*atm.AAL5](t, p), find[*atm.LLC](t, p)
		want = append(want, fmt.Sprintf("%d;0x%04x", l.OUI, l.PID))
		said := said(a.CRCError)
		if a.LengthError || a.Length == 0 {
			said = ""
		}
		verdicts = append(verdicts, said)
	}
	same(t, "tshark", joined(c.Fields(t, nil, "llc.oui", "llc.pid")), want)
	same(t, "tshark", words(c.Details(t, "atm"), "AAL5 CRC"), verdicts)
}

// unknownOUI is one that nobody has, so that no dissector is sought.
func unknownOUI(rng *rand.Rand) uint32 { return 0xFE0000 | uint32(rng.IntN(1<<16)) }

// The link types of RFC 1483, and of Classical IP, with LLC headers that RFC
// 2684 has or has not.
func TestLinkTypesAgainstTshark(t *testing.T) {
	t.Parallel()
	rng := oracle.Seeded(t)
	c := oracle.NewPcap(oracle.LinkRFC1483)
	var want []string
	for range oracle.Records {
		l := &atm.LLC{Kind: atm.KindUnknown, Header: 0xAAAA03, OUI: unknownOUI(rng), PID: uint16(rng.Uint32())}
		rest := stack{gopacket.Payload(oracle.Octets(rng, 1+rng.IntN(50)))}
		if rng.IntN(2) == 1 {
			l = &atm.LLC{EtherType: layers.EthernetTypeIPv4}
			rest = stack{randomIP(rng), gopacket.Payload(oracle.Octets(rng, 30))}
		}
		data := serialize(t, append(stack{l}, rest...)...)
		c.Add(data)
		p := gopacket.NewPacket(data, atm.LinkTypeRFC1483, gopacket.Default) // protocol 253 is unknown
		l = find[*atm.LLC](t, p)
		if l.Kind == atm.KindUnknown {
			want = append(want, fmt.Sprintf("0x%02x;0x%02x;%d;0x%04x;;", l.Header>>16, l.Header>>8&0xFF, l.OUI, l.PID))
			continue
		}
		i := p.NetworkLayer().(*layers.IPv4)
		want = append(want, fmt.Sprintf("0xaa;0xaa;0;;%v;%v", i.SrcIP, i.DstIP))
	}
	same(t, "tshark", joined(c.Fields(t, nil, "llc.dsap", "llc.ssap", "llc.oui", "llc.pid", "ip.src", "ip.dst")), want)
}

func randomIP(rng *rand.Rand) *layers.IPv4 {
	return &layers.IPv4{
		Version: 4, IHL: 5, TTL: 64, Protocol: 253, SrcIP: oracle.Octets(rng, 4), DstIP: oracle.Octets(rng, 4),
	}
}

// Classical IP captures have an LLC header or none. tcpdump takes both;
// tshark, which knows of none, is asked about those without.
func TestCLIPAgainstTcpdump(t *testing.T) {
	t.Parallel()
	rng := oracle.Seeded(t)
	c, bare := oracle.NewPcap(oracle.LinkCLIP), oracle.NewPcap(oracle.LinkCLIP)
	var want, wantBare []string
	for range oracle.Records {
		octets := gopacket.Payload(oracle.Octets(rng, 30))
		data := serialize(t, randomIP(rng), octets)
		bare.Add(data)
		if rng.IntN(2) == 1 {
			data = serialize(t, llcIP, gopacket.Payload(data))
		}
		c.Add(data)
		p := gopacket.NewPacket(data, atm.LinkTypeCLIP, gopacket.Default) // protocol 253 is unknown
		i := p.NetworkLayer().(*layers.IPv4)
		want = append(want, fmt.Sprintf("IP %v > %v:  ip-proto-253 %d", i.SrcIP, i.DstIP, len(octets)))
		wantBare = append(wantBare, fmt.Sprintf("%v;%v", i.SrcIP, i.DstIP))
	}
	var got []string
	for _, lines := range c.Tcpdump(t) {
		got = append(got, strings.Join(lines, "\n"))
	}
	same(t, "tcpdump", got, want)
	same(t, "tshark", joined(bare.Fields(t, nil, "ip.src", "ip.dst")), wantBare)
}
