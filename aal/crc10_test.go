package aal

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"testing"
)

// crc10Bitwise divides bit by bit, as I.610 states it; the reference for the
// table.
func crc10Bitwise(p []byte, nbits int) uint16 {
	var reg uint16
	for i := range nbits {
		bit := uint16(p[i/8]>>(7-i%8)) & 1
		top := reg >> 9 & 1
		reg = reg << 1 & 0x3FF
		if top^bit == 1 {
			reg ^= 0x233
		}
	}
	return reg
}

func TestCRC10Check(t *testing.T) {
	if got := CRC10([]byte("123456789")); got != 0x199 {
		t.Errorf("CRC-10 of 123456789 = %03X, want 199", got)
	}
}

// The cells of the vectors: octets first in the information field, then 6A up
// to octet 46, then the EDC.
func TestCRC10Vectors(t *testing.T) {
	loop := "1801" + "00000001" + "ffffffffffffffffffffffffffffffff"
	for _, tt := range []struct{ name, first, edc string }{
		{"AIS", "10", "03b9"},
		{"RDI", "11", "00af"},
		{"CC", "14", "0387"},
		{"loopback", loop, "0309"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := payload6A(unhex(t, tt.first))
			PutCRC10(whole(p), 0)
			if got := hex.EncodeToString(p[46:]); got != tt.edc {
				t.Errorf("EDC %s, want %s", got, tt.edc)
			}
			if !CheckCRC10(p) {
				t.Error("CheckCRC10 rejects it")
			}
			p[20] ^= 4
			if CheckCRC10(p) {
				t.Error("CheckCRC10 accepts a flipped bit")
			}
		})
	}
}

func TestCRC10AgainstBitwise(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 1))
	for n := range 100 {
		p := randomOctets(rng, n)
		if got, want := CRC10(p), crc10Bitwise(p, 8*n); got != want {
			t.Fatalf("%d octets: %03X, want %03X", n, got, want)
		}
	}
	for range 1000 {
		p := randomOctets(rng, PayloadSize)
		six := uint8(rng.Uint32()) & 63
		PutCRC10(whole(p), six)
		if p[46]>>2 != six {
			t.Fatalf("six bits %02X, want %02X", p[46]>>2, six)
		}
		if got, want := uint16(p[46]&3)<<8|uint16(p[47]), crc10Bitwise(p, 374); got != want {
			t.Fatalf("CRC over 374 bits %03X, want %03X", got, want)
		}
		if CheckCRC10(p) != (crc10Bitwise(p, 384) == 0) || !CheckCRC10(p) {
			t.Fatal("CheckCRC10 rejects its own")
		}
	}
}

// The remainder is linear in the bits, so that these 384 payloads of one bit
// each, and random ones for the sums, prove the folding.
func TestCRC10Folding(t *testing.T) {
	fold := func(p []byte) uint16 {
		var w [6]uint64
		for i := range w {
			w[i] = binary.BigEndian.Uint64(p[8*i:])
		}
		return crc10Cell(w[0], w[1], w[2], w[3], w[4], w[5])
	}
	for bit := range 384 {
		p := make([]byte, PayloadSize)
		p[bit/8] = 0x80 >> (bit % 8)
		if got, want := fold(p), crc10Bitwise(p, 384); got != want {
			t.Errorf("bit %d: %03X, want %03X", bit, got, want)
		}
	}
	rng := rand.New(rand.NewPCG(10, 2))
	for range 1000 {
		p := randomOctets(rng, PayloadSize)
		if got, want := fold(p), crc10Bitwise(p, 384); got != want {
			t.Fatalf("%x: %03X, want %03X", p, got, want)
		}
	}
}

// The code has distance 4 over 384 bits: every one-bit and two-bit error is
// found.
func TestCRC10FindsOneAndTwoBits(t *testing.T) {
	p := payload6A([]byte{0x10})
	PutCRC10(whole(p), 0)
	for i := range 384 {
		p[i/8] ^= 0x80 >> (i % 8)
		if CheckCRC10(p) {
			t.Fatalf("bit %d flipped, not found", i)
		}
		for j := range i {
			p[j/8] ^= 0x80 >> (j % 8)
			if CheckCRC10(p) {
				t.Fatalf("bits %d and %d flipped, not found", i, j)
			}
			p[j/8] ^= 0x80 >> (j % 8)
		}
		p[i/8] ^= 0x80 >> (i % 8)
	}
}

func FuzzCRC10(f *testing.F) {
	f.Add([]byte("123456789"))
	f.Add(make([]byte, PayloadSize))
	f.Fuzz(func(t *testing.T, p []byte) {
		if got, want := CRC10(p), crc10Bitwise(p, 8*len(p)); got != want {
			t.Fatalf("%03X, want %03X", got, want)
		}
	})
}

func BenchmarkCRC10Check(b *testing.B) {
	p := payload6A([]byte{0x10})
	PutCRC10(whole(p), 0)
	b.ReportAllocs()
	b.SetBytes(PayloadSize)
	for b.Loop() {
		if !CheckCRC10(p) {
			b.Fatal("wrong")
		}
	}
}

// payload6A gives a payload of 6A that starts with first (I.610, 10.1).
func payload6A(first []byte) []byte {
	p := make([]byte, PayloadSize)
	for i := range p {
		p[i] = 0x6A
	}
	copy(p, first)
	return p
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	p, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func randomOctets(rng *rand.Rand, n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(rng.Uint32())
	}
	return p
}
