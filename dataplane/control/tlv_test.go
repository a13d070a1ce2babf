package control

import (
	"bytes"
	"slices"
	"testing"
)

// The octets of a trailer written by hand, element by element.
func TestTLVs(t *testing.T) {
	trailer := readGolden(t, "sock")[Size:]
	want := []struct {
		t     TLVType
		value []byte
	}{
		{0x5A, []byte{0x5A, 0x80, 0, 5, 0x88, 0, 0, 0, 0x64}},
		{0x5C, []byte{0x5C, 0xE0, 0, 2, 0, 0}},
		{0x5C, nil},
	}
	var again []byte
	r := ReadTLVs(trailer)
	for _, w := range want {
		if !r.Next() || r.Type() != w.t || !bytes.Equal(r.Value(), w.value) || !r.Type().Element() {
			t.Fatalf("%v % x, not %v % x", r.Type(), r.Value(), w.t, w.value)
		}
		var err error
		if again, err = AppendTLV(again, w.t, w.value); err != nil {
			t.Fatal(err)
		}
	}
	if r.Next() || r.Err() != nil || r.Next() {
		t.Error("more than three", r.Err())
	}
	if !bytes.Equal(again, trailer) {
		t.Errorf("% x", again)
	}
	if v, ok := FindTLV(trailer, 0x5C); !ok || len(v) != 6 {
		t.Error("the first of two", v, ok)
	}
	if _, ok := FindTLV(trailer, TLVCookie); ok {
		t.Error("found what is not there")
	}
}

// The typed values, by hand.
func TestTypedTLVs(t *testing.T) {
	traffic := Traffic{
		ForwardService: ServiceVBR, ForwardFlags: ContractTagging | ContractCLP0,
		ForwardPCR0: 1, ForwardPCR01: 2, ForwardSCR: 3, ForwardMBS: 4, ForwardMCR: 5, ForwardCDVT: 6,
		BackwardService: ServiceUBR, BackwardFlags: ContractFrameDiscard | ContractBestEffort,
		BackwardPCR0: 7, BackwardPCR01: 8, BackwardSCR: 9, BackwardMBS: 10, BackwardMCR: 11, BackwardCDVT: 12,
	}
	wantTraffic := []byte{
		0x01, 0x00, 0, 56,
		3, 9, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6,
		0, 6, 0, 0, 0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 9, 0, 0, 0, 10, 0, 0, 0, 11, 0, 0, 0, 12,
	}
	for _, c := range []struct {
		name string
		make func([]byte) ([]byte, error)
		back func([]byte) bool
		want []byte
	}{
		{"traffic", traffic.Append, func(v []byte) bool { x, err := ParseTraffic(v); return err == nil && x == traffic }, wantTraffic},
		{"max sdu", (&MaxSDU{9188, 48}).Append, func(v []byte) bool { x, err := ParseMaxSDU(v); return err == nil && x == MaxSDU{9188, 48} },
			[]byte{1, 1, 0, 4, 0x23, 0xE4, 0, 48}},
		{"leaf", (&Leaf{0x7FFF}).Append, func(v []byte) bool { x, err := ParseLeaf(v); return err == nil && x == Leaf{0x7FFF} },
			[]byte{1, 2, 0, 4, 0, 0, 0x7F, 0xFF}},
		{"second end", (&SecondEnd{1, 4095, 65535}).Append,
			func(v []byte) bool { x, err := ParseSecondEnd(v); return err == nil && x == SecondEnd{1, 4095, 65535} },
			[]byte{1, 3, 0, 6, 0, 1, 0x0F, 0xFF, 0xFF, 0xFF, 0, 0}},
		{"ring", (&Ring{1, 2, 3}).Append, func(v []byte) bool { x, err := ParseRing(v); return err == nil && x == Ring{1, 2, 3} },
			[]byte{1, 5, 0, 16, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3}},
		{"ports", func(b []byte) ([]byte, error) { return AppendPorts(b, []uint16{1, 258, 3}) },
			func(v []byte) bool {
				x, err := ParsePorts(v)
				return err == nil && slices.Equal(x, []uint16{1, 258, 3})
			},
			[]byte{1, 7, 0, 6, 0, 1, 1, 2, 0, 3, 0, 0}},
	} {
		got, err := c.make([]byte("head"))
		if err != nil || !bytes.Equal(got, append([]byte("head"), c.want...)) {
			t.Errorf("%s: % x, %v", c.name, got, err)
			continue
		}
		r := ReadTLVs(got[4:])
		if !r.Next() || !c.back(r.Value()) {
			t.Errorf("%s is not read back", c.name)
		}
		if c.name != "ports" && c.back(r.Value()[1:]) {
			t.Errorf("%s is read from too few octets", c.name)
		}
	}
}

// Values that their types cannot have, and the ends of a trailer.
func TestTLVLimits(t *testing.T) {
	badTraffic := make([]byte, 56)
	badTraffic[3] = 1
	for _, c := range []struct {
		name  string
		t     TLVType
		value []byte
		want  error
	}{
		{"element of nothing", 0, nil, nil},
		{"cookie of 256", TLVCookie, make([]byte, 256), nil},
		{"cookie of 257", TLVCookie, make([]byte, 257), ErrTLVLength},
		{"text of nothing", TLVText, nil, nil},
		{"unknown below", 0x7FFF, []byte{1}, nil},
		{"unknown, first behind ours", 0x010B, []byte{1}, nil},
		{"unknown above", 0x8000, nil, ErrTLVUnknown},
		{"port and a half", TLVPorts, make([]byte, 3), ErrTLVLength},
		{"traffic of 55", TLVTraffic, make([]byte, 55), ErrTLVLength},
		{"traffic, reserved", TLVTraffic, badTraffic, ErrReserved},
		{"leaf of nothing", TLVLeaf, nil, ErrTLVLength},
		{"as long as fits", TLVText, make([]byte, 65528), nil},
		{"longer", TLVText, make([]byte, 65529), ErrTrailerLong},
		{"much longer", TLVText, make([]byte, 70000), ErrTrailerLong},
	} {
		out, err := AppendTLV(nil, c.t, c.value)
		if err != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
		if err == nil && (CheckTLVs(out) != nil || len(out)%4 != 0) || err != nil && len(out) > 0 {
			t.Errorf("%s: %d octets, %v", c.name, len(out), CheckTLVs(out))
		}
	}
	full, _ := AppendTLV(nil, TLVText, make([]byte, 65528))
	if _, err := AppendTLV(full, 1, nil); err != ErrTrailerLong {
		t.Error("one more into a full trailer", err)
	}
	if CheckTLVs(make([]byte, MaxTrailer+1)) != ErrTrailerLong || CheckTLVs([]byte{0, 1, 0}) != ErrTLVShort ||
		CheckTLVs([]byte{0, 1, 0, 1, 9}) != ErrTLVShort || CheckTLVs([]byte{0, 1, 0, 1, 9, 0, 0, 0}[:7]) != ErrTLVShort {
		t.Error("length of trailers")
	}
	if s := TLVType(0x5A).String() + TLVRing.String() + TLVType(0x010C).String(); s != "IE 0x5ARINGTLV 0x010C" {
		t.Error(s)
	}
}

// FuzzTLV: what is taken is written the same, and nothing panics.
func FuzzTLV(f *testing.F) {
	for _, name := range []string{"hub", "sock", "evt"} {
		f.Add(readGolden(f, name)[Size:])
	}
	f.Add([]byte{0x80, 0, 0, 0})
	f.Add([]byte{0, 1, 0, 1, 9}) // the padding is missing
	f.Add([]byte{1, 0, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, trailer []byte) {
		r := ReadTLVs(trailer)
		var again []byte
		for r.Next() {
			var err error
			if again, err = AppendTLV(again, r.Type(), r.Value()); err != nil {
				if len(trailer) > MaxTrailer {
					return
				}
				t.Fatal(err)
			}
		}
		if r.Err() == nil && !bytes.Equal(again, trailer) {
			t.Fatalf("% x\n% x", again, trailer)
		}
		if err := CheckTLVs(trailer); len(trailer) <= MaxTrailer && err != r.Err() {
			t.Fatal(err, r.Err())
		}
	})
}
