package aal

import (
	"encoding/binary"
)

// PDU is a CPCS-PDU received.
type PDU struct {
	SDU  []byte // a slice of the memory given to Start; 1 to MaxSDU octets
	UU   uint8  // CPCS user-to-user indication
	CPI  uint8  // common part indicator; 0 unless the peer is exotic
	CLP  bool   // some cell had CLP 1
	EFCI bool   // the last cell had met congestion
}

// Reassembler makes CPCS-SDUs of runs of cells of one VC, in the caller's
// memory. The zero value has no memory: every PDU is an overrun until Start.
//
// OAM, RM and reserved cells are told to the caller and leave the PDU that is
// under way alone.
type Reassembler struct {
	buf     []byte // whole payloads only, at most MaxPDUCells
	limit   int    // octets of memory that the caller gives in all; over len(buf): More may follow
	held    int    // octets of the PDU so far
	seen    uint8  // OR of the headers' last octets
	last    uint8  // last octet of the last header
	discard bool   // up to the end cell
	pdu     PDU
}

// Start gives the memory of the next PDU: payload, pad and trailer must fit,
// AAL5PDUSize of the largest SDU. The machine keeps buf until EvPDU, and the
// SDU is a slice of it. A PDU under way is forgotten; a discard goes on.
func (r *Reassembler) Start(buf []byte) { r.StartSmall(buf, len(buf)) }

// StartSmall is Start with memory that may turn out too small, so that a PDU takes no
// more than it needs: a cell that buf does not hold is not consumed but makes EvRoom, as
// long as a PDU of limit octets would.
func (r *Reassembler) StartSmall(buf []byte, limit int) {
	r.buf, r.limit = wholeCells(buf), min(limit/PayloadSize, MaxPDUCells)*PayloadSize
	r.held, r.seen = 0, 0
}

// Held is the octets of the PDU under way, at the beginning of the memory.
func (r *Reassembler) Held() int { return r.held }

// More gives larger memory after EvRoom. It begins with the octets held, which the
// caller has copied there.
func (r *Reassembler) More(buf []byte) { r.buf = wholeCells(buf) }

// Discard forgets the PDU under way and drops its cells up to the last: what to do after
// EvRoom when there is no memory.
func (r *Reassembler) Discard() {
	r.held, r.seen = 0, 0
	r.discard = true
}

// wholeCells is the part of buf that can be used.
func wholeCells(buf []byte) []byte {
	return buf[:min(len(buf)/PayloadSize, MaxPDUCells)*PayloadSize]
}

// Push takes a run of 52-octet cells and consumes it up to and including the
// cell that made an event; n is the octets consumed. With EvNone all whole
// cells are consumed. After EvPDU take the PDU and call Start, with new memory
// or the same, before pushing the rest. After an error the memory is used
// again at once. With EvOAM, EvRM and EvReserved the cell is
// cells[n-CellSize:n], unchanged.
func (r *Reassembler) Push(cells []byte) (n int, ev Event) { return r.push(cells, CellSize) }

// PushWire is Push for 53-octet cells. The HEC is not looked at.
func (r *Reassembler) PushWire(cells []byte) (n int, ev Event) { return r.push(cells, WireCellSize) }

func (r *Reassembler) push(cells []byte, size int) (n int, ev Event) {
	for len(cells)-n >= size {
		if !r.discard {
			n += r.gather(cells[n:], size)
			if len(cells)-n < size {
				break
			}
		}
		c := cells[n : n+size]
		if r.full(c[HeaderSize-1]) {
			return n, EvRoom
		}
		n += size
		if ev := r.cell(c[HeaderSize-1], c[size-PayloadSize:]); ev != EvNone {
			return n, ev
		}
	}
	return n, EvNone
}

// gather takes user cells that neither end the PDU nor overrun its memory,
// and gives the octets consumed.
func (r *Reassembler) gather(cells []byte, size int) int {
	n := min(len(cells)/size, (len(r.buf)-r.held)/PayloadSize)
	k, seen := gather(r.buf[r.held:], cells, size, n)
	r.held += k * PayloadSize
	r.seen |= seen
	return k * size
}

// full tells whether a cell's payload belongs to the PDU and wants more memory than there
// is, but no more than the caller would give.
func (r *Reassembler) full(last uint8) bool {
	return r.held+PayloadSize > len(r.buf) && len(r.buf) < r.limit && last&headerOAM == 0 && !r.discard
}

// cell takes one cell: the last octet of its header, and its payload.
func (r *Reassembler) cell(last uint8, payload []byte) Event {
	if last&headerOAM != 0 {
		return otherCell(last)
	}
	end := last&headerAUU != 0
	if r.discard {
		r.discard = !end
		return EvNone
	}
	if r.held+PayloadSize > len(r.buf) {
		r.seen |= last
		r.last = last
		r.pdu.SDU = r.take()
		r.discard = !end
		return EvOverrun
	}
	*(*[PayloadSize]byte)(r.buf[r.held:]) = [PayloadSize]byte(payload)
	r.held += PayloadSize
	r.seen |= last
	if !end {
		return EvNone
	}
	r.last = last
	return r.complete()
}

// otherCell names a cell whose PTI is 4 to 7.
func otherCell(last uint8) Event {
	switch last >> 1 & 7 {
	case PTISegmentOAM, PTIEndToEndOAM:
		return EvOAM
	case PTIResourceMgmt:
		return EvRM
	}
	return EvReserved
}

// complete checks the PDU whose last cell has come.
func (r *Reassembler) complete() Event {
	p := r.take()
	t := p[len(p)-TrailerSize:]
	length := int(binary.BigEndian.Uint16(t[2:]))
	fits := length > 0 && AAL5PDUSize(length) == len(p)
	if fits {
		r.pdu.SDU = p[:length:length]
	} else {
		r.pdu.SDU = p[:len(p)-TrailerSize]
	}
	r.pdu.UU, r.pdu.CPI = t[0], t[1]
	switch {
	case crc32Update(crc32Preset, p) != crc32Residue:
		return EvCRC
	case fits:
		return EvPDU
	case length > 0:
		return EvLength
	}
	r.pdu.SDU = nil
	return EvAbort
}

// take gives the octets held, makes the PDU of their headers, and is ready
// for the next.
func (r *Reassembler) take() []byte {
	p := r.buf[:r.held]
	r.pdu = PDU{CLP: r.seen&headerCLP != 0, EFCI: r.last&headerEFCI != 0}
	r.held, r.seen = 0, 0
	return p
}

// Partial tells whether cells of an unfinished PDU are held, or a discard up
// to an end cell is under way: the reassembly timer should run.
func (r *Reassembler) Partial() bool { return r.held > 0 || r.discard }

// Abandon is for the reassembly timer: it forgets the PDU under way and tells
// whether there was one. A discard ends too, but is not told: its PDU was an
// overrun already.
func (r *Reassembler) Abandon() bool {
	had := r.held > 0
	r.held, r.seen = 0, 0
	r.discard = false
	return had
}

// PDU gives the PDU of the last EvPDU. Its SDU stays good as long as the
// memory that Start was given.
//
// After EvCRC, EvLength and EvOverrun it gives what there is of the PDU, for
// the corrupted data delivery option (I.363.5, annex E), until the next Push:
// as many octets as Length says where that agrees with the number of cells,
// else all before the trailer; after EvOverrun all that were held, UU and CPI
// 0.
func (r *Reassembler) PDU() PDU { return r.pdu }
