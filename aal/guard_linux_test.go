package aal

import (
	"syscall"
	"testing"
)

// guarded gives memory of whole pages between two pages that fault.
func guarded(t *testing.T, pages int) []byte {
	t.Helper()
	size := syscall.Getpagesize()
	m, err := syscall.Mmap(-1, 0, (pages+2)*size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Skipf("no memory to guard: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Munmap(m) })
	for _, page := range [][]byte{m[:size], m[len(m)-size:]} {
		if err := syscall.Mprotect(page, syscall.PROT_NONE); err != nil {
			t.Skipf("no guard pages: %v", err)
		}
	}
	return m[size : len(m)-size]
}

// No form of the CRC and neither loop over cells touches an octet before or
// after its slices: at the edges of the memory that would fault.
func TestNothingBeyondTheSlices(t *testing.T) {
	sduMemory, cellMemory, pduMemory := guarded(t, 1), guarded(t, 2), guarded(t, 1)
	for n := 1; n <= 700; n++ {
		sdu := sduMemory[len(sduMemory)-n:]
		copy(sdu, pattern(n))
		want := crc32Bytewise(crc32Preset, sdu)
		withFeatures(func(name string) {
			if crc32Update(crc32Preset, sdu) != want {
				t.Fatalf("CRC of %d octets, %s", n, name)
			}
		})
		cells := cellMemory[len(cellMemory)-AAL5Cells(n)*CellSize:]
		wire := cellMemory[:AAL5Cells(n)*WireCellSize]
		pdu := pduMemory[len(pduMemory)-AAL5PDUSize(n):]
		var s Segmenter
		var r Reassembler
		for range 2 {
			if err := s.Start(MakeHeader(VC{0, 100}, 0, false), sdu, 0, 0); err != nil {
				t.Fatal(err)
			}
			s.Cells(cells)
			r.Start(pdu)
			if _, ev := r.Push(cells); ev != EvPDU {
				t.Fatalf("%d octets: %v", n, ev)
			}
			pdu = pduMemory[:AAL5PDUSize(n)]
		}
		if err := s.Start(MakeHeader(VC{0, 100}, 0, false), sdu, 0, 0); err != nil {
			t.Fatal(err)
		}
		s.WireCells(wire)
		r.Start(pdu)
		if _, ev := r.PushWire(wire); ev != EvPDU {
			t.Fatalf("%d octets, wire form: %v", n, ev)
		}
	}
}
