package aal

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

// TM 4.1, 5.10.3: every field at its place.
func TestRMCell(t *testing.T) {
	c := RMCell{
		ID: RMProtocolABR, Backward: true, Congestion: true, Request: true,
		ER: MakeRate16(353207), CCR: MakeRate16(1), MCR: 0, QL: 0x01020304, SN: 0x05060708,
	}
	p := make([]byte, PayloadSize)
	if err := c.Encode(p); err != nil {
		t.Fatal(err)
	}
	// 353,207 is 2^18 (1 + 177/512) and a little more.
	want := payload6A(unhex(t, "01"+"a8"+"64b1"+"4000"+"0000"+"01020304"+"05060708"))
	if !bytes.Equal(p[:46], want[:46]) || !CheckCRC10(p) || p[46]>>2 != 0 {
		t.Errorf("payload %x\nwant    %x", p, want)
	}
	var d RMCell
	if err := d.Decode(p); err != nil || d != c {
		t.Errorf("decoded %+v (%v), want %+v", d, err, c)
	}
	text := "RM, id 1, backward CI RA, ER 352768, CCR 1, MCR 0, QL 16909060, SN 84281096"
	if d.String() != text {
		t.Errorf("prints %s\nwant   %s", &d, text)
	}
	p[3] ^= 1
	if err := d.Decode(p); !errors.Is(err, ErrCRC10) {
		t.Errorf("flipped bit: %v", err)
	}
	if err := d.Decode(p[:40]); !errors.Is(err, ErrPayloadSize) {
		t.Errorf("short: %v", err)
	}
	if err := d.Encode(p[:40]); !errors.Is(err, ErrPayloadSize) {
		t.Errorf("short: %v", err)
	}
}

func TestRMCellBits(t *testing.T) {
	for _, tt := range []struct {
		name string
		cell RMCell
		want byte
	}{
		{"DIR", RMCell{Backward: true}, 0x80},
		{"BN", RMCell{BECN: true}, 0x40},
		{"CI", RMCell{Congestion: true}, 0x20},
		{"NI", RMCell{NoIncrease: true}, 0x10},
		{"RA", RMCell{Request: true}, 0x08},
	} {
		p := make([]byte, PayloadSize)
		if err := tt.cell.Encode(p); err != nil || p[1] != tt.want {
			t.Errorf("%s: %02x (%v), want %02x", tt.name, p[1], err, tt.want)
		}
	}
}

// TM 4.1, 5.10.3: R = 2^e (1 + m/512) nz.
func TestRate16(t *testing.T) {
	for _, tt := range []struct {
		cps  uint32
		bits Rate16
		back uint32
	}{
		{0, 0, 0},
		{1, 0x4000, 1},
		{2, 0x4200, 2},
		{3, 0x4300, 3},
		{512, 0x5200, 512},
		{1023, 0x53FF, 1023},
		{1024, 0x5400, 1024},
		{1025, 0x5400, 1024},
		{1026, 0x5401, 1026},
		{353207, 0x64B1, 352768},
		{1<<32 - 1, 0x7FFF, 4290772992},
	} {
		if got := MakeRate16(tt.cps); got != tt.bits || got.CellsPerSecond() != tt.back {
			t.Errorf("%d: %04x = %v, want %04x = %d", tt.cps, uint16(got), got, uint16(tt.bits), tt.back)
		}
	}
	// A rate with nz 0 is zero whatever its mantissa; the top bit is reserved.
	if r := Rate16(0x3FFF); r.CellsPerSecond() != 0 {
		t.Errorf("nz 0: %v", r)
	}
	if r := Rate16(0xC000); r.CellsPerSecond() != 1 {
		t.Errorf("reserved bit set: %v", r)
	}
}

// MakeRate16 never gives more than was asked, and the next code gives more.
func TestRate16Rounds(t *testing.T) {
	rng := rand.New(rand.NewPCG(16, 16))
	for range 100000 {
		cps := rng.Uint32() >> (rng.Uint32() % 32)
		r := MakeRate16(cps)
		if got := r.CellsPerSecond(); got > cps || cps-got > cps>>9 {
			t.Fatalf("%d: %v", cps, r)
		}
		if cps >= 512 && r < MaxRate16 && (r+1).CellsPerSecond() <= cps {
			t.Fatalf("%d: %v is not the largest below", cps, r)
		}
	}
}

func FuzzRM(f *testing.F) {
	p := make([]byte, PayloadSize)
	c := RMCell{ID: 1, ER: 0x7FFF, QL: 1, SN: 2}
	if err := c.Encode(p); err != nil {
		f.Fatal(err)
	}
	f.Add(p)
	f.Add([]byte{1, 0x80})
	f.Fuzz(func(t *testing.T, p []byte) {
		p = bytes.Clone(p)
		if len(p) >= PayloadSize {
			PutCRC10(whole(p), p[46]>>2)
		}
		var c, d RMCell
		if c.Decode(p) != nil {
			return
		}
		again := make([]byte, PayloadSize)
		if c.Encode(again) != nil || d.Decode(again) != nil || c != d || c.String() != d.String() {
			t.Fatalf("%v became %v", &c, &d)
		}
	})
}

func BenchmarkRM(b *testing.B) {
	p := make([]byte, PayloadSize)
	c := RMCell{ID: 1, ER: 0x7FFF}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = c.Encode(p)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if c.Decode(p) != nil {
				b.Fatal("wrong")
			}
		}
	})
}
