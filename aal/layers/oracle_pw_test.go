package layers_test

import (
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

// tsharkPW tells tshark what the labels carry, as RegisterLabel tells gopacket.
var tsharkPW = []string{
	"-d", fmt.Sprintf("mpls.label==%d,mplspwatmn1nocw", labelN1),
	"-d", fmt.Sprintf("mpls.label==%d,mplspwatmn1cw", labelN1CW),
	"-d", fmt.Sprintf("mpls.label==%d,mplspwatm11_or_aal5pdu", label11),
	"-d", fmt.Sprintf("mpls.label==%d,mplspwatmaal5sdu", labelSDU),
}

// list joins values as tshark does those of one field.
func list[T any](values []T) string {
	s := make([]string, len(values))
	for i, v := range values {
		s[i] = fmt.Sprint(v)
	}
	return strings.Join(s, ",")
}

func one(on bool) uint8 {
	if on {
		return 1
	}
	return 0
}

// listed are tshark's fields of the cells in a frame, from the layers.
func listed(p gopacket.Packet) string {
	var vpi, vci, pti, clp, data, oam []string
	for i, l := range p.Layers() {
		switch l := l.(type) {
		case *atm.Cell:
			h := l.Header
			vpi, vci = append(vpi, fmt.Sprint(h.VC().VPI)), append(vci, fmt.Sprint(h.VC().VCI))
			pti, clp = append(pti, fmt.Sprint(h.PTI())), append(clp, fmt.Sprint(one(h.CLP())))
		case *atm.PWCell:
			pti, clp = append(pti, fmt.Sprint(l.PTI)), append(clp, fmt.Sprint(one(l.CLP)))
			if l.Path {
				vci = append(vci, fmt.Sprint(l.VCI))
			}
		case *atm.OAM:
			oam = append(oam, fmt.Sprintf("%x", l.Specific))
			continue
		default:
			continue
		}
		if _, isOAM := p.Layers()[i+1].(*atm.OAM); !isOAM {
			data = append(data, fmt.Sprintf("%x", l.LayerPayload()))
		}
	}
	return strings.Join([]string{list(vpi), list(vci), list(pti), list(clp), list(oam), list(data)}, ";")
}

var cellFields = []string{"atm.vpi", "atm.vci", "atm.pti", "atm.clp", "atm.aal_oamcell.func_spec", "data.data"}

// randomCell is one of a user, or an OAM cell.
func randomCell(rng *rand.Rand, oam bool) gopacket.SerializableLayer {
	vc := aal.VC{VPI: uint16(rng.IntN(aal.MaxVPI + 1)), VCI: uint16(aal.FirstUserVCI + rng.IntN(60000))}
	if oam {
		return &atm.Cell{Header: aal.OAMFlow(rng.IntN(4)).Header(vc)}
	}
	return &atm.Cell{Header: aal.MakeHeader(vc, uint8(rng.IntN(4)), rng.IntN(2) == 1)}
}

func randomPTI(rng *rand.Rand, oam bool) uint8 {
	if oam {
		return uint8(4 + rng.IntN(2))
	}
	return uint8(rng.IntN(4))
}

// The cell modes of RFC 4717, one to four cells a frame. Only the last is an
// OAM cell now and then: tshark reads such a cell to the end of the frame, calls
// it truncated and gives up the cells that follow (packet-pw-atm.c 4.0.17).
func TestCellModesAgainstTshark(t *testing.T) {
	for _, mode := range []struct {
		name   string
		label  uint32
		word   func(seq uint16) gopacket.SerializableLayer
		cell   func(rng *rand.Rand, oam bool) gopacket.SerializableLayer
		fields []string
		show   func(p gopacket.Packet) string
	}{
		{
			"N:1", labelN1, nil,
			randomCell,
			[]string{"pw.type.atm.n1nocw"}, func(gopacket.Packet) string { return "1" },
		}, {
			"N:1 with control word", labelN1CW, func(seq uint16) gopacket.SerializableLayer { return &atm.PWN1{Sequence: seq} },
			randomCell,
			[]string{"pw.cw.flags", "pw.cw.length", "pw.cw.seqno"}, func(p gopacket.Packet) string {
				w := p.Layer(atm.LayerTypePWN1).(*atm.PWN1)
				return fmt.Sprintf("0x%02x;%d;%d", w.Flags, w.Length, w.Sequence)
			},
		}, {
			"1:1 of a VCC", label11, func(seq uint16) gopacket.SerializableLayer { return &atm.PW11{Sequence: seq} },
			func(rng *rand.Rand, oam bool) gopacket.SerializableLayer {
				return &atm.PWCell{PTI: randomPTI(rng, oam), CLP: rng.IntN(2) == 1}
			},
			[]string{"pw.type.atm.11vcc", "pw.cw.seqno"}, show11,
		}, {
			"1:1 of a VPC", label11, func(seq uint16) gopacket.SerializableLayer { return &atm.PW11{Sequence: seq} },
			func(rng *rand.Rand, oam bool) gopacket.SerializableLayer {
				return &atm.PWCell{
					Path: true, VCI: uint16(5 + rng.IntN(60000)), PTI: randomPTI(rng, oam), CLP: rng.IntN(2) == 1,
				}
			},
			[]string{"pw.type.atm.11vpc", "pw.cw.seqno"}, show11,
		},
	} {
		t.Run(mode.name, func(t *testing.T) {
			t.Parallel()
			rng := oracle.Seeded(t)
			c := oracle.NewPcap(oracle.LinkEthernet)
			var want []string
			for range oracle.Records {
				frame := label(mode.label)
				if mode.word != nil {
					frame = append(frame, mode.word(uint16(rng.Uint32())))
				}
				cells := 1 + rng.IntN(4)
				for i := range cells {
					octets := gopacket.Payload(oracle.Octets(rng, aal.PayloadSize))
					octets[0] = byte(aal.OAMAIS)
					c := mode.cell(rng, i == cells-1 && rng.IntN(2) == 1)
					frame = append(frame, gopacket.Payload(serialize(t, c, octets)))
				}
				data := serialize(t, frame...)
				c.Add(data)
				p := dissect(t, data, layers.LinkTypeEthernet)
				want = append(want, mode.show(p)+";"+listed(p))
			}
			same(t, "tshark", joined(c.Fields(t, tsharkPW, append(mode.fields, cellFields...)...)), want)
		})
	}
}

func show11(p gopacket.Packet) string {
	return fmt.Sprintf("1;%d", p.Layer(atm.LayerTypePW11).(*atm.PW11).Sequence)
}

// RFC 4717's AAL5 PDU frame mode.
func TestPDUModeAgainstTshark(t *testing.T) {
	t.Parallel()
	rng := oracle.Seeded(t)
	c := oracle.NewPcap(oracle.LinkEthernet)
	var want []string
	for range oracle.Records {
		w := &atm.PWAAL5PDU{Sequence: uint16(rng.Uint32()), Last: true, EFCI: rng.IntN(2) == 1, CLP: rng.IntN(2) == 1}
		sdu := gopacket.Payload(oracle.Octets(rng, 1+rng.IntN(200)))
		data := serialize(t, append(label(label11), w, &atm.AAL5{UU: uint8(rng.Uint32())}, sdu)...)
		c.Add(data)
		p := gopacket.NewPacket(data, layers.LinkTypeEthernet, gopacket.Default) // the SDU is nonsense
		w, a := find[*atm.PWAAL5PDU](t, p), find[*atm.AAL5](t, p)
		want = append(want, fmt.Sprintf("%d;%d;%d;%d;%d;0x%02x;0x%08x", w.Sequence, one(w.Last), one(w.EFCI), one(w.CLP),
			a.Length, a.UU, a.CRC))
	}
	same(t, "tshark", joined(c.Fields(t, tsharkPW, "pw.cw.seqno", "atm.pw_control_byte.u", "atm.pw_control_byte.efci",
		"atm.clp", "atm.aal5t_len", "atm.hf_atm.aal5t_uu", "atm.aal5t_crc")), want)
}

// RFC 4717's AAL5 CPCS-SDU mode, with Ethernet's padding after short frames:
// tshark finds the SDU by the length in the control word, as the layer does.
func TestSDUModeAgainstTshark(t *testing.T) {
	t.Parallel()
	rng := oracle.Seeded(t)
	c := oracle.NewPcap(oracle.LinkEthernet)
	var want []string
	for range oracle.Records {
		w := &atm.PWAAL5SDU{
			Sequence: uint16(rng.Uint32()), EFCI: rng.IntN(2) == 1, CLP: rng.IntN(2) == 1, CPCSUU: rng.IntN(2) == 1,
		}
		var frame stack
		if w.OAM = rng.IntN(4) == 0; w.OAM {
			octets := gopacket.Payload(oracle.Octets(rng, aal.PayloadSize))
			octets[0] = byte(aal.OAMAIS)
			h := aal.OAMFlow(rng.IntN(4)).Header(randomVC(rng))
			frame = append(label(labelSDU), w, &atm.Cell{Header: h}, octets)
		} else {
			sdu := gopacket.Payload(oracle.Octets(rng, 5+rng.IntN(100)))
			copy(sdu, "\xFF\xFF\xFF\xFF\xFF") // so that tshark guesses at no protocol
			frame = append(label(labelSDU), w, sdu)
		}
		data := serialize(t, frame...)
		for len(data) < 60 {
			data = append(data, 0)
		}
		c.Add(data)
		p := gopacket.NewPacket(data, layers.LinkTypeEthernet, gopacket.Default) // the SDU is nonsense
		w = find[*atm.PWAAL5SDU](t, p)
		cells, octets, clp := ";;", fmt.Sprintf("%x", w.Payload), fmt.Sprint(one(w.CLP))
		if w.OAM {
			h := find[*atm.Cell](t, p).Header
			cells, octets = fmt.Sprintf("%d;%d;%d", h.VC().VPI, h.VC().VCI, h.PTI()), ""
			clp += fmt.Sprintf(",%d", one(h.CLP()))
		}
		padding := ""
		if n := len(data) - 18 - 4 - len(w.Payload); n > 0 {
			padding = fmt.Sprint(n)
			octets += "," + strings.Repeat("00", n)
		}
		want = append(want, fmt.Sprintf("%d;%d;%s;%d;%d;%d;%s;%s;%s", one(w.OAM), one(w.EFCI), clp, one(w.CPCSUU), w.Length,
			w.Sequence, cells, padding, octets))
	}
	same(t, "tshark", joined(c.Fields(t, tsharkPW, "atm.pt", "atm.efci", "atm.clp", "pw.cw.aal5sdu.u", "pw.cw.length", "pw.cw.seqno",
		"atm.vpi", "atm.vci", "atm.pti", "pw.padding.len", "data.data")), want)
}
