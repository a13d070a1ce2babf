// Asmgen writes the amd64 assembly of package nic. It is a module of its own so that the
// assembler library is no dependency of cellhub's. Run it by go generate in nic.
package main

import "github.com/mmcloughlin/avo/build"

func main() {
	build.ConstraintExpr("!purego")
	sum(false)
	sum(true)
	build.Generate()
}
