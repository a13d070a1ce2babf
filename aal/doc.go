// Package aal holds the ATM layer and the ATM adaptation layers as pure
// functions and small machines over byte slices.
//
// No machine, encoder or decoder allocates, reads a clock, starts a goroutine
// or does I/O. The caller owns all memory and gives the time where time
// matters. Machines are plain structs whose zero value is usable unless their
// comment says otherwise; none is safe for use by two goroutines at once.
//
// # Cells
//
// A cell is 52 octets in the form of RFC 4717 (a four-octet header without
// HEC, then 48 octets of payload) or 53 octets as on a physical line
// ([WireCellSize]). Cells travel in runs: a run is a slice that holds whole
// cells back to back, and the machines take and give runs, so that the cost
// of a call is shared by many cells. Where a payload is taken or given instead,
// it is 48 octets long ([PayloadSize]), and any other length is refused.
//
//	Header   VPI12 VCI16 PTI3 CLP1, big endian       header.go
//	HEC      the fifth octet of the 53-octet form     hec.go
//	line     delineation, scrambling, idle cells      delineate.go, scramble.go, idle.go
//
// # AAL5
//
// [Segmenter] and [Reassembler] are message mode, [StreamSegmenter] and
// [StreamReassembler] streaming mode, [FrameDiscard] early and partial packet
// discard. What the SDUs carry is RFC 2684: [Encap].
//
// Sending one CPCS-PDU, and receiving it in memory of the caller's:
//
//	var s aal.Segmenter
//	err := s.Start(aal.MakeHeader(vc, 0, false), sdu, 0, 0)
//	for !s.Done() {
//		n := s.Cells(frame)                    // as many as fit
//		send(frame[:n])
//	}
//
//	r.Start(buf)
//	for len(cells) >= aal.CellSize {
//		n, ev := r.Push(cells)
//		cells = cells[n:]
//		if ev == aal.EvPDU {
//			deliver(r.PDU().SDU)               // a slice of buf
//			r.Start(next)
//		}
//	}
//
// # The other layers
//
//	AAL0, AAL1, AAL2, AAL3/4   aal0.go, aal1*.go, aal2*.go, aal34*.go
//	RFC 4717 without headers   onetoone.go
//	RFC 4623 fragments         fragment.go
//	OAM and RM cells           oam*.go, rm.go, crc10.go
//	IP and PPP over AAL5       rfc2684.go, vpn.go, atmarp.go, ppp.go
//
// # Assembly
//
// On amd64 the CRC-32 of AAL5 and the two loops that move payloads are
// assembly, made by go generate from internal/asmgen; crc32.go and run.go hold
// the generic forms, which are the reference. The build tag purego leaves the
// assembly out.
package aal
