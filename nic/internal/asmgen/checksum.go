package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// sum adds 32-bit words in lanes of 64 bits, which do not run over below 2^32 words: the
// low halves by a mask, the high ones by a shift. Four vectors a turn, two chains of each.
func sum(copies bool) {
	name, doc := "sumAVX2", "sumAVX2 adds the octets of p, a multiple of 32, in little-endian words of 32 bits."
	signature := "func(p []byte) uint64"
	if copies {
		name, signature = "copySumAVX2", "func(dst []byte, src []byte) uint64"
		doc = "copySumAVX2 copies src, a multiple of 32 octets, to dst, and is sumAVX2 of it."
	}
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
	Doc(doc)
	var src, dst, n Register
	if copies {
		dst = Load(Param("dst").Base(), GP64())
		src, n = Load(Param("src").Base(), GP64()), Load(Param("src").Len(), GP64())
	} else {
		src, n = Load(Param("p").Base(), GP64()), Load(Param("p").Len(), GP64())
	}
	mask := YMM()
	VPCMPEQD(mask, mask, mask)
	VPSRLQ(U8(32), mask, mask)
	var acc [4]VecVirtual
	for i := range acc {
		acc[i] = YMM()
		VPXOR(acc[i], acc[i], acc[i])
	}
	turn := func(vectors int) {
		for i := range vectors {
			x, high := YMM(), YMM()
			VMOVDQU(Mem{Base: src, Disp: 32 * i}, x)
			if copies {
				VMOVDQU(x, Mem{Base: dst, Disp: 32 * i})
			}
			VPSRLQ(U8(32), x, high)
			VPAND(mask, x, x)
			VPADDQ(x, acc[i%2], acc[i%2])
			VPADDQ(high, acc[2+i%2], acc[2+i%2])
		}
		ADDQ(U32(32*vectors), src)
		if copies {
			ADDQ(U32(32*vectors), dst)
		}
		SUBQ(U32(32*vectors), n)
	}
	Label(name + "_loop")
	CMPQ(n, U32(32*len(acc)))
	JB(LabelRef(name + "_rest"))
	turn(len(acc))
	JMP(LabelRef(name + "_loop"))
	Label(name + "_rest")
	CMPQ(n, U32(32))
	JB(LabelRef(name + "_end"))
	turn(1)
	JMP(LabelRef(name + "_rest"))
	Label(name + "_end")
	VPADDQ(acc[1], acc[0], acc[0])
	VPADDQ(acc[3], acc[2], acc[2])
	VPADDQ(acc[2], acc[0], acc[0])
	half := XMM()
	VEXTRACTI128(U8(1), acc[0], half)
	VPADDQ(half, acc[0].AsX(), half)
	low, high := GP64(), GP64()
	VPEXTRQ(U8(0), half, low)
	VPEXTRQ(U8(1), half, high)
	ADDQ(high, low)
	ADCQ(U8(0), low)
	Store(low, ReturnIndex(0))
	VZEROUPPER()
	RET()
}
