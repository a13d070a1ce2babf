//go:build !purego

package aal

import "golang.org/x/sys/cpu"

// useAVX allows the loops in assembly; tests switch it off.
var useAVX = cpu.X86.HasAVX

// spread writes n cells of size octets with header h and the payloads at the
// start of src.
func spread(dst, src []byte, h Header, size, n int) {
	if n == 0 {
		return
	}
	if !useAVX {
		spreadGeneric(dst, src, h, size, n)
		return
	}
	// The assembly trusts its lengths: these panic first.
	_, _ = dst[n*size-1], src[n*PayloadSize-1]
	spreadAVX(&dst[0], &src[0], n, size, headerWord(h, size))
}

// gather copies to dst the payloads of at most n cells of size octets, up to
// the first that stopBits ends. It gives the cells taken and the OR of the
// last octets of their headers.
func gather(dst, cells []byte, size, n int) (k int, seen uint8) {
	if n == 0 {
		return 0, 0
	}
	if !useAVX {
		return gatherGeneric(dst, cells, size, n)
	}
	_, _ = dst[n*PayloadSize-1], cells[n*size-1]
	return gatherAVX(&dst[0], &cells[0], n, size)
}
