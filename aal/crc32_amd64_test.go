//go:build !purego

package aal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// withFeatures runs f with each set of processor features that is there.
func withFeatures(f func(name string)) {
	clmul, vpclmul, avx := useCLMUL, useVPCLMUL, useAVX
	defer func() { useCLMUL, useVPCLMUL, useAVX = clmul, vpclmul, avx }()
	useCLMUL, useVPCLMUL, useAVX = false, false, false
	f("generic")
	useAVX = avx
	if useCLMUL = clmul; clmul {
		f("CLMUL")
	}
	if useVPCLMUL = vpclmul; vpclmul {
		f("VPCLMUL")
	}
}

// Every length and alignment, each form called directly where its length
// allows, against the reference.
func TestCRC32FormsAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 3000)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	for n := range 2500 {
		p := b[n%67:][:n]
		reg := rng.Uint32()
		want := crc32Bytewise(reg, p)
		if got := crc32Slicing(reg, p); got != want {
			t.Fatalf("slicing, %d octets: %08X, want %08X", n, got, want)
		}
		if odd := n % 16; useCLMUL && n >= 16 && (odd == 0 || odd > 3) {
			if got := crc32CLMUL(reg, p); got != want {
				t.Fatalf("CLMUL, %d octets: %08X, want %08X", n, got, want)
			}
		}
		if odd := n % 64; useVPCLMUL && n >= 64 && (odd == 0 || odd > 3) {
			if got := crc32VPCLMUL(reg, p); got != want {
				t.Fatalf("VPCLMUL, %d octets: %08X, want %08X", n, got, want)
			}
		}
	}
}

func TestCRC32VectorsWithEveryFeature(t *testing.T) {
	withFeatures(func(name string) {
		t.Run(name, TestAAL5CRCVectors)
	})
}

func FuzzCRC32Forms(f *testing.F) {
	for _, n := range []int{0, 1, 15, 16, 17, 19, 20, 48, 63, 64, 65, 255, 256, 257, 1500, 9180} {
		f.Add(uint32(crc32Preset), pattern(n))
	}
	f.Fuzz(func(t *testing.T, reg uint32, p []byte) {
		want := crc32Bytewise(reg, p)
		withFeatures(func(name string) {
			if got := crc32Update(reg, p); got != want {
				t.Errorf("%s, %d octets: %08X, want %08X", name, len(p), got, want)
			}
		})
	})
}

func BenchmarkCRC32Forms(b *testing.B) {
	for _, n := range []int{16, 48, 64, 96, 128, 192, 256, 384, 512, 1024, 1500, 9180, 65535} {
		p := pattern(n)
		for _, form := range []struct {
			name string
			f    func(uint32, []byte) uint32
			on   bool
		}{
			{"slicing", crc32Slicing, true},
			{"clmul", crc32CLMUL, useCLMUL},
			{"vpclmul", crc32VPCLMUL, useVPCLMUL && n >= 64},
		} {
			if !form.on {
				continue
			}
			b.Run(fmt.Sprintf("size=%d/form=%s", n, form.name), func(b *testing.B) {
				b.SetBytes(int64(n))
				for b.Loop() {
					form.f(crc32Preset, p)
				}
			})
		}
	}
}

// Segmentation and reassembly with every set of features, all lengths up to
// a few cells and one long PDU.
func TestAAL5WithEveryFeature(t *testing.T) {
	withFeatures(func(name string) {
		t.Run(name, func(t *testing.T) {
			for n := 1; n <= 300; n++ {
				identity(t, n)
			}
			identity(t, 9180)
			identity(t, MaxSDU)
		})
	})
}

// The loops in assembly against the generic ones: cells of random headers,
// and not an octet beyond those they may write.
func TestRunLoopsAgree(t *testing.T) {
	if !useAVX {
		t.Skip("no AVX")
	}
	rng := rand.New(rand.NewPCG(3, 4))
	const guard = 64
	for range 20000 {
		n, size := 1+rng.IntN(8), CellSize+rng.IntN(2)
		src := make([]byte, n*size)
		for i := range src {
			src[i] = byte(rng.Uint32())
		}
		for i := range n {
			if rng.IntN(8) > 0 {
				src[i*size+3] &^= stopBits
			}
		}
		a, b := make([]byte, n*PayloadSize+guard), make([]byte, n*PayloadSize+guard)
		ka, seenA := gatherAVX(&a[0], &src[0], n, size)
		kb, seenB := gatherGeneric(b, src, size, n)
		if ka != kb || seenA != seenB || !bytes.Equal(a, b) {
			t.Fatalf("gather of %d cells: %d %02X, want %d %02X", n, ka, seenA, kb, seenB)
		}
		h := Header(rng.Uint32())
		a, b = make([]byte, n*size+guard), make([]byte, n*size+guard)
		spreadAVX(&a[0], &src[0], n, size, headerWord(h, size))
		spreadGeneric(b, src, h, size, n)
		if !bytes.Equal(a, b) {
			t.Fatalf("spread of %d cells differs", n)
		}
	}
}
