//go:build !amd64 || purego

package nic

func accumulate(p []byte) uint64 { return accumulateWords(p) }

func accumulateCopy(dst, src []byte) uint64 {
	copy(dst, src)
	return accumulateWords(src)
}
