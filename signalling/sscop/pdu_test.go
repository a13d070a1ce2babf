package sscop

import (
	"bufio"
	"bytes"
	"embed"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// 7.2.2: the figures of the PDUs, bit by bit.
func TestFormats(t *testing.T) {
	for _, c := range []struct {
		name string
		pdu  PDU
		hex  string
	}{
		{"BGN", PDU{Type: BGN, SQ: 0xA5, MR: 0x123456}, "000000a5 01123456"},
		{"BGN with UU", PDU{Type: BGN, SQ: 1, MR: 30, Data: []byte("ab")}, "61620000 00000001 8100001e"},
		{"BGAK", PDU{Type: BGAK, MR: 0x123456, Data: []byte("abc")}, "61626300 00000000 42123456"},
		{"BGREJ", PDU{Type: BGREJ, Data: []byte("a")}, "61000000 00000000 c7000000"},
		{"END by the user", PDU{Type: END}, "00000000 03000000"},
		{"END by SSCOP", PDU{Type: END, Source: SourceSSCOP}, "00000000 13000000"},
		{"ENDAK", PDU{Type: ENDAK}, "00000000 04000000"},
		{"RS", PDU{Type: RS, SQ: 255, MR: 1, Data: []byte("abcd")}, "61626364 000000ff 05000001"},
		{"RSAK", PDU{Type: RSAK, MR: 0xFFFFFF}, "00000000 06ffffff"},
		{"ER", PDU{Type: ER, SQ: 2, MR: 3}, "00000002 09000003"},
		{"ERAK", PDU{Type: ERAK, MR: 3}, "00000000 0f000003"},
		{"SD", PDU{Type: SD, S: 0xABCDEF, Data: []byte("hello")}, "68656c6c 6f000000 c8abcdef"},
		{"POLL", PDU{Type: POLL, PS: 0x111111, S: 0x222222}, "00111111 0a222222"},
		{"STAT", PDU{Type: STAT, PS: 1, MR: 2, R: 3, List: List(nil).Add(3).Add(5)}, "00000003 00000005 00000001 00000002 0b000003"},
		{"USTAT", PDU{Type: USTAT, MR: 2, R: 3, List: List(nil).Add(3).Add(5)}, "00000003 00000005 00000002 0c000003"},
		{"UD", PDU{Type: UD, Data: []byte("hello")}, "68656c6c 6f000000 cd000000"},
		{"MD", PDU{Type: MD, Data: []byte("hell")}, "68656c6c 0e000000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			want, err := hex.DecodeString(strings.ReplaceAll(c.hex, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			if got := encode(t, c.pdu); !bytes.Equal(got, want) {
				t.Errorf("encoded as %x, want %x", got, want)
			}
			if got, err := Decode(want); err != nil || !reflect.DeepEqual(got, c.pdu) {
				t.Errorf("decoded as %+v, %v", got, err)
			}
		})
	}
}

// 7.2.4: invalid PDUs.
func TestInvalidPDUs(t *testing.T) {
	for _, c := range []struct {
		name, hex string
		err       error
	}{
		{"nothing", "", ErrPDULength},
		{"not whole words", "000000000400", ErrPDULength},
		{"type 0", "0000000000000000", ErrPDUType},
		{"BGN of one word", "01000000", ErrPDULength},
		{"more padding than data", "c8000000", ErrPDULength},
		{"ENDAK with data", "000000000000000004000000", ErrPDULength},
		{"POLL with data", "00000000000000000a000000", ErrPDULength},
		{"STAT of two words", "000000000b000000", ErrPDULength},
		{"USTAT with one element", "0000000000000000" + "0c000000", ErrPDULength},
		{"USTAT with three elements", strings.Repeat("00000000", 4) + "0c000000", ErrPDULength},
	} {
		b, _ := hex.DecodeString(c.hex)
		if _, err := Decode(b); err != c.err {
			t.Errorf("%s: %v, want %v", c.name, err, c.err)
		}
	}
	if _, err := Decode(make([]byte, MaxPDUSize+4)); err != ErrPDULength {
		t.Errorf("longer than AAL5 carries: %v", err)
	}
}

// What no PDU can hold is refused, and leaves the slice as it was.
func TestAppendRefuses(t *testing.T) {
	for _, p := range []PDU{
		{}, {Type: 16}, {Type: 24},
		{Type: SD, Data: make([]byte, MaxPDUSize-3)},
		{Type: USTAT, List: List(nil).Add(1)},
		{Type: STAT, List: List{1, 2, 3}},
		{Type: STAT, List: make(List, MaxPDUSize-8)},
	} {
		dst := []byte("before")
		if got, err := Append(dst, &p); err == nil || string(got) != "before" {
			t.Errorf("type %v: %q, %v", p.Type, got, err)
		}
	}
	if !strings.Contains(PDUType(0).String()+State(99).String()+Kind(99).String(), "99") {
		t.Error("unknown values print as nothing")
	}
}

//go:embed testdata/recorded
var recorded embed.FS

// recordings gives the SSCOP PDUs that linux-atm's atmsigd sent, by file.
func recordings(t testing.TB) map[string][][]byte {
	t.Helper()
	dir, err := recorded.ReadDir("testdata/recorded")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][][]byte{}
	for _, e := range dir {
		text, err := recorded.ReadFile("testdata/recorded/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(bytes.NewReader(text))
		for lines.Scan() {
			if line, _, _ := strings.Cut(lines.Text(), "#"); strings.TrimSpace(line) != "" {
				b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(line), " ", ""))
				if err != nil {
					t.Fatalf("%s: %v", e.Name(), err)
				}
				all[e.Name()] = append(all[e.Name()], b)
			}
		}
	}
	return all
}

// What another implementation sent decodes, and encodes to the same octets.
func TestRecordings(t *testing.T) {
	total, kinds := 0, map[PDUType]int{}
	for name, pdus := range recordings(t) {
		for i, b := range pdus {
			p, err := Decode(b)
			if err != nil {
				t.Errorf("%s, PDU %d: %v", name, i, err)
				continue
			}
			if got := encode(t, p); !bytes.Equal(got, b) {
				t.Errorf("%s, PDU %d: %x became %x", name, i, b, got)
			}
			total++
			kinds[p.Type]++
		}
	}
	for _, k := range []PDUType{BGN, BGAK, END, ENDAK, RSAK, SD, ER, POLL, STAT, USTAT} {
		if kinds[k] == 0 {
			t.Errorf("no %v among the recordings", k)
		}
	}
	t.Logf("%d PDUs: %v", total, kinds)
}

// randomPDU fills the fields that a type has.
func randomPDU(rng *rand.Rand, typ PDUType) PDU {
	seq := func() uint32 { return rng.Uint32() & seqMask }
	p := PDU{Type: typ}
	switch typ {
	case BGN, RS, ER:
		p.SQ, p.MR = uint8(rng.Uint32()), seq()
	case BGAK, RSAK, ERAK:
		p.MR = seq()
	case END:
		p.Source = Source(rng.IntN(2))
	case SD:
		p.S = seq()
	case POLL:
		p.PS, p.S = seq(), seq()
	case STAT:
		p.PS, p.MR, p.R = seq(), seq(), seq()
		for range rng.IntN(6) {
			p.List = p.List.Add(seq())
		}
	case USTAT:
		p.MR, p.R, p.List = seq(), seq(), List(nil).Add(seq()).Add(seq())
	}
	if shapes[typ].data && rng.IntN(4) > 0 {
		p.Data = make([]byte, 1+rng.IntN(40))
		for i := range p.Data {
			p.Data[i] = byte(rng.Uint32())
		}
	}
	return p
}

// fieldsOf gives what tshark must find in p, in the order of its columns:
// type, N(SQ), N(MR), N(S), N(PS), N(R), list elements, padding, source, octets
// of data.
func fieldsOf(p PDU) string {
	f := make([]string, 9)
	put := func(i int, v any) { f[i] = fmt.Sprint(v) }
	switch p.Type {
	case BGN, RS, ER:
		put(0, p.SQ)
		put(1, p.MR)
	case BGAK, RSAK, ERAK:
		put(1, p.MR)
	case SD:
		put(2, p.S)
	case END:
		put(7, map[Source]string{SourceUser: "User", SourceSSCOP: "SSCOP"}[p.Source])
	case POLL:
		put(2, p.S)
		put(3, p.PS)
	case STAT:
		put(1, p.MR)
		put(3, p.PS)
		put(4, p.R)
	case USTAT:
		put(1, p.MR)
		put(4, p.R)
	}
	var list []string
	for i := range p.List.Len() {
		list = append(list, fmt.Sprint(p.List.At(i)))
	}
	f[5] = strings.Join(list, ",")
	if shapes[p.Type].data && p.Type != MD { // tshark shows of MD its type only
		put(6, -len(p.Data)&3)
	}
	if p.Type == SD && len(p.Data) > 0 { // of the others tshark shows no data
		put(8, len(p.Data))
	}
	return fmt.Sprintf("0x%02x|%s", uint8(p.Type), strings.Join(f, "|"))
}
