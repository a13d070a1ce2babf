package main

import "math/bits"

// poly is the generator of the AAL5 CRC-32, with x^32.
const poly = 0x104C11DB7

// xpow gives x^n mod poly.
func xpow(n int) uint64 {
	r := uint64(1)
	for range n {
		if r <<= 1; r>>32 != 0 {
			r ^= poly
		}
	}
	return r
}

// barrettMu gives floor(x^96 / poly) without its x^64.
func barrettMu() uint64 {
	var q, rem uint64
	for i := 96; i >= 0; i-- {
		rem <<= 1
		if i == 96 {
			rem |= 1
		}
		q <<= 1
		if rem>>32 != 0 {
			rem ^= poly
			q |= 1
		}
	}
	return q
}

// reflected gives x^n mod poly for the reflected order, where a carry-less
// product is short of one x: bit i stands for x^(63-i).
func reflected(n int) uint64 { return bits.Reverse64(xpow(n - 1)) }
