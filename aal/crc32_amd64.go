//go:build !purego

package aal

import "golang.org/x/sys/cpu"

//go:generate go -C internal/asmgen run . -out ../../aal_amd64.s -stubs ../../stubs_amd64.go -pkg aal

// What the processor has; tests switch them off.
var (
	useCLMUL   = cpu.X86.HasAVX && cpu.X86.HasPCLMULQDQ
	useVPCLMUL = useCLMUL && cpu.X86.HasBMI2 && cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW &&
		cpu.X86.HasAVX512VL && cpu.X86.HasAVX512VBMI && cpu.X86.HasAVX512VPCLMULQDQ && cpu.X86.HasAVX512GFNI
)

// The lengths in octets from which each form is the fastest.
const (
	minCLMUL   = 16
	minVPCLMUL = 192
)

// crc32Update advances the register by the octets of p.
func crc32Update(reg uint32, p []byte) uint32 {
	// First the case of a few cells, where the decisions cost as much as the work.
	if n := uint(len(p)); n%minCLMUL == 0 && n-minCLMUL < minVPCLMUL-minCLMUL && useCLMUL {
		return crc32CLMUL(reg, p)
	}
	if len(p) < minCLMUL || !useCLMUL {
		return crc32Slicing(reg, p)
	}
	// The first load takes the register and the octets before the last
	// whole block: at least four, or none.
	if n := len(p) % minCLMUL; n > 0 && n < 4 {
		reg = crc32Bytewise(reg, p[:n])
		p = p[n:]
	}
	if len(p) >= minVPCLMUL && useVPCLMUL {
		return crc32VPCLMUL(reg, p)
	}
	return crc32CLMUL(reg, p)
}
