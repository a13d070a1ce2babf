package dataplane

import (
	"testing"
	"unsafe"
)

// What a putnext touches of a queue is in one cache line, where the allocator begins a cell
// at one: it does for a size of whole lines.
func TestCellLayout(t *testing.T) {
	var c cell
	if n := unsafe.Sizeof(c); n%(2*cacheLine) != cacheLine {
		t.Errorf("a cell has %d octets, which is no odd number of lines", n)
	}
	for name, q := range map[string]*Queue{"up": &c.up, "down": &c.down} {
		at := uintptr(unsafe.Pointer(q)) - uintptr(unsafe.Pointer(&c))
		last := at + unsafe.Offsetof(q.hub) + unsafe.Sizeof(q.hub) - 1
		if at/cacheLine != last/cacheLine {
			t.Errorf("%s: octets %d to %d are in two lines", name, at, last)
		}
	}
	if unsafe.Offsetof(c.proc)/cacheLine != unsafe.Offsetof(c.up)/cacheLine {
		t.Error("a process is not where its way up is")
	}
}
