package ilmi

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/signalling/internal/proof"
)

// recording reads what linux-atm's ilmid sent: the PDUs on VCC 0/16 of
// testdata/ilmid.hex.
func recording(t testing.TB) (out [][]byte) {
	t.Helper()
	file, err := os.ReadFile("testdata/ilmid.hex")
	if err != nil {
		t.Fatal(err)
	}
	inPDU := false
	for line := range strings.Lines(string(file)) {
		switch {
		case strings.HasPrefix(line, "#"):
			inPDU = false
			if strings.Contains(line, " rx 0.16 ") {
				out = append(out, nil)
			}
		case strings.TrimSpace(line) == "pdu":
			inPDU = len(out) > 0
		case strings.TrimSpace(line) == "header":
			inPDU = false
		case inPDU:
			octets, err := hex.DecodeString(strings.Join(strings.Fields(line)[1:], ""))
			if err != nil {
				t.Fatal(err)
			}
			out[len(out)-1] = append(out[len(out)-1], octets...)
		}
	}
	if len(out) != 8 {
		t.Fatalf("%d PDUs in the recording", len(out))
	}
	return out
}

// The recording decodes and encodes to the same octets: coldStart traps, and
// requests that have INTEGER 0 where NULL is due (RFC 1157, 4.1.2).
func TestRecording(t *testing.T) {
	for i, octets := range recording(t) {
		p, err := Decode(octets)
		if err != nil {
			t.Fatalf("PDU %d: %v", i, err)
		}
		back, err := Encode(p)
		if err != nil || !bytes.Equal(back, octets) {
			t.Errorf("PDU %d: %x, %v\nwant %x", i, back, err, octets)
		}
		if i%2 == 0 {
			want := TrapHeader{Enterprise: OID{1, 3, 6, 1, 4, 1, 3, 1, 1}, TimeStamp: uint32(200 * (i / 2))}
			if p.Type != Trap || !reflect.DeepEqual(p.Trap, want) || len(p.Bindings) != 1 || p.Bindings[0].Value.Kind != Null {
				t.Errorf("PDU %d: %+v", i, p)
			}
			continue
		}
		if p.Type != GetRequest || p.RequestID != int32(i/2+1) || len(p.Bindings) != 4 || p.Bindings[3].Name.Compare(oidSysUpTime) != 0 {
			t.Errorf("PDU %d: %+v", i, p)
		}
		for _, b := range p.Bindings {
			if b.Value.Kind != Integer || b.Value.Number != 0 {
				t.Errorf("PDU %d: %v", i, b)
			}
		}
	}
}

func randomOID(rng *rand.Rand) OID {
	o := OID{rng.Uint32N(3), rng.Uint32N(40)}
	for range rng.IntN(20) {
		o = append(o, rng.Uint32()>>rng.IntN(32))
	}
	return o
}

func randomValue(rng *rand.Rand) Value {
	kinds := []Kind{Integer, OctetString, Null, ObjectIdentifier, IPAddress, Counter, Gauge, TimeTicks, Opaque}
	v := Value{Kind: kinds[rng.IntN(len(kinds))]}
	octets := make([]byte, rng.IntN(30))
	for i := range octets {
		octets[i] = byte(rng.Uint32())
	}
	switch v.Kind {
	case Integer:
		v.Number = int64(int32(rng.Uint32()) >> rng.IntN(32))
	case Counter, Gauge, TimeTicks:
		v.Number = int64(rng.Uint32() >> rng.IntN(32))
	case ObjectIdentifier:
		v.OID = randomOID(rng)
	case OctetString, Opaque:
		v.Octets = string(octets)
	case IPAddress:
		v.Octets = string([]byte{192, 0, 2, byte(rng.Uint32())})
	}
	return v
}

func randomPDU(rng *rand.Rand) PDU {
	p := PDU{Type: PDUType(rng.IntN(int(numPDUTypes)))}
	if p.Type == Trap {
		p.Trap = TrapHeader{
			Enterprise: randomOID(rng), Agent: [4]byte{198, 51, 100, byte(rng.Uint32())}, Generic: rng.Int32N(7),
			Specific: int32(rng.Uint32()), TimeStamp: rng.Uint32() >> rng.IntN(32),
		}
	} else {
		p.RequestID, p.ErrorStatus, p.ErrorIndex = int32(rng.Uint32()), Status(rng.IntN(6)), rng.Int32N(10)
	}
	for range rng.IntN(5) {
		p.Bindings = append(p.Bindings, Binding{randomOID(rng), randomValue(rng)})
	}
	return p
}

// What is encoded decodes to the same PDU, negative request-ids as well.
func TestRoundTrip(t *testing.T) {
	rng := proof.Seeded(t)
	for range 5000 {
		p := randomPDU(rng)
		octets, err := Encode(p)
		if errors.Is(err, ErrLength) {
			continue
		}
		if err != nil {
			t.Fatalf("%+v: %v", p, err)
		}
		if back, err := Decode(octets); err != nil || !reflect.DeepEqual(back, p) {
			t.Fatalf("%x:\n%+v, %v\n%+v", octets, back, err, p)
		}
	}
}

// get is a GetRequest for sysUpTime, id 1, as hexadecimal parts that a test
// may replace.
func get(replace map[string]string) string {
	parts := []string{"message", "30", "length", "24", "version", "020100", "community", "0404494c4d49", "type", "a0", "pdu", "19",
		"id", "020101", "status", "020100", "index", "020100", "list", "300e", "binding", "300c", "name", "06082b06010201010300", "value", "0500"}
	out := ""
	for i := 0; i < len(parts); i += 2 {
		if r, ok := replace[parts[i]]; ok {
			out += r
			continue
		}
		out += parts[i+1]
	}
	return out
}

// PDUs that are none, and encodings that are longer than need be (X.690, 8;
// RFC 1157, 4).
func TestInvalid(t *testing.T) {
	for _, tt := range []struct {
		name string
		hex  string
		want error
	}{
		{"good", get(nil), nil},
		{"lengths in long form", get(map[string]string{"length": "8124"}), nil},
		{"lengths of two octets", get(map[string]string{"length": "820026", "pdu": "820019"}), nil},
		{"id in four octets", get(map[string]string{"pdu": "1c", "id": "020400000001"}), nil},
		{"empty", "", ErrPDU},
		{"cut", get(nil)[:40], ErrPDU},
		{"octets behind", get(nil) + "00", ErrPDU},
		{"version 2", get(map[string]string{"version": "020101"}), ErrVersion},
		{"version is a string", get(map[string]string{"version": "040100"}), ErrPDU},
		{"community", get(map[string]string{"community": "0404494c4d50"}), ErrCommunity},
		{"no community", get(map[string]string{"community": "0400"}), ErrCommunity},
		{"GetBulk", get(map[string]string{"type": "a5"}), ErrPDU},
		{"primitive PDU", get(map[string]string{"type": "80"}), ErrPDU},
		{"id is a string", get(map[string]string{"id": "040101"}), ErrPDU},
		{"id of no octets", get(map[string]string{"pdu": "18", "id": "0200"}), ErrPDU},
		{"id of 33 bits", get(map[string]string{"pdu": "1d", "id": "02050100000000"}), ErrPDU},
		{"NULL with an octet", get(map[string]string{"pdu": "1a", "list": "300f", "binding": "300d", "value": "050100"}), ErrPDU},
		{"constructed value", get(map[string]string{"value": "3000"}), ErrPDU},
		{"binding is a set", get(map[string]string{"binding": "310c"}), ErrPDU},
		{"list is a string", get(map[string]string{"list": "040e"}), ErrPDU},
		{"name is a string", get(map[string]string{"name": "04082b06010201010300"}), ErrPDU},
		{"trap like a request", get(map[string]string{"type": "a4"}), ErrPDU},
		{"too long", strings.Repeat("00", MaxPDU+1), ErrLength},
	} {
		t.Run(tt.name, func(t *testing.T) {
			octets, err := hex.DecodeString(fixLength(tt.hex, tt.name != "cut" && tt.name != "octets behind"))
			if err != nil {
				t.Fatal(err)
			}
			p, err := Decode(octets)
			if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Fatalf("%+v, %v, want %v", p, err, tt.want)
			}
			if err == nil && (p.RequestID != 1 || p.Bindings[0].Name.Compare(oidSysUpTime) != 0) {
				t.Errorf("%+v", p)
			}
		})
	}
}

// fixLength makes the outermost length fit.
func fixLength(text string, fix bool) string {
	if !fix || !strings.HasPrefix(text, "30") {
		return text
	}
	head := 4
	switch text[2:4] {
	case "81":
		head = 6
	case "82":
		head = 8
	}
	return text[:head-2] + fmt.Sprintf("%02x", (len(text)-head)/2) + text[head:]
}

// What cannot be written is refused, and nothing is longer than 484 octets
// (af-ilmi-0065, 7).
func TestEncodeRefuses(t *testing.T) {
	name := oidSysDescr
	for _, p := range []PDU{
		{Type: numPDUTypes}, {Type: Trap}, {Bindings: []Binding{{OID{1}, Value{Kind: Null}}}}, {Bindings: []Binding{{OID{3, 1}, Value{Kind: Null}}}},
		{Bindings: []Binding{{name, Value{Kind: ObjectIdentifier}}}}, {Bindings: []Binding{{name, Value{Kind: Gauge, Number: -1}}}},
		{Bindings: []Binding{{name, Value{Kind: Integer, Number: 1 << 31}}}}, {Bindings: []Binding{{name, Value{Kind: 0x1F}}}},
	} {
		if octets, err := Encode(p); !errors.Is(err, ErrPDU) {
			t.Errorf("%+v: %x, %v", p, octets, err)
		}
	}
	fits := 0
	for n := 400; n < 500; n++ {
		octets, err := Encode(PDU{Type: GetResponse, Bindings: []Binding{{name, octetString(strings.Repeat("x", n))}}})
		if err == nil {
			fits = len(octets)
		} else if !errors.Is(err, ErrLength) {
			t.Fatal(err)
		}
	}
	if fits != MaxPDU {
		t.Errorf("the longest PDU has %d octets", fits)
	}
}
