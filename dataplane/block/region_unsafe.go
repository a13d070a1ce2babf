package block

import "unsafe"

// Region is the memory of all blocks of a size, one after the other: whole pages, for a
// device of the kernel whose frames lie in it.
func (a *Arena) Region(s Size) []byte {
	r := &a.regions[s]
	return a.mem[r.base : r.base+int(r.blocks)<<r.shift]
}

// Memory is all the memory of a block of the arena, to be posted to such a device.
func (a *Arena) Memory(b ID) []byte { return a.memory(b) }

// At is the block that a piece of the region lies in, and where in its memory it begins; 0
// for what is no such piece, or lies in two.
func (a *Arena) At(piece []byte) (b ID, from int) {
	if len(a.mem) == 0 || cap(piece) == 0 {
		return 0, 0
	}
	at := uintptr(unsafe.Pointer(unsafe.SliceData(piece))) - uintptr(unsafe.Pointer(unsafe.SliceData(a.mem)))
	if at >= uintptr(len(a.mem)) { // below it wraps
		return 0, 0
	}
	for i := range a.regions {
		r := &a.regions[i]
		n := at - uintptr(r.base)
		if from := n & (1<<r.shift - 1); n>>r.shift < uintptr(r.blocks) && from+uintptr(len(piece)) <= 1<<r.shift {
			return ID(r.first + uint32(n>>r.shift)), int(from)
		}
	}
	return 0, 0
}
