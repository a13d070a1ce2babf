package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// copyPayload moves 48 octets in two loads and two stores.
func copyPayload(from, to Mem) {
	a, b := YMM(), XMM()
	VMOVDQU(from, a)
	VMOVDQU(from.Offset(32), b)
	VMOVDQU(a, to)
	VMOVDQU(b, to.Offset(32))
}

// spread writes cells: eight octets that begin with the header, then the
// payload over those of them that are not header.
func spread() {
	TEXT("spreadAVX", NOSPLIT, "func(dst, src *byte, n, size int, word uint64)")
	Pragma("noescape")
	Doc("spreadAVX writes n cells of size octets at dst, n at least 1: the first",
		"octets of word, little endian, and 48 octets of src each.")
	dst := Load(Param("dst"), GP64())
	src := Load(Param("src"), GP64())
	n := Load(Param("n"), GP64())
	size := Load(Param("size"), GP64())
	word := Load(Param("word"), GP64())
	Label("spreadCell")
	MOVQ(word, Mem{Base: dst})
	ADDQ(size, dst)
	copyPayload(Mem{Base: src}, Mem{Base: dst, Disp: -48})
	ADDQ(U8(48), src)
	DECQ(n)
	JNZ(LabelRef("spreadCell"))
	VZEROUPPER()
	RET()
}

// gather takes payloads up to the first cell whose header's last octet has
// one of the bits of stop: the end of a PDU, or no user cell.
func gather() {
	const stop = 0x0A
	TEXT("gatherAVX", NOSPLIT, "func(dst, cells *byte, n, size int) (k int, seen uint8)")
	Pragma("noescape")
	Doc("gatherAVX is gather for n of 1 or more; the slices hold n payloads and",
		"n cells of size octets.")
	dst := Load(Param("dst"), GP64())
	src := Load(Param("cells"), GP64())
	n := Load(Param("n"), GP64())
	size := Load(Param("size"), GP64())
	left, seen, last := GP64(), GP32(), GP32()
	MOVQ(n, left)
	XORL(seen, seen)
	Label("gatherCell")
	MOVBLZX(Mem{Base: src, Disp: 3}, last)
	TESTB(U8(stop), last.As8())
	JNZ(LabelRef("gatherEnd"))
	ORL(last, seen)
	ADDQ(size, src)
	copyPayload(Mem{Base: src, Disp: -48}, Mem{Base: dst})
	ADDQ(U8(48), dst)
	DECQ(left)
	JNZ(LabelRef("gatherCell"))
	Label("gatherEnd")
	SUBQ(left, n)
	Store(n, Return("k"))
	Store(seen.As8(), Return("seen"))
	VZEROUPPER()
	RET()
}
