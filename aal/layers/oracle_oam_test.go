package layers_test

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/aal/internal/oracle"
	atm "github.com/cellhub/cellhub/aal/layers"
)

// oamKinds are the kinds of OAM cells, each with the function-specific octets
// by the field list of I.610, 10.2 to 10.4, as bits.
var oamKinds = []struct {
	name string
	make func(rng *rand.Rand) (kind aal.OAMKind, f atm.OAMFunction, specific string)
}{
	{"AIS", func(rng *rand.Rand) (aal.OAMKind, atm.OAMFunction, string) { return randomFault(rng, aal.OAMAIS) }},
	{"RDI", func(rng *rand.Rand) (aal.OAMKind, atm.OAMFunction, string) { return randomFault(rng, aal.OAMRDI) }},
	{"continuity check", func(*rand.Rand) (aal.OAMKind, atm.OAMFunction, string) { return aal.OAMCC, nil, unused(45) }},
	{"loopback", func(rng *rand.Rand) (aal.OAMKind, atm.OAMFunction, string) {
		c := &aal.OAMLoopback{
			Request: rng.IntN(2) == 1, Tag: rng.Uint32(), Location: randomID(rng), Source: randomID(rng),
		}
		indication := "00000000"
		if c.Request {
			indication = "00000001"
		}
		return aal.OAMLB, c, indication + fmt.Sprintf("%032b", c.Tag) +
			bitString(c.Location[:]) + bitString(c.Source[:]) + unused(8)
	}},
	{"forward monitoring", func(rng *rand.Rand) (aal.OAMKind, atm.OAMFunction, string) {
		c := &aal.OAMForward{
			MCSN: uint8(rng.Uint32()), TUC01: uint16(rng.Uint32()), BEDC: uint16(rng.Uint32()),
			TUC0: uint16(rng.Uint32()), Time: rng.Uint32(),
		}
		return aal.OAMFPM, c, fmt.Sprintf("%08b%016b%016b%016b%032b", c.MCSN, c.TUC01, c.BEDC, c.TUC0, c.Time) + unused(34)
	}},
	{"backward reporting", func(rng *rand.Rand) (aal.OAMKind, atm.OAMFunction, string) {
		c := &aal.OAMBackward{
			MCSN: uint8(rng.Uint32()), TUC01: uint16(rng.Uint32()), TUC0: uint16(rng.Uint32()), Time: rng.Uint32(),
			RMCSN: uint8(rng.Uint32()), SECBC: uint8(rng.Uint32()), TRCC0: uint16(rng.Uint32()),
			BLER: uint8(rng.Uint32()), TRCC01: uint16(rng.Uint32()),
		}
		return aal.OAMBR, c, fmt.Sprintf("%08b%016b%s%016b%032b%s%08b%08b%016b%08b%016b", c.MCSN, c.TUC01, unused(2),
			c.TUC0, c.Time, unused(27), c.RMCSN, c.SECBC, c.TRCC0, c.BLER, c.TRCC01)
	}},
	{"activation", func(rng *rand.Rand) (aal.OAMKind, atm.OAMFunction, string) {
		kinds := []aal.OAMKind{aal.OAMActPM, aal.OAMActCC, aal.OAMActFPM}
		c := &aal.OAMActivation{
			Kind: kinds[rng.IntN(len(kinds))], Message: aal.OAMMessage(rng.IntN(64)), Direction: aal.OAMDirection(rng.IntN(4)),
			Tag: uint8(rng.Uint32()), BlockAB: uint8(rng.IntN(16)), BlockBA: uint8(rng.IntN(16)),
		}
		return c.Kind, c, fmt.Sprintf("%06b%02b%08b%04b%04b", c.Message, c.Direction, c.Tag, c.BlockAB, c.BlockBA) + unused(42)
	}},
	{"other", func(rng *rand.Rand) (aal.OAMKind, atm.OAMFunction, string) {
		kinds := []aal.OAMKind{aal.OAMAPSGroup, aal.OAMAPS, aal.OAMSystem, 0x22, 0x30}
		return kinds[rng.IntN(len(kinds))], nil, bitString(oracle.Octets(rng, 45))
	}},
}

func randomFault(rng *rand.Rand, k aal.OAMKind) (aal.OAMKind, atm.OAMFunction, string) {
	c := &aal.OAMFault{Kind: k, Defect: uint8(rng.Uint32()), Location: randomID(rng)}
	return k, c, fmt.Sprintf("%08b", c.Defect) + bitString(c.Location[:]) + unused(28)
}

// makeOAM encodes a cell with package aal, or with PutOAM where there is no
// encoder.
func makeOAM(t *testing.T, k aal.OAMKind, f atm.OAMFunction, specific string) []byte {
	t.Helper()
	cell := make([]byte, aal.PayloadSize)
	err := error(nil)
	if f != nil {
		err = f.Encode(cell)
	} else {
		octets, _ := hex.DecodeString(bitsToHex(specific))
		err = aal.PutOAM(cell, k, octets)
	}
	if err != nil {
		t.Fatal(err)
	}
	return cell
}

// OAM cells of all kinds and flows in ERF records: tshark's header, type,
// function, function-specific octets and verdict on the CRC-10.
func TestOAMAgainstTshark(t *testing.T) {
	fields := []string{
		"atm.vpi", "atm.vci", "atm.payload_type", "atm.cell_loss_priority", "atm.aal_oamcell.type",
		"atm.aal_oamcell.type.fm", "atm.aal_oamcell.type.pm", "atm.aal_oamcell.type.ad", "atm.aal_oamcell.type.ft",
		"atm.aal_oamcell.func_spec", "atm.aal_oamcell.crc",
	}
	for _, kind := range oamKinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			rng := oracle.Seeded(t)
			c := oracle.NewERF()
			var want, verdicts, ours, ourVerdicts []string
			for range oracle.Records {
				k, f, specific := kind.make(rng)
				cell := makeOAM(t, k, f, specific)
				if bits := withCRC10(fmt.Sprintf("%08b%s%016b", uint8(k), specific, 0)); bitString(cell) != bits {
					t.Fatalf("%v %v: %x, by the field list %s", k, f, cell, bitsToHex(bits))
				}
				h := aal.OAMFlow(rng.IntN(4)).Header(randomVC(rng)).WithCLP(rng.IntN(2) == 1)
				o := find[*atm.OAM](t, dissect(t, erfRecord(oracle.ERFCell, h, cell), atm.LinkTypeERF))
				if f != nil && !reflect.DeepEqual(o.Function, f) {
					t.Fatalf("%v read as %v", f, o.Function)
				}
				flip(rng, cell)
				c.AddERF(oracle.ERFCell, uint32(h), cell)
				want = append(want, headerFields(h)+";"+oamFields(k, cell))
				verdicts = append(verdicts, verdict(bitString(cell)))

				p := dissect(t, erfRecord(oracle.ERFCell, h, cell), atm.LinkTypeERF)
				h, o = find[*atm.Cell](t, p).Header, find[*atm.OAM](t, p)
				ours = append(ours, fmt.Sprintf("%s;%s;%x;0x%04x", headerFields(h), oamKindFields(o.Kind), o.Specific, o.CRC))
				ourVerdicts = append(ourVerdicts, said(o.CRCError))
			}
			same(t, "tshark", joined(c.Fields(t, nil, fields...)), want)
			same(t, "package layers", ours, want)
			same(t, "tshark", words(c.Details(t, "oamaal"), "CRC-10"), verdicts)
			same(t, "package layers", ourVerdicts, verdicts)
		})
	}
}

// oamKindFields are tshark's fields of a kind: the function is in one of
// four, by the type.
func oamKindFields(k aal.OAMKind) string {
	f := [4]string{}
	i, ok := map[uint8]int{aal.OAMTypeFault: 0, aal.OAMTypePerformance: 1, aal.OAMTypeActivation: 2}[k.Type()]
	if !ok {
		i = 3
	}
	f[i] = fmt.Sprint(k.Function())
	return fmt.Sprintf("%d;%s", k.Type(), strings.Join(f[:], ";"))
}

// oamFields are tshark's fields of a cell, cut from its bits.
func oamFields(k aal.OAMKind, cell []byte) string {
	bits := bitString(cell)
	return fmt.Sprintf("%s;%s;0x%04x", oamKindFields(k), bitsToHex(bits[8:368]), value(bits[374:]))
}
