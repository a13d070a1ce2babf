package region

import (
	"sync/atomic"
	"unsafe"
)

// word views a word of shared memory; off is a multiple of 4, and mem is aligned.
func word(mem []byte, off int) *atomic.Uint32 {
	return (*atomic.Uint32)(unsafe.Pointer(&mem[off : off+4][0]))
}
