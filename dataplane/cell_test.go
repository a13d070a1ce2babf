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
	up, down := unsafe.Offsetof(c.up), unsafe.Offsetof(c.down)
	for _, part := range []struct {
		name     string
		from, to uintptr
	}{
		{"a putnext down", down, down + unsafe.Offsetof(c.down.hub) + unsafe.Sizeof(c.down.hub)},
		{"a putnext up, and what is asked before", unsafe.Offsetof(c.proc), up + unsafe.Offsetof(c.up.first) + unsafe.Sizeof(c.up.first)},
	} {
		if part.from/cacheLine != (part.to-1)/cacheLine {
			t.Errorf("%s: octets %d to %d are in two lines", part.name, part.from, part.to-1)
		}
	}
}
