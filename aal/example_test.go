package aal_test

import (
	"bytes"
	"fmt"
	"time"

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

// Two voices share the cells of one VC: packets straddle them, and the last
// cell leaves when its timer has run out.
func ExampleAAL2Sender() {
	s, err := aal.MakeAAL2Sender(aal.AAL2Info45, 5*time.Millisecond)
	if err != nil {
		fmt.Println(err)
		return
	}
	cells := make([]byte, 0, 4*aal.MaxAAL2Output)
	out := make([]byte, aal.MaxAAL2Output)
	for i, cid := range []uint8{8, 9, 8} {
		now := time.Duration(i) * time.Millisecond
		n, err := s.Send(out, now, cid, 0, bytes.Repeat([]byte{cid}, 25))
		if err != nil {
			fmt.Println(err)
			return
		}
		cells = append(cells, out[:n]...)
	}
	at, ok := s.Deadline()
	fmt.Println("full cells:", len(cells)/aal.PayloadSize, "the next must leave at", at, ok)
	n, err := s.Expire(out, at)
	cells = append(cells, out[:n]...)

	r, err2 := aal.MakeAAL2Receiver(aal.AAL2Info45, aal.AllAAL2CIDs())
	if err != nil || err2 != nil {
		fmt.Println(err, err2)
		return
	}
	for ; len(cells) > 0; cells = cells[aal.PayloadSize:] {
		payload := cells[:aal.PayloadSize]
		fmt.Println(aal.AAL2Start(payload[0]))
		if err := r.Load(payload); err != nil {
			fmt.Println(err)
			return
		}
		for p, ok := r.Next(); ok; p, ok = r.Next() {
			fmt.Println("  CID", p.CID, "octets", len(p.Info))
		}
	}
	// Output:
	// full cells: 1 the next must leave at 6ms true
	// OSF 0 SN 0
	//   CID 8 octets 25
	// OSF 9 SN 1
	//   CID 9 octets 25
	//   CID 8 octets 25
}

// A loopback cell goes to the end of a connection and back.
func ExampleOAMLoopback() {
	vc := aal.VC{VPI: 0, VCI: 100}
	cell := make([]byte, aal.CellSize)
	aal.OAMF5EndToEnd.Header(vc).Put(cell)
	payload := cell[aal.HeaderSize:]
	c := aal.OAMLoopback{
		Request: true, Tag: 7,
		Location: aal.FilledOAMID(aal.OAMIDEnd), Source: aal.FilledOAMID(aal.OAMIDNone),
	}
	if err := c.Encode(payload); err != nil {
		fmt.Println(err)
		return
	}

	// At the far end.
	flow, ok := aal.ReadHeader(cell).OAMFlow()
	kind, err := aal.ReadOAM(payload)
	fmt.Println(flow, ok, err)
	fmt.Println(kind)
	var got aal.OAMLoopback
	if err := got.Decode(payload); err != nil {
		fmt.Println(err)
		return
	}
	own := aal.FilledOAMID(aal.OAMIDNone)
	if got.LoopsAt(own, aal.OAMEndPoint, flow) {
		fmt.Println("looped:", aal.LoopOAM(payload))
	}

	// Back again.
	if err := got.Decode(payload); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("answer:", !got.Request && got.Tag == c.Tag)
	fmt.Println("a whole cell is no payload:", got.Decode(cell))
	// Output:
	// OAM F5 (end) true <nil>
	// cell-type Fault Management (1), func-type Loopback (8)
	// looped: <nil>
	// answer: true
	// a whole cell is no payload: aal: cell payload is not 48 octets
}

// An end point sees an alarm, tells the far end, and is well again two and a
// half seconds after the last alarm.
func ExampleOAMMonitor() {
	var m aal.OAMMonitor
	alarm := make([]byte, aal.PayloadSize)
	ais := aal.MakeOAMFault(aal.OAMAIS)
	if err := ais.Encode(alarm); err != nil {
		fmt.Println(err)
		return
	}
	kind, err := aal.ReadOAM(alarm)
	if err != nil {
		fmt.Println(err)
		return
	}
	m.Cell(0, kind)
	for _, now := range []time.Duration{0, 500 * time.Millisecond, time.Second, 2 * time.Second, 2500 * time.Millisecond} {
		due := m.Poll(now)
		fmt.Println(now, m.State(), "RDI due:", due&aal.OAMDueRDI != 0)
	}
	// Output:
	// 0s AIS RDI due: true
	// 500ms AIS RDI due: false
	// 1s AIS RDI due: true
	// 2s AIS RDI due: true
	// 2.5s up RDI due: false
}

// Cells of a rate of 100 a second may come a millisecond early. One that does
// not conform leaves the count as it was.
func ExampleGCRA() {
	interval, err := aal.PerSecond(100)
	if err != nil {
		fmt.Println(err)
		return
	}
	g, err := aal.MakeGCRA(interval, time.Millisecond)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, ms := range []int{0, 9, 10, 19, 25, 50} {
		now := time.Duration(ms) * time.Millisecond
		fmt.Println(now, g.Arrive(now), "next at", g.Earliest())
	}
	// Output:
	// 0s true next at 9ms
	// 9ms true next at 19ms
	// 10ms false next at 19ms
	// 19ms true next at 29ms
	// 25ms false next at 29ms
	// 50ms true next at 59ms
}

// Cells are found in a stream of octets that begins in the middle of one, by
// nothing but their headers.
func ExampleDelineator() {
	var scrambler aal.Scrambler
	var line []byte
	for i := range 12 {
		cell := make([]byte, aal.WireCellSize)
		aal.PutIdle(cell)
		if i >= 8 {
			h := aal.MakeHeader(aal.VC{VPI: 0, VCI: uint16(100 + i)}, aal.PTIUser, false)
			h.Put(cell)
			cell[aal.HeaderSize] = h.HEC()
		}
		scrambler.Scramble(cell[aal.HeaderSize+1:])
		line = append(line, cell...)
	}
	line = line[20:]
	line[9*aal.WireCellSize-20+3] ^= 0x10 // one wrong bit in the tenth header

	var d aal.Delineator // for SDH and PDH: scrambled, six headers to be sure
	fmt.Println(d.State())
	for len(line) > 0 {
		n, ev := d.Push(line)
		line = line[n:]
		switch ev {
		case aal.LineSync:
			fmt.Println(d.State())
		case aal.LineCell, aal.LineCorrected:
			if h := aal.ReadHeader(d.Cell()[:]); !h.Idle() {
				fmt.Println(ev, h)
			}
		}
	}
	// Output:
	// HUNT
	// SYNC
	// cell 0/108 pti 0 clp 0
	// corrected 0/109 pti 0 clp 0
	// cell 0/110 pti 0 clp 0
	// cell 0/111 pti 0 clp 0
}
