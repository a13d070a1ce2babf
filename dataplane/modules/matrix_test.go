package modules

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/gopacket"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/aal/layers"
	"github.com/cellhub/cellhub/nic"
)

// This file switches a VC from a port of each mode to one of each other, cell for cell. Frames are
// made and read by aal/layers, which shares nothing with the ports.

var allModes = []Mode{ModeN1, ModeN1CW, ModeAAL5SDU, ModeVCC, ModeVPC, ModeAAL5PDU, ModePort, ModePortCW}

// wireFrames puts cells of a VC into frames of a mode, of SDUs as what the cells become, at most so
// many cells in one.
func wireFrames(t *testing.T, m Mode, cells []byte, most int) (frames [][]byte) {
	t.Helper()
	put := func(l ...gopacket.SerializableLayer) {
		b := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true}, l...); err != nil {
			t.Fatal(err)
		}
		frames = append(frames, append(appendLabel(nil, FirstLabel, 0, DefaultTTL, true), b.Bytes()...))
	}
	if m == ModeAAL5SDU {
		for _, u := range unitsOf(t, cells) {
			sdu := layers.PWAAL5SDU{OAM: u.oam, CLP: u.clp, EFCI: u.efci, CPCSUU: u.uu&1 != 0}
			put(&sdu, gopacket.Payload(u.octets))
		}
		return frames
	}
	for len(cells) > 0 {
		n := min(len(cells), most*aal.CellSize)
		if m == ModeAAL5PDU {
			n = max(aal.PDURun(cells[:n]), aal.CellSize)
		}
		some := cells[:n]
		cells = cells[n:]
		h := aal.ReadHeader(some)
		switch {
		case m == ModeN1, m == ModePort:
			put(gopacket.Payload(some))
		case m == ModeN1CW, m == ModePortCW:
			put(&layers.PWN1{}, gopacket.Payload(some))
		case m == ModeAAL5PDU && h.User():
			w := layers.PWAAL5PDU{}
			var body []byte
			for ; len(some) > 0; some = some[aal.CellSize:] {
				h = aal.ReadHeader(some)
				w.Last, w.EFCI, w.CLP = h.AUU(), h.EFCI(), w.CLP || h.CLP()
				body = append(body, some[aal.HeaderSize:aal.CellSize]...)
			}
			put(&w, gopacket.Payload(body))
		default:
			var body []byte
			for ; len(some) > 0; some = some[aal.CellSize:] {
				h = aal.ReadHeader(some)
				b := gopacket.NewSerializeBuffer()
				cell := layers.PWCell{Path: m == ModeVPC, PTI: h.PTI(), CLP: h.CLP(), VCI: h.VC().VCI}
				if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{}, &cell, gopacket.Payload(some[aal.HeaderSize:aal.CellSize])); err != nil {
					t.Fatal(err)
				}
				body = append(body, b.Bytes()...)
			}
			put(&layers.PW11{}, gopacket.Payload(body))
		}
	}
	return frames
}

// unit is an SDU, or a cell of management.
type unit struct {
	oam, clp, efci bool
	uu             uint8
	octets         string
}

// unitsOf is what AAL5 SDU mode makes of cells.
func unitsOf(t *testing.T, cells []byte) (units []unit) {
	t.Helper()
	var r aal.Reassembler
	buf := make([]byte, 1<<16)
	r.Start(buf)
	for len(cells) > 0 {
		n, ev := r.Push(cells)
		switch ev {
		case aal.EvOAM:
			units = append(units, unit{oam: true, octets: string(cells[n-aal.CellSize : n])})
		case aal.EvPDU:
			p := r.PDU()
			units = append(units, unit{clp: p.CLP, efci: p.EFCI, uu: p.UU & 1, octets: string(p.SDU)})
			r.Start(buf)
		case aal.EvNone:
		default:
			t.Fatalf("event %v", ev)
		}
		cells = cells[n:]
	}
	return units
}

// readFrames reads what frames of a mode carry, with aal/layers: cells of a VC, or of SDUs units.
func readFrames(t *testing.T, m Mode, frames [][]byte, vc aal.VC) (cells []byte, units []unit) {
	t.Helper()
	first := map[Mode]gopacket.Decoder{
		ModeN1: layers.LayerTypeCells, ModeN1CW: layers.LayerTypePWN1, ModeAAL5SDU: layers.LayerTypePWAAL5SDU,
		ModePort: layers.LayerTypeCells, ModePortCW: layers.LayerTypePWN1,
		ModeVCC: layers.LayerTypePW11, ModeVPC: layers.LayerTypePW11, ModeAAL5PDU: layers.LayerTypePW11,
	}[m]
	for _, f := range frames {
		p := gopacket.NewPacket(f[LabelBytes:], first, gopacket.DecodeOptions{})
		if len(p.Layers()) == 0 { // what SDUs hold is at random, and of no matter
			t.Fatalf("%v: %x: %v", m, f, p.ErrorLayer())
		}
		if m == ModeN1CW || m == ModePortCW {
			if p.Layers()[0].LayerType() != layers.LayerTypePWN1 {
				t.Fatalf("%v", p)
			}
			f = f[ControlWordBytes:]
		}
		if m == ModeN1 || m == ModeN1CW || m.port() { // which the rest of the tests read as they are
			cells = append(cells, f[LabelBytes:]...)
			continue
		}
		for _, l := range p.Layers() {
			switch l := l.(type) {
			case *layers.PWAAL5SDU:
				units = append(units, unit{oam: l.OAM, clp: l.CLP, efci: l.EFCI, uu: uint8(binary.BigEndian.Uint32(l.Contents) >> 24 & 1), octets: string(l.Payload)})
			case *layers.PWCell:
				own := vc
				if l.Path {
					own.VCI = l.VCI
				}
				if l.VError || l.Frame || l.Reserved != 0 || l.Path != (m == ModeVPC) {
					t.Fatalf("%v", l)
				}
				cells = appendCell(cells, aal.MakeHeader(own, l.PTI, l.CLP), l.Payload)
			case *layers.PWAAL5PDU:
				for at := 0; at < len(l.Payload); at += aal.PayloadSize {
					end := at+aal.PayloadSize == len(l.Payload)
					h := aal.MakeHeader(vc, 0, l.CLP).WithEFCI(l.EFCI).WithAUU(end && l.Last)
					cells = appendCell(cells, h, l.Payload[at:at+aal.PayloadSize])
				}
			}
		}
	}
	return cells, units
}

func appendCell(cells []byte, h aal.Header, payload []byte) []byte {
	return append(binary.BigEndian.AppendUint32(cells, uint32(h)), payload[:aal.PayloadSize]...)
}

// traffic is whole PDUs, flags at random, and OAM cells between and within.
func traffic(t *testing.T, rnd *rand.Rand, vc aal.VC) (cells []byte) {
	t.Helper()
	for range 1 + rnd.IntN(4) {
		sdu := make([]byte, 1+rnd.IntN(1500))
		for i := range sdu {
			sdu[i] = byte(rnd.Uint32())
		}
		var seg aal.Segmenter
		pdu := make([]byte, aal.AAL5Cells(len(sdu))*aal.CellSize)
		if err := seg.Start(aal.MakeHeader(vc, 0, false), sdu, uint8(rnd.Uint32()), uint8(rnd.Uint32())); err != nil {
			t.Fatal(err)
		}
		seg.Cells(pdu)
		for ; len(pdu) > 0; pdu = pdu[aal.CellSize:] {
			for rnd.IntN(8) == 0 {
				oam := bytes.Repeat([]byte{byte(rnd.Uint32())}, aal.PayloadSize)
				cells = appendCell(cells, aal.MakeHeader(vc, aal.PTISegmentOAM+uint8(rnd.IntN(2)), false), oam)
			}
			aal.ReadHeader(pdu).WithCLP(rnd.IntN(4) == 0).WithEFCI(rnd.IntN(2) == 0).Put(pdu)
			cells = append(cells, pdu[:aal.CellSize]...)
		}
	}
	return cells
}

// throughSDU is what cells are after a port of SDUs: their PDUs made anew, each cell with CLP and
// EFCI of the whole, UU of one bit and no CPI.
func throughSDU(t *testing.T, cells []byte, vc aal.VC) (out []byte) {
	t.Helper()
	for _, u := range unitsOf(t, cells) {
		if u.oam {
			out = append(out, u.octets...)
			continue
		}
		var seg aal.Segmenter
		pdu := make([]byte, aal.AAL5Cells(len(u.octets))*aal.CellSize)
		if err := seg.Start(aal.MakeHeader(vc, 0, u.clp).WithEFCI(u.efci), []byte(u.octets), u.uu, 0); err != nil {
			t.Fatal(err)
		}
		seg.Cells(pdu)
		out = append(out, pdu...)
	}
	return out
}

// reheaded is cells of another VC.
func reheaded(cells []byte, vc aal.VC) []byte {
	out := bytes.Clone(cells)
	for i := 0; i < len(out); i += aal.CellSize {
		aal.ReadHeader(out[i:]).WithVC(vc).Put(out[i:])
	}
	return out
}

// Every mode with every other: AAL5 and OAM, and where both have cells any cells at all (AAL0).
func TestModeMatrix(t *testing.T) {
	s := seed(t)
	for _, from := range allModes {
		for _, to := range allModes {
			t.Run(fmt.Sprintf("%v-%v", from, to), func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(s, uint64(from)<<8|uint64(to)))
				ends := [2]aal.VC{{VPI: 7, VCI: 300}, {VPI: 4095, VCI: 65535}}
				ports := [2]PortConfig{modePort(from), modePort(to)}
				for i := range ports {
					ports[i].VC = aal.VC{}
					if ports[i].Mode.OneVC() {
						ports[i].VC = ends[i]
					} else if ports[i].Mode.OneVP() {
						ports[i].VC.VPI = ends[i].VPI
					}
				}
				r := newSwitchRigOf(t, 1, nic.WireConfig{MaxFrame: 1600, Depth: 1024}, CarrierConfig{Ports: ports[:1]}, CarrierConfig{Ports: ports[1:]})
				for i := range ends {
					if err := r.carriers[i].Reserve(Leg{Connection: Connection{VC: ends[i]}}); err != nil {
						t.Fatal(err)
					}
				}
				if err := r.carriers[0].Connect(Connection{VC: ends[0]}, r.to(1, 0, ends[1])); err != nil {
					t.Fatal(err)
				}
				for range 50 {
					most := 1 + rnd.IntN(28)
					matrixRound(t, r, ports, ends, traffic(t, rnd, ends[0]), most)
					if from.Cells() && to.Cells() {
						var cells []byte
						for range 1 + rnd.IntN(50) {
							cells = append(cells, anyCell(rnd, ends[0])...)
						}
						last := cells[len(cells)-aal.CellSize:]
						aal.ReadHeader(last).WithPTI(aal.PTIUserEnd).Put(last) // else aal5pdu waits
						matrixRound(t, r, ports, ends, cells, most)
					}
				}
				for i, d := range r.carriers {
					for _, n := range d.PortCounts(0) {
						if bytes.Contains([]byte(n.Name), []byte("drop")) && n.N > 0 {
							t.Errorf("end %d: %s %d", i, n.Name, n.N)
						}
					}
				}
			})
		}
	}
}

func matrixRound(t *testing.T, r *switchRig, ports [2]PortConfig, ends [2]aal.VC, cells []byte, most int) {
	t.Helper()
	transmit(t, r, 0, wireFrames(t, ports[0].Mode, cells, most)...)
	want := cells
	switch ports[0].Mode {
	case ModeAAL5PDU:
		want = pduAs(cells, most)
	case ModeAAL5SDU:
		want = throughSDU(t, cells, ends[0])
	}
	want = reheaded(want, ends[1])
	got, units := readFrames(t, ports[1].Mode, receiveAll(t, r.far[1]), ends[1])
	if ports[1].Mode == ModeAAL5SDU {
		if wanted := unitsOf(t, want); fmt.Sprint(units) != fmt.Sprint(wanted) {
			t.Fatalf("%d units, want %d:\n%v\n%v", len(units), len(wanted), units, wanted)
		}
		return
	}
	if ports[1].Mode == ModeAAL5PDU {
		want = pduAs(want, 33) // payloads that 1600 octets hold
	}
	wantCells(t, "out", got, want)
}
