package ring

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// aligned is zero memory at an address that is a multiple of 64.
func aligned(n int) []byte {
	mem := make([]byte, n+64)
	for uintptr(unsafe.Pointer(unsafe.SliceData(mem)))%64 != 0 {
		mem = mem[1:]
	}
	return mem[:n]
}

// TestOverSharedMemory: each side made by itself over the same memory, as two processes do.
func TestOverSharedMemory(t *testing.T) {
	mem := aligned(Octets[[3]uint32](8))
	p, _, err := NewOver[[3]uint32](mem, 8)
	if err != nil {
		t.Fatal(err)
	}
	_, c, err := NewOver[[3]uint32](mem, 8)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	put, got := uint32(0), uint32(0)
	for got < 10000 {
		for range r.IntN(12) {
			if p.Put([3]uint32{put, ^put}) {
				put++
			} else if put-got < 8 {
				t.Fatal("full with room in it")
			}
		}
		p.Publish()
		for range r.IntN(12) {
			if v, ok := c.Get(); ok {
				if v[0] != got || v[1] != ^got {
					t.Fatalf("%v, want %d", v, got)
				}
				got++
			}
		}
		c.Release()
	}
	if p.Broken() || c.Broken() {
		t.Error("a good ring is called broken")
	}
}

func TestOverRefuses(t *testing.T) {
	mem := aligned(Octets[uint64](8))
	for name, err := range map[string]error{
		"short":        third(NewOver[uint64](mem[:len(mem)-1], 8)),
		"misaligned":   third(NewOver[uint64](aligned(len(mem) + 64)[8:], 8)),
		"no power":     third(NewOver[uint64](mem, 7)),
		"with pointer": third(NewOver[struct{ P [2]*int }](aligned(4096), 8)),
		"with slice":   third(NewOver[[]byte](aligned(4096), 8)),
		"nothing":      third(NewOver[uint64](nil, 8)),
	} {
		if err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func third[A, B any](_ A, _ B, err error) error { return err }

// FuzzForeignIndices has the other side write anything over its index, again and again: no
// panic, never more entries or room than there are, and what was noticed stays so.
func FuzzForeignIndices(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 9, 255, 255, 255, 255, 255, 255, 255, 255})
	f.Add([]byte{0, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		mem := aligned(Octets[uint32](8))
		p, c, err := NewOver[uint32](mem, 8)
		if err != nil {
			t.Fatal(err)
		}
		for len(script) >= 9 {
			word := tailOffset
			if script[0]&1 != 0 {
				word = headOffset
			}
			binary.NativeEndian.PutUint64(mem[word:], binary.LittleEndian.Uint64(script[1:]))
			script = script[9:]
			if n := c.Len(); n < 0 || n > 8 {
				t.Fatalf("%d entries wait in a ring of 8", n)
			}
			if n := p.Free(); n < 0 || n > 8 {
				t.Fatalf("room for %d in a ring of 8", n)
			}
			broken := c.Broken()
			for range 3 {
				c.Get()
				p.Put(1)
			}
			c.Release()
			p.Publish()
			if broken && !c.Broken() {
				t.Fatal("mended by itself")
			}
		}
	})
}
