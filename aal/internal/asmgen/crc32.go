package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// A block of 16 octets is a polynomial of degree 127, its first bit on the
// wire the highest power. Four accumulators of blocks go through the message;
// to fold one is to multiply it by x^n mod poly, n the bits that it moves on,
// in two halves whose products have 96 bits, and to add the blocks there.
//
// Zero bits before a message change nothing, so messages are aligned to their
// end: only the first load is odd, and accumulators start as zeros.
//
// At the end every block is multiplied by x^32 and by the bits that follow it
// at once. The sum has 96 bits; Barrett reduction leaves 32.
const accumulators = 4

// table defines read-only words.
func table(name string, words ...uint64) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i, w := range words {
		DATA(8*i, U64(w))
	}
	return m
}

// shared tables, defined once
var (
	barrettTable Mem // mu, poly without x^32
	alignTable   Mem // at 16-n: take the first n octets, reversed, zeros above
)

// message loads the arguments: the register in wire order in the low octets
// of a vector, the octets before the last whole blocks, and the rest.
type message struct {
	reg      VecVirtual // XMM
	ptr      Register
	first    GPVirtual // octets of the first, odd load: 1 to size
	odd      GPVirtual // blocks before a multiple of accumulators remain
	quads    GPVirtual // groups of accumulators after that
	loadSize int
}

func loadMessage(size int) *message {
	m := &message{reg: XMM(), first: GP64(), odd: GP64(), quads: GP64(), loadSize: size}
	r := GP32()
	Load(Param("reg"), r)
	BSWAPL(r)
	VMOVD(r, m.reg)
	m.ptr = Load(Param("p").Base(), GP64())
	n := Load(Param("p").Len(), GP64())
	LEAQ(Mem{Base: n, Disp: -1}, m.first)
	ANDQ(U8(size-1), m.first)
	INCQ(m.first)
	SUBQ(m.first, n)
	shift := uint8(4)
	if size == 64 {
		shift = 6
	}
	SHRQ(U8(shift), n)
	MOVQ(n, m.quads)
	MOVQ(n, m.odd)
	return m
}

// walk makes the loops: shift brings one block in at the end of the
// accumulators, fold brings in as many as there are.
func (m *message) walk(name string, shift, fold func()) {
	ADDQ(m.first, m.ptr)
	ANDQ(U8(accumulators-1), m.odd)
	JZ(LabelRef(name + "Whole"))
	Label(name + "Odd")
	shift()
	ADDQ(U8(m.loadSize), m.ptr)
	DECQ(m.odd)
	JNZ(LabelRef(name + "Odd"))
	Label(name + "Whole")
	SHRQ(U8(2), m.quads)
	JZ(LabelRef(name + "End"))
	Label(name + "Fold")
	fold()
	ADDQ(U32(m.loadSize*accumulators), m.ptr)
	DECQ(m.quads)
	JNZ(LabelRef(name + "Fold"))
	Label(name + "End")
}

// reduce leaves the 96-bit sum w mod poly in the function's result.
func reduce(w VecVirtual) {
	k, high, t := XMM(), XMM(), XMM()
	VMOVDQU(barrettTable, k)
	VPSLLDQ(U8(4), w, high) // the upper half is floor(w / x^32)
	VPCLMULQDQ(U8(0x01), k, high, t)
	VPXOR(high, t, t) // mu has x^64; the upper half is the quotient
	VPCLMULQDQ(U8(0x11), k, t, t)
	VPXOR(w, t, t)
	r := GP32()
	VMOVD(t, r)
	Store(r, ReturnIndex(0))
}

// crc32CLMUL works on blocks whose octets are reversed, so that the first bit
// on the wire is the highest.
func crc32CLMUL() {
	barrettTable = table("crc32Barrett", barrettMu(), poly&0xFFFFFFFF)
	alignTable = table("crc32Align", 0x08090A0B0C0D0E0F, 0x0001020304050607,
		0x8080808080808080, 0x8080808080808080)
	foldTable := table("crc32Fold64", xpow(512), xpow(512+64))
	var ends []uint64
	for i := range accumulators {
		n := 128 * (accumulators - 1 - i)
		ends = append(ends, xpow(n+32), xpow(n+64+32))
	}
	endTable := table("crc32End64", ends...)

	TEXT("crc32CLMUL", NOSPLIT, "func(reg uint32, p []byte) uint32")
	Pragma("noescape")
	Doc("crc32CLMUL is crc32Update with PCLMULQDQ and AVX. p holds 16 octets or",
		"more, and its length modulo 16 is not 1, 2 or 3.")
	m := loadMessage(16)
	var acc, t [accumulators]VecVirtual
	for i := range acc {
		acc[i], t[i] = XMM(), XMM()
	}
	last := acc[accumulators-1]

	swap, align := XMM(), XMM()
	VMOVDQU(alignTable, swap)
	at := GP64()
	LEAQ(alignTable.Offset(16), at)
	SUBQ(m.first, at)
	VMOVDQU(Mem{Base: at}, align)
	VPXOR(Mem{Base: m.ptr}, m.reg, last)
	VPSHUFB(align, last, last)
	for _, a := range acc[:accumulators-1] {
		VPXOR(a, a, a)
	}
	k := XMM()
	VMOVDQU(foldTable, k)
	m.walk("clmul", func() {
		for i := range accumulators - 1 {
			VMOVDQA(acc[i+1], acc[i])
		}
		VMOVDQU(Mem{Base: m.ptr}, last)
		VPSHUFB(swap, last, last)
	}, func() {
		for i, a := range acc {
			VPCLMULQDQ(U8(0x00), k, a, t[i])
			VPCLMULQDQ(U8(0x11), k, a, a)
		}
		for i, a := range acc {
			next := XMM()
			VMOVDQU(Mem{Base: m.ptr, Disp: 16 * i}, next)
			VPSHUFB(swap, next, next)
			VPXOR(t[i], a, a)
			VPXOR(next, a, a)
		}
	})
	for i, a := range acc {
		VMOVDQU(endTable.Offset(16*i), k)
		VPCLMULQDQ(U8(0x00), k, a, t[i])
		VPCLMULQDQ(U8(0x11), k, a, a)
		VPXOR(t[i], a, a)
	}
	VPXOR(acc[0], acc[1], acc[1])
	VPXOR(acc[2], last, last)
	VPXOR(acc[1], last, last)
	reduce(last)
	RET()
}

// crc32VPCLMUL has four blocks in each accumulator. The bits of each octet
// are reversed, which has a port of its own, and not the octets: what comes
// first on the wire is then the lowest bit. Products are short of one x
// there, which the constants make good.
func crc32VPCLMUL() {
	var iota64, matrix, fold []uint64
	for i := range 8 {
		iota64 = append(iota64, 0x0706050403020100+uint64(i)*0x0808080808080808)
		matrix = append(matrix, 0x8040201008040201)
	}
	const step = 128 * 4 * accumulators
	for range 4 {
		fold = append(fold, reflected(step+64), reflected(step))
	}
	iotaTable := table("crc32Iota", iota64...)
	matrixTable := table("crc32Bits", matrix...)
	foldTable := table("crc32Fold256", fold...)
	var ends []uint64
	for i := range 4 * accumulators {
		n := 128 * (4*accumulators - 1 - i)
		ends = append(ends, reflected(n+64+32), reflected(n+32))
	}
	endTable := table("crc32End256", ends...)

	TEXT("crc32VPCLMUL", NOSPLIT, "func(reg uint32, p []byte) uint32")
	Pragma("noescape")
	Doc("crc32VPCLMUL is crc32Update with VPCLMULQDQ, GFNI and AVX-512 BW and",
		"VBMI. p holds 64 octets or more, and its length modulo 64 is not 1, 2 or 3.")
	m := loadMessage(64)
	var acc, t [accumulators]VecVirtual
	for i := range acc {
		acc[i], t[i] = ZMM(), ZMM()
	}
	last := acc[accumulators-1]

	bits, index, shift := ZMM(), ZMM(), ZMM()
	VMOVDQU64(matrixTable, bits)
	VPBROADCASTB(m.first.As32(), shift)
	VPADDB(iotaTable, shift, index)
	mask, zeros, k1 := GP64(), GP64(), K()
	MOVQ(I32(-1), mask)
	MOVQ(U32(64), zeros)
	SUBQ(m.first, zeros)
	SHLXQ(zeros, mask, mask)
	KMOVQ(mask, k1)
	VPXORQ(Mem{Base: m.ptr}, m.reg.AsZ(), last)
	VPERMB_Z(last, index, k1, last)
	VGF2P8AFFINEQB(U8(0), bits, last, last)
	for _, a := range acc[:accumulators-1] {
		VPXORQ(a, a, a)
	}
	k := ZMM()
	VMOVDQU64(foldTable, k)
	m.walk("vpclmul", func() {
		for i := range accumulators - 1 {
			VMOVDQA64(acc[i+1], acc[i])
		}
		VMOVDQU64(Mem{Base: m.ptr}, last)
		VGF2P8AFFINEQB(U8(0), bits, last, last)
	}, func() {
		for i, a := range acc {
			VPCLMULQDQ(U8(0x00), k, a, t[i])
			VPCLMULQDQ(U8(0x11), k, a, a)
		}
		for i, a := range acc {
			next := ZMM()
			VMOVDQU64(Mem{Base: m.ptr, Disp: 64 * i}, next)
			VGF2P8AFFINEQB(U8(0), bits, next, next)
			VPTERNLOGQ(U8(0x96), t[i], next, a)
		}
	})
	for i, a := range acc {
		VMOVDQU64(endTable.Offset(64*i), k)
		VPCLMULQDQ(U8(0x00), k, a, t[i])
		VPCLMULQDQ(U8(0x11), k, a, a)
	}
	VPTERNLOGQ(U8(0x96), t[0], acc[0], t[1])
	VPTERNLOGQ(U8(0x96), t[2], acc[2], t[3])
	VPTERNLOGQ(U8(0x96), acc[1], t[1], last)
	VPXORQ(t[3], last, last)
	half := YMM()
	VEXTRACTI64X4(U8(1), last, half)
	VPXOR(half, last.AsY(), half)
	w := XMM()
	VEXTRACTI128(U8(1), half, w)
	VPXOR(half.AsX(), w, w)
	// To the order of reduce: the bits of the whole sum reversed.
	VGF2P8AFFINEQB(U8(0), bits.AsX(), w, w)
	VPSHUFB(alignTable, w, w)
	reduce(w)
	VZEROUPPER()
	RET()
}
