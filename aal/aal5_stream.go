package aal

import "encoding/binary"

// MinStreamRoom is the octets that one cell can add to a streamed SDU: the
// last cell gives its own and those of the one before it.
const MinStreamRoom = 2 * PayloadSize

// StreamSegmenter is the sender of streaming mode (I.363.5, 10.3): an SDU
// comes in pieces and its cells go out before it is complete, or is aborted.
// The zero value is idle.
type StreamSegmenter struct {
	header Header
	open   bool
	reg    uint32 // CRC of the payload sent
	total  int    // octets of the SDU so far
	held   int    // octets of cell
	cell   [PayloadSize]byte
}

// Start begins an SDU; h gives VC, CLP and EFCI of its cells.
func (s *StreamSegmenter) Start(h Header) error {
	switch {
	case !h.User():
		return ErrHeader
	case s.open:
		return ErrBusy
	}
	*s = StreamSegmenter{header: h &^ headerAUU, open: true, reg: crc32Preset}
	return nil
}

// Write takes the next octets of the SDU and writes the 52-octet cells that
// they fill to dst. It gives the octets taken and written; octets are left
// over only when dst is full. An SDU that grows beyond [MaxSDU] is refused
// with ErrSDULong, nothing taken: abort it. Octets short of a cell are kept in
// the machine.
func (s *StreamSegmenter) Write(dst, p []byte) (taken, written int, err error) {
	if !s.open {
		return 0, 0, ErrIdle
	}
	if s.total+len(p) > MaxSDU {
		return 0, 0, ErrSDULong
	}
	for taken < len(p) {
		room := (len(dst) - written) / CellSize
		if whole := min(room, (len(p)-taken)/PayloadSize); s.held == 0 && whole > 0 {
			run := p[taken : taken+whole*PayloadSize]
			s.reg = crc32Update(s.reg, run)
			spread(dst[written:], run, s.header, CellSize, whole)
			taken += len(run)
			written += whole * CellSize
			continue
		}
		if s.held == PayloadSize {
			if room == 0 {
				break
			}
			written += s.flush(dst[written:], s.header)
		}
		k := copy(s.cell[s.held:], p[taken:])
		s.held += k
		taken += k
	}
	s.total += taken
	return taken, written, nil
}

// flush writes the cell held and gives its octets.
func (s *StreamSegmenter) flush(dst []byte, h Header) int {
	s.reg = crc32Update(s.reg, s.cell[:])
	h.Put(dst)
	copy(dst[HeaderSize:CellSize], s.cell[:])
	s.held = 0
	return CellSize
}

// End writes what is left of the SDU, pad and trailer, and gives the octets
// written: one cell or two. Where dst does not hold them ErrNoSpace is
// returned and nothing happens. An SDU without octets cannot be sent: abort
// it.
func (s *StreamSegmenter) End(dst []byte, uu, cpi uint8) (int, error) {
	if s.open && s.total == 0 {
		return 0, ErrSDUEmpty
	}
	return s.end(dst, s.total, uu, cpi)
}

// Abort ends the SDU so that the receiver discards it: Length 0 (I.363.5,
// 9.2.1). It writes as End does, or nothing where no cell was sent yet.
func (s *StreamSegmenter) Abort(dst []byte) (int, error) {
	if s.open && s.total == s.held {
		s.open = false
		return 0, nil
	}
	return s.end(dst, 0, 0, 0)
}

func (s *StreamSegmenter) end(dst []byte, length int, uu, cpi uint8) (written int, err error) {
	if !s.open {
		return 0, ErrIdle
	}
	if len(dst) < CellSize || s.held > PayloadSize-TrailerSize && len(dst) < 2*CellSize {
		return 0, ErrNoSpace
	}
	if s.held > PayloadSize-TrailerSize {
		clear(s.cell[s.held:])
		written = s.flush(dst, s.header)
	}
	putTrailer(s.cell[s.held:], length, uu, cpi)
	crc := crc32Update(s.reg, s.cell[:PayloadSize-4])
	binary.BigEndian.PutUint32(s.cell[PayloadSize-4:], ^crc)
	written += s.flush(dst[written:], s.header|headerAUU)
	s.open = false
	return written, nil
}

// StreamReassembler is the receiver of streaming mode: it gives the octets of
// an SDU as its cells come, and judges it at its end. It holds one cell back,
// since only the trailer tells where the payload ends. The zero value is
// ready.
type StreamReassembler struct {
	reg     uint32 // CRC of all cells but the one held
	cells   int    // of the PDU so far
	seen    uint8  // OR of the headers' last octets
	discard bool   // up to the end cell
	pdu     PDU
	held    [PayloadSize]byte // the last cell, when cells is not 0
}

// Push takes a run of 52-octet cells of one VC and writes octets of the SDU
// to dst. It stops after the cell that made an event, as
// [Reassembler.Push] does, or with EvNone when all whole cells are taken or
// dst has no [MinStreamRoom] left. EvPDU ends a good SDU; EvCRC, EvLength,
// EvAbort and EvOverrun, the provider's and the user's abort, make void what
// was given of it.
func (r *StreamReassembler) Push(dst, cells []byte) (n, written int, ev Event) {
	for len(cells)-n >= CellSize && len(dst)-written >= MinStreamRoom {
		c := (*[CellSize]byte)(cells[n:])
		n += CellSize
		var k int
		k, ev = r.cell(dst[written:], c[HeaderSize-1], (*[PayloadSize]byte)(c[HeaderSize:]))
		written += k
		if ev != EvNone {
			break
		}
	}
	return n, written, ev
}

func (r *StreamReassembler) cell(dst []byte, last uint8, payload *[PayloadSize]byte) (int, Event) {
	if last&headerOAM != 0 {
		return 0, otherCell(last)
	}
	end := last&headerAUU != 0
	if r.discard {
		r.discard = !end
		return 0, EvNone
	}
	if r.cells == MaxPDUCells {
		r.cells, r.seen = 0, 0
		r.discard = !end
		return 0, EvOverrun
	}
	written := 0
	if r.cells == 0 {
		r.reg = crc32Preset
	} else if !end {
		r.reg = crc32Update(r.reg, r.held[:])
		written = copy(dst, r.held[:])
	}
	r.seen |= last
	r.cells++
	if !end {
		r.held = *payload
		return written, EvNone
	}
	return r.complete(dst, last, payload)
}

// complete judges the PDU with its last cell, and gives what is left of it.
func (r *StreamReassembler) complete(dst []byte, last uint8, payload *[PayloadSize]byte) (int, Event) {
	cells := r.cells
	t := payload[PayloadSize-TrailerSize:]
	r.pdu = PDU{UU: t[0], CPI: t[1], CLP: r.seen&headerCLP != 0, EFCI: last&headerEFCI != 0}
	r.cells, r.seen = 0, 0
	if cells > 1 {
		r.reg = crc32Update(r.reg, r.held[:])
	}
	length := int(binary.BigEndian.Uint16(t[2:]))
	switch {
	case crc32Update(r.reg, payload[:]) != crc32Residue:
		return 0, EvCRC
	case length == 0:
		return 0, EvAbort
	case AAL5Cells(length) != cells:
		return 0, EvLength
	}
	left := length - max(0, cells-2)*PayloadSize
	if cells == 1 {
		return copy(dst[:left], payload[:]), EvPDU
	}
	k := copy(dst[:left], r.held[:])
	k += copy(dst[k:left], payload[:])
	return k, EvPDU
}

// Partial tells whether a PDU is unfinished, or being discarded.
func (r *StreamReassembler) Partial() bool { return r.cells > 0 || r.discard }

// Abandon is for the reassembly timer, as [Reassembler.Abandon]: when it
// gives true, what was given of an SDU is void.
func (r *StreamReassembler) Abandon() bool {
	had := r.cells > 0
	r.cells, r.seen = 0, 0
	r.discard = false
	return had
}

// PDU gives UU, CPI, CLP and EFCI of the last EvPDU; its SDU is nil.
func (r *StreamReassembler) PDU() PDU { return r.pdu }
