//go:build !amd64 || purego

package aal

// crc32Update advances the register by the octets of p.
func crc32Update(reg uint32, p []byte) uint32 { return crc32Slicing(reg, p) }
