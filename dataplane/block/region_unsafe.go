package block

import "unsafe"

// Region is all memory of the arena, to be registered with a device that keeps frames. Its
// address is that of a page.
func (a *Arena) Region() []byte { return a.mem }

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
	size := uintptr(a.chunk)
	if from := at % size; from+uintptr(len(piece)) <= size {
		return ID(1 + at/size), int(from)
	}
	return 0, 0
}
