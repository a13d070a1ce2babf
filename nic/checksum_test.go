package nic

import (
	"bytes"
	"fmt"
	"testing"
)

// plainSum is RFC 1071, section 4.1, as it stands there.
func plainSum(p []byte) uint32 {
	sum := uint32(0)
	for ; len(p) > 1; p = p[2:] {
		sum += uint32(p[0])<<8 | uint32(p[1])
		sum = sum>>16 + sum&0xffff
	}
	if len(p) > 0 {
		sum += uint32(p[0]) << 8
	}
	return sum>>16 + sum&0xffff
}

// checkSums compares every way to sum with the plain one.
func checkSums(t *testing.T, p []byte) {
	t.Helper()
	want := plainSum(p)
	if got := sumOctets(p); got != want {
		t.Fatalf("sum of %d octets %#x, want %#x", len(p), got, want)
	}
	if got := fold(accumulateWords(p)); got != want {
		t.Fatalf("sum of %d octets in words %#x, want %#x", len(p), got, want)
	}
	dst := bytes.Repeat([]byte{0xa5}, len(p)+64)
	if got := copySum(dst, p); got != want || !bytes.Equal(dst[:len(p)], p) {
		t.Fatalf("copied sum of %d octets %#x, want %#x", len(p), got, want)
	}
	if !bytes.Equal(dst[len(p):], bytes.Repeat([]byte{0xa5}, 64)) {
		t.Fatalf("a copy of %d octets wrote beyond them", len(p))
	}
}

// The example of RFC 1071, section 3.
func TestSumExample(t *testing.T) {
	p := []byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}
	if got := sumOctets(p); got != 0xddf2 {
		t.Errorf("sum = %#x, want 0xddf2", got)
	}
	checkSums(t, p)
}

func TestSumEveryLength(t *testing.T) {
	p := make([]byte, 700)
	for _, fill := range []func(int) byte{
		func(i int) byte { return byte(i*37 + i>>8) },
		func(int) byte { return 0xff }, // carries everywhere
		func(int) byte { return 0 },
	} {
		for i := range p {
			p[i] = fill(i)
		}
		for n := range p {
			checkSums(t, p[n%9:][:min(n, len(p)-9)])
		}
	}
	checkSums(t, bytes.Repeat([]byte{0xff}, 1<<17))
}

func FuzzSum(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1})
	f.Add(bytes.Repeat([]byte{0xff, 0xfe}, 100))
	f.Add(bytes.Repeat([]byte{0xff}, 129))
	f.Fuzz(func(t *testing.T, p []byte) { checkSums(t, p) })
}

func BenchmarkSum(b *testing.B) {
	for _, size := range []int{20, 64, 128, 576, 1448, 8960, 65160} {
		src, dst := bytes.Repeat([]byte{0x5a, 0x3c}, size/2), make([]byte, size)
		for name, f := range map[string]func(){
			"words":     func() { accumulateWords(src) },
			"chosen":    func() { accumulate(src) },
			"copy":      func() { copy(dst, src) },
			"copywords": func() { copy(dst, src); accumulateWords(dst) },
			"copysum":   func() { accumulateCopy(dst, src) },
		} {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				b.SetBytes(int64(size))
				for b.Loop() {
					f()
				}
			})
		}
	}
}
