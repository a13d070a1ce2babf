// Asmgen writes the amd64 assembly of package aal. It is a module of its own
// so that the assembler library is no dependency of cellhub's. Run it by
// go generate in aal.
package main

import "github.com/mmcloughlin/avo/build"

func main() {
	build.ConstraintExpr("!purego")
	crc32CLMUL()
	crc32VPCLMUL()
	spread()
	gather()
	build.Generate()
}
