package aal_test

import (
	"fmt"

	"github.com/cellhub/cellhub/aal"
)

// A packet goes into an SDU, the SDU into cells, and back.
func Example() {
	vc, err := aal.ParseVC("0/100")
	if err != nil {
		fmt.Println(err)
		return
	}
	packet := []byte("a packet that needs more than one cell, as most packets do")

	sdu := make([]byte, 100)
	n := aal.LLC.PutHeader(sdu, aal.Routed, aal.EtherTypeIPv4)
	sdu = sdu[:n+copy(sdu[n:], packet)]

	var s aal.Segmenter
	if err := s.Start(aal.MakeHeader(vc, aal.PTIUser, false), sdu, 0, 0); err != nil {
		fmt.Println(err)
		return
	}
	cells := make([]byte, aal.AAL5Cells(len(sdu))*aal.CellSize)
	cells = cells[:s.Cells(cells)]
	for c := cells; len(c) > 0; c = c[aal.CellSize:] {
		fmt.Println(aal.ReadHeader(c))
	}

	var r aal.Reassembler
	r.Start(make([]byte, aal.AAL5PDUSize(9180)))
	_, ev := r.Push(cells)
	p, err := aal.LLC.Decap(r.PDU().SDU, aal.Routed)
	fmt.Println(ev, p.Kind, err)
	fmt.Println(string(p.Data))
	// Output:
	// 0/100 pti 0 clp 0
	// 0/100 pti 1 clp 0
	// PDU routed <nil>
	// a packet that needs more than one cell, as most packets do
}
