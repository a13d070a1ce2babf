package aal

import (
	"encoding/binary"
	"math/bits"
)

// The two loops that every octet of AAL5 goes through: payloads to cells and
// back. Both exist in assembly too.

// stopBits of the last octet of a header end a run: no user cell, or AUU.
const stopBits = headerOAM | headerAUU

// headerWord gives the first octets of a cell as a little-endian word: the
// header, and the HEC behind it, which in 52-octet cells the payload covers.
func headerWord(h Header, size int) uint64 {
	word := uint64(bits.ReverseBytes32(uint32(h)))
	if size == WireCellSize {
		word |= uint64(h.HEC()) << 32
	}
	return word
}

// spreadGeneric writes n cells of size octets with header h and the payloads
// at the start of src.
func spreadGeneric(dst, src []byte, h Header, size, n int) {
	word := headerWord(h, size)
	for range n {
		c := dst[:size]
		binary.LittleEndian.PutUint64(c, word)
		*(*[PayloadSize]byte)(c[size-PayloadSize:]) = *(*[PayloadSize]byte)(src)
		dst, src = dst[size:], src[PayloadSize:]
	}
}

// gatherGeneric copies to dst the payloads of at most n cells of size octets,
// up to the first that stopBits ends. It gives the cells taken and the OR of
// the last octets of their headers.
func gatherGeneric(dst, cells []byte, size, n int) (k int, seen uint8) {
	for k < n {
		c := cells[:size]
		last := c[HeaderSize-1]
		if last&stopBits != 0 {
			break
		}
		*(*[PayloadSize]byte)(dst) = *(*[PayloadSize]byte)(c[size-PayloadSize:])
		seen |= last
		dst, cells = dst[PayloadSize:], cells[size:]
		k++
	}
	return k, seen
}
