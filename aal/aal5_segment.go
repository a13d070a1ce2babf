package aal

import (
	"encoding/binary"
)

// tailCells is the most cells that a CPCS-PDU ends with which are not filled
// by payload alone: pad and trailer spread over two when fewer than eight
// octets are free in the last cell of the payload.
const tailCells = 2

// Segmenter cuts CPCS-PDUs into cells, in runs. The zero value is idle.
type Segmenter struct {
	header Header // of every cell but the last
	sdu    []byte // whole cells of payload still to go
	tail   [tailCells * PayloadSize]byte
	rest   int // octets of tail still to go, at its end
}

// Start takes one SDU of 1 to [MaxSDU] octets. h gives the VC, CLP and EFCI
// of every cell; its AUU is ignored and set on the last cell only. sdu is
// kept, not copied, and must not change until Done.
func (s *Segmenter) Start(h Header, sdu []byte, uu, cpi uint8) error {
	switch {
	case len(sdu) == 0:
		return ErrSDUEmpty
	case len(sdu) > MaxSDU:
		return ErrSDULong
	case !h.User():
		return ErrHeader
	case !s.Done():
		return ErrBusy
	}
	over := len(sdu) % PayloadSize
	s.header = h &^ headerAUU
	s.sdu = sdu[:len(sdu)-over]
	s.rest = PayloadSize
	if over > PayloadSize-TrailerSize {
		s.rest = 2 * PayloadSize
	}
	tail := s.tail[len(s.tail)-s.rest:]
	putTrailer(tail[copy(tail, sdu[len(sdu)-over:]):], len(sdu), uu, cpi)
	reg := crc32Update(crc32Preset, s.sdu)
	reg = crc32Update(reg, tail[:len(tail)-4])
	binary.BigEndian.PutUint32(tail[len(tail)-4:], ^reg)
	return nil
}

// Done tells whether the whole PDU has been written.
func (s *Segmenter) Done() bool { return s.rest == 0 }

// Left gives the cells that remain.
func (s *Segmenter) Left() int { return (len(s.sdu) + s.rest) / PayloadSize }

// Cells writes as many 52-octet cells as remain and fit in dst, and gives the
// octets written.
func (s *Segmenter) Cells(dst []byte) int {
	n := min(len(dst)/CellSize, s.Left())
	dst = dst[:n*CellSize]
	whole := min(n, len(s.sdu)/PayloadSize)
	spread(dst, s.sdu, s.header, CellSize, whole)
	s.sdu = s.sdu[whole*PayloadSize:]
	for i := whole; i < n; i++ {
		c := dst[i*CellSize:]
		copy(c[HeaderSize:CellSize], s.tail[len(s.tail)-s.rest:])
		s.rest -= PayloadSize
		s.tailHeader().Put(c)
	}
	s.finish()
	return n * CellSize
}

// WireCells is Cells in the 53-octet form, each header with its HEC.
func (s *Segmenter) WireCells(dst []byte) int {
	n := min(len(dst)/WireCellSize, s.Left())
	dst = dst[:n*WireCellSize]
	whole := min(n, len(s.sdu)/PayloadSize)
	spread(dst, s.sdu, s.header, WireCellSize, whole)
	s.sdu = s.sdu[whole*PayloadSize:]
	for i := whole; i < n; i++ {
		c := dst[i*WireCellSize:]
		copy(c[HeaderSize+1:WireCellSize], s.tail[len(s.tail)-s.rest:])
		s.rest -= PayloadSize
		h := s.tailHeader()
		h.Put(c)
		c[HeaderSize] = h.HEC()
	}
	s.finish()
	return n * WireCellSize
}

// tailHeader is the header of the tail cell just taken.
func (s *Segmenter) tailHeader() Header {
	if s.rest == 0 {
		return s.header | headerAUU
	}
	return s.header
}

// finish lets go of the caller's memory after the last cell.
func (s *Segmenter) finish() {
	if s.rest == 0 {
		s.sdu = nil
	}
}
