package layers_test

import (
	"fmt"

	"github.com/google/gopacket"

	"github.com/cellhub/cellhub/aal"
	atm "github.com/cellhub/cellhub/aal/layers"
)

// A loopback cell, written as a record of an ERF capture and taken apart.
func Example() {
	vc := aal.VC{VPI: 0, VCI: 100}
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&atm.ERF{Type: atm.ERFCell},
		&atm.Cell{Header: aal.OAMF5EndToEnd.Header(vc)},
		&atm.OAM{Kind: aal.OAMLB, Function: &aal.OAMLoopback{
			Request: true, Tag: 7, Location: aal.FilledOAMID(aal.OAMIDEnd), Source: aal.FilledOAMID(aal.OAMIDNone),
		}},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	p := gopacket.NewPacket(b.Bytes(), atm.LinkTypeERF, gopacket.Default)
	for _, l := range p.Layers() {
		fmt.Println(gopacket.LayerString(l))
	}
	if o, ok := p.Layer(atm.LayerTypeOAM).(*atm.OAM); ok {
		fmt.Println("tag", o.Function.(*aal.OAMLoopback).Tag)
	}
	// Output:
	// ERF	ERF, type ATM (3), flags 0x00, loss 0, length 52
	// Cell	OAM F5, vpi 0, vci 100, payload [ VCC OAM F5 flow end-to-end ], clp 0
	// OAM	cell-type Fault Management (1), func-type Loopback (8), Request, Correlation-Tag 0x00000007, Loopback-ID ffffffffffffffffffffffffffffffff, Source-ID 6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a, cksum 0x05a (correct)
	// tag 7
}
