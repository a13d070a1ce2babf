//go:build !purego

package nic

import "golang.org/x/sys/cpu"

//go:generate go -C internal/asmgen run . -out ../../nic_amd64.s -stubs ../../stubs_amd64.go -pkg nic

// useAVX2: tests switch it off.
var useAVX2 = cpu.X86.HasAVX2

// minVector is the length in octets from which vectors are faster.
const minVector = 192

func accumulate(p []byte) uint64 {
	if len(p) < minVector || !useAVX2 {
		return accumulateWords(p)
	}
	whole := len(p) &^ 31
	return addTails(sumAVX2(p[:whole]), p[whole:])
}

func accumulateCopy(dst, src []byte) uint64 {
	if len(src) < minVector || !useAVX2 {
		copy(dst, src)
		return accumulateWords(src)
	}
	dst = dst[:len(src)]
	whole := len(src) &^ 31
	copy(dst[whole:], src[whole:])
	return addTails(copySumAVX2(dst[:whole], src[:whole]), src[whole:])
}

// addTails adds fewer than 32 octets to a sum of vectors, which has room for them.
func addTails(sum uint64, p []byte) uint64 {
	low, high := accumulateWords(p), sum
	low += high
	if low < high {
		low++
	}
	return low
}
