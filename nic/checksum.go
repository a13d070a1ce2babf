package nic

import (
	"encoding/binary"
	"math/bits"
)

// The Internet checksum (RFC 1071): a sum of 16-bit words with end-around carry. A sum of wider words folds to the
// same, and words in the processor's own order give it with its octets swapped (section 2, B), so octets are added in
// the widest words there are, as they lie in memory, and only the result is turned to network order.

// sumOctets is the checksum's sum over p, in network order, 0 to 0xffff; an odd last octet counts as one followed by
// zero. 0 only when all octets are.
func sumOctets(p []byte) uint32 { return fold(accumulate(p)) }

// copySum copies src to dst, which is at least as long and does not overlap it, and is sumOctets of it.
func copySum(dst, src []byte) uint32 { return fold(accumulateCopy(dst, src)) }

// fold brings a sum of words in memory order to 16 bits of network order.
func fold(sum uint64) uint32 {
	low, carry := bits.Add32(uint32(sum), uint32(sum>>32), 0)
	low += carry
	return uint32(bits.ReverseBytes16(fold32(low))) // little endian, as all processors are that we know of
}

// fold32 brings a sum of 16-bit words to 16 bits. Sums of some tens of words, network order too, go through here.
func fold32(sum uint32) uint16 {
	sum = sum>>16 + sum&0xffff
	return uint16(sum>>16 + sum)
}

// accumulateWords adds the octets of p eight at a time. The carry goes round at once or with the next word.
func accumulateWords(p []byte) (sum uint64) {
	var c uint64
	for len(p) >= 32 {
		sum, c = bits.Add64(sum, binary.LittleEndian.Uint64(p), 0)
		sum, c = bits.Add64(sum, binary.LittleEndian.Uint64(p[8:16]), c)
		sum, c = bits.Add64(sum, binary.LittleEndian.Uint64(p[16:24]), c)
		sum, c = bits.Add64(sum, binary.LittleEndian.Uint64(p[24:32]), c)
		sum += c
		p = p[32:]
	}
	for len(p) >= 8 {
		sum, c = bits.Add64(sum, binary.LittleEndian.Uint64(p), 0)
		sum += c
		p = p[8:]
	}
	return addTail(sum, p)
}

// addTail adds the last octets, fewer than eight.
func addTail(sum uint64, p []byte) uint64 {
	var last uint64
	for i, octet := range p {
		last |= uint64(octet) << (8 * i)
	}
	sum, c := bits.Add64(sum, last, 0)
	return sum + c
}

// pseudoSum is the sum of the pseudo header: two addresses that lie together, a protocol and a length (RFC 9293,
// section 3.1; RFC 8200, section 8.1).
func pseudoSum(addresses []byte, protocol uint8, length int) uint16 {
	return fold32(sumOctets(addresses) + uint32(protocol) + uint32(length))
}
