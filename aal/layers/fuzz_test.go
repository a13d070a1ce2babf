package layers_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/aal/internal/oracle"
	atm "github.com/cellhub/cellhub/aal/layers"
)

// fuzzLayer decodes anything. What decodes prints, can be written as it is,
// and decodes again to the same; where exact, it is written as it was read.
func fuzzLayer[T any, P interface {
	*T
	layer
}](f *testing.F, exact bool) {
	for _, tt := range layerTests {
		if _, ok := tt.layer.(P); ok {
			f.Add(serialize(f, tt.layer, tt.rest))
		}
	}
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xFF}, 2*aal.WireCellSize))
	f.Add(make([]byte, 2*aal.PayloadSize))
	f.Fuzz(func(t *testing.T, data []byte) {
		data = data[:len(data):len(data)]
		l := P(new(T))
		if err := l.DecodeFromBytes(data, gopacket.NilDecodeFeedback); err != nil {
			return
		}
		n := len(l.LayerContents()) + len(l.LayerPayload())
		if n > len(data) || l.LayerType() == gopacket.LayerTypeZero {
			t.Fatalf("%d octets of %d, type %v", n, len(data), l.LayerType())
		}
		l.NextLayerType()
		plainText(t, l.String())
		again := plain(t, l)
		if exact && !bytes.Equal(again, data[:n]) {
			t.Fatalf("%v\nread    %x\nwritten %x", l, data[:n], again)
		}
		m := P(new(T))
		if err := m.DecodeFromBytes(again, gopacket.NilDecodeFeedback); err != nil {
			t.Fatalf("%v\nread %x\nwritten %x: %v", l, data, again, err)
		}
		// Reserved bits are gone, so that a right CRC may now be wrong.
		if a, b := l.String(), m.String(); a != b && (exact || unverified.Replace(a) != unverified.Replace(b)) {
			t.Fatalf("%s\nread again: %s", a, b)
		}
		if third := plain(t, m); !bytes.Equal(third, again) {
			t.Fatalf("%v\nwritten %x\nthen    %x", l, again, third)
		}
	})
}

var unverified = strings.NewReplacer(" (correct)", "", " (incorrect)", "")

// plain writes a layer and its payload, nothing computed.
func plain(t *testing.T, l layer) []byte {
	t.Helper()
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{}, l, gopacket.Payload(l.LayerPayload()))
	if err != nil {
		t.Fatalf("%v: %v", l, err)
	}
	return bytes.Clone(b.Bytes())
}

func FuzzERF(f *testing.F)       { fuzzLayer[atm.ERF](f, true) }
func FuzzSunATM(f *testing.F)    { fuzzLayer[atm.SunATM](f, false) }
func FuzzCell(f *testing.F)      { fuzzLayer[atm.Cell](f, true) }
func FuzzWireCell(f *testing.F)  { fuzzLayer[atm.WireCell](f, true) }
func FuzzPDU(f *testing.F)       { fuzzLayer[atm.PDU](f, true) }
func FuzzAAL1(f *testing.F)      { fuzzLayer[atm.AAL1](f, true) }
func FuzzAAL2(f *testing.F)      { fuzzLayer[atm.AAL2](f, false) }
func FuzzAAL34(f *testing.F)     { fuzzLayer[atm.AAL34](f, false) }
func FuzzAAL5(f *testing.F)      { fuzzLayer[atm.AAL5](f, false) }
func FuzzOAM(f *testing.F)       { fuzzLayer[atm.OAM](f, false) }
func FuzzRM(f *testing.F)        { fuzzLayer[atm.RM](f, false) }
func FuzzLLC(f *testing.F)       { fuzzLayer[atm.LLC](f, false) }
func FuzzBridged(f *testing.F)   { fuzzLayer[atm.Bridged](f, true) }
func FuzzATMARP(f *testing.F)    { fuzzLayer[atm.ATMARP](f, false) }
func FuzzPWN1(f *testing.F)      { fuzzLayer[atm.PWN1](f, false) }
func FuzzPW11(f *testing.F)      { fuzzLayer[atm.PW11](f, true) }
func FuzzPWCell(f *testing.F)    { fuzzLayer[atm.PWCell](f, false) }
func FuzzPWAAL5PDU(f *testing.F) { fuzzLayer[atm.PWAAL5PDU](f, false) }
func FuzzPWACH(f *testing.F)     { fuzzLayer[atm.PWACH](f, true) }
func FuzzPWAAL5SDU(f *testing.F) { fuzzLayer[atm.PWAAL5SDU](f, false) }

// FuzzPacket takes records of any link type apart as far as this package
// goes, eagerly and lazily, which must agree. gopacket's own decoders may
// panic, and recover; those here must not.
func FuzzPacket(f *testing.F) {
	firsts := []gopacket.Decoder{
		atm.LinkTypeERF, atm.LinkTypeSunATM, atm.LayerTypeCells, atm.LayerTypeWireCell, atm.LayerTypeAAL5, atm.LayerTypeLLC,
		atm.LayerTypePWN1, atm.LayerTypePW11, atm.LayerTypePWAAL5PDU, atm.LayerTypePWAAL5SDU,
		atm.LinkTypeRFC1483, atm.LinkTypeCLIP, atm.LayerTypeBridgedFCS,
		gopacket.DecodeFunc(atm.DecodeMPLS),
	}
	for i := range firsts {
		for _, tt := range layerTests {
			f.Add(uint8(i), serialize(f, tt.layer, tt.rest))
		}
	}
	mpls := &layers.MPLS{StackBottom: true, Label: labelN1}
	f.Add(uint8(len(firsts)-1), serialize(f, mpls, &atm.Cell{Header: oam}, &atm.OAM{Kind: aal.OAMCC}))
	f.Fuzz(func(t *testing.T, first uint8, data []byte) {
		if len(data) == 0 {
			return // gopacket does nothing, or all, depending on how it is asked
		}
		d := firsts[int(first)%len(firsts)]
		eager := gopacket.NewPacket(data, d, gopacket.Default)
		lazy := gopacket.NewPacket(data, d, gopacket.Lazy)
		if a, b := names(eager), names(lazy); a != b {
			t.Errorf("%s\nlazily %s", a, b)
		}
		for _, l := range eager.Layers() {
			if l, ok := l.(layer); ok {
				plainText(t, gopacket.LayerString(l))
			}
		}
		_ = eager.String()
		if e, ok := eager.ErrorLayer().(*gopacket.DecodeFailure); ok && panicked(e.Dump()) {
			t.Errorf("%v\n%s", e, e.Dump())
		}
	})
}

// plainText fails on what a terminal might obey: all that layers print is ASCII
// without control characters, whatever came from the wire.
func plainText(t *testing.T, s string) {
	t.Helper()
	for _, r := range s {
		if r != '\t' && (r < ' ' || r > '~') {
			t.Fatalf("prints %q", s)
		}
	}
}

// panicked tells whether the stack of a recovered panic has a function of
// this package first.
func panicked(stack string) bool {
	_, after, ok := strings.Cut(stack, "panic(")
	if !ok {
		return false
	}
	for line := range strings.Lines(after) {
		if strings.HasPrefix(line, "github.com/google/gopacket") {
			return false
		}
		if strings.HasPrefix(line, "github.com/cellhub/cellhub/aal") {
			return true
		}
	}
	return false
}

// The fuzz targets above leave no layer out, and each has a seed of its own.
func TestEveryLayerIsFuzzed(t *testing.T) {
	targets, seeds, layers := map[string]bool{}, map[string]bool{}, 0
	for _, tt := range layerTests {
		seeds[reflect.TypeOf(tt.layer).Elem().Name()] = true
	}
	source := oracle.Source(t)
	for _, f := range source {
		targets[f.Name] = true
	}
	for _, f := range source {
		if f.Name != "DecodeFromBytes" || f.Test {
			continue
		}
		layers++
		if !targets["Fuzz"+f.Receiver] || !seeds[f.Receiver] {
			t.Errorf("%s has no fuzz target, or no row in layerTests", f.Receiver)
		}
	}
	if layers < len(seeds) {
		t.Errorf("%d layers in the source, %d in layerTests", layers, len(seeds))
	}
}
