package aal

import "encoding/binary"

// AAL34Sender makes the SAR-PDUs of one MID. The zero value sends on MID 0.
//
// In message mode Start gives a whole SDU. In streaming mode StartStream
// announces its largest size, then Write gives it piece by piece, and End
// ends it. In both, Next writes a cell for as long as Ready says so. Many
// senders share a VC: their cells may be interleaved at will.
type AAL34Sender struct {
	mid   uint16
	sn    uint8
	btag  uint8
	open  bool   // a PDU is under way
	begun bool   // its BOM has been written
	ended bool   // all its data is here
	size  int    // BASize
	given int    // octets of the SDU given
	data  []byte // and not yet in a cell
	held  int    // octets at the start of cell
	cell  [AAL34Payload]byte
}

// MakeAAL34Sender gives a sender on a MID of 0 to [MaxAAL34MID].
func MakeAAL34Sender(mid uint16) (AAL34Sender, error) {
	if mid > MaxAAL34MID {
		return AAL34Sender{}, ErrAAL34MID
	}
	return AAL34Sender{mid: mid}, nil
}

// Start takes a whole SDU of 0 to [MaxAAL34] octets, in message mode. It is
// kept, not copied, until Ready says no.
func (s *AAL34Sender) Start(sdu []byte) error {
	if err := s.StartStream(len(sdu)); err != nil {
		return err
	}
	s.given, s.data, s.ended = len(sdu), sdu, true
	return nil
}

// StartStream begins an SDU of at most size octets in streaming mode. The
// receiver is told the size, so that it can find memory.
func (s *AAL34Sender) StartStream(size int) error {
	switch {
	case s.open:
		return ErrAAL34Busy
	case size < 0 || size > MaxAAL34:
		return ErrAAL34Size
	}
	s.open, s.begun, s.ended = true, false, false
	s.size, s.given = size, 0
	s.btag++
	s.cell[0] = 0 // CPI: BASize and Length count octets
	s.cell[1] = s.btag
	binary.BigEndian.PutUint16(s.cell[2:], uint16(size))
	s.held = AAL34Header
	return nil
}

// Write gives the next piece of the SDU. It is kept, not copied, until Ready
// says no.
func (s *AAL34Sender) Write(piece []byte) error {
	switch {
	case !s.open || s.ended:
		return ErrAAL34Idle
	case s.Ready():
		return ErrAAL34Busy
	case len(piece) > s.size-s.given:
		return ErrAAL34Size
	}
	s.given += len(piece)
	s.data = piece
	s.keep()
	return nil
}

// keep copies a piece that does not fill a cell.
func (s *AAL34Sender) keep() {
	if !s.ended && !s.Ready() {
		s.held += copy(s.cell[s.held:], s.data)
		s.data = nil
	}
}

// End tells that the SDU is whole.
func (s *AAL34Sender) End() error {
	if !s.open || s.ended {
		return ErrAAL34Idle
	}
	s.ended = true
	return nil
}

// Ready tells whether Next has a cell to write.
func (s *AAL34Sender) Ready() bool {
	return s.open && (s.ended || s.held+len(s.data) >= AAL34Payload)
}

// Next writes a SAR-PDU to the 48 octets of payload.
func (s *AAL34Sender) Next(payload []byte) error {
	if len(payload) != PayloadSize {
		return ErrPayloadSize
	}
	if !s.Ready() {
		return ErrAAL34Idle
	}
	p := payload[aal34SARHeader : aal34SARHeader+AAL34Payload]
	n := copy(p, s.cell[:s.held])
	s.held = 0
	c := copy(p[n:], s.data)
	s.data = s.data[c:]
	n += c
	if n < AAL34Payload { // the data has ended: pad, then the trailer if it fits
		clear(p[n:])
		n = AAL34Padded(n)
	}
	if n == AAL34Payload {
		s.put(payload, AAL34COM, AAL34Payload)
		s.keep()
		return nil
	}
	t := p[n:]
	t[1] = s.btag
	binary.BigEndian.PutUint16(t[2:], uint16(s.given))
	s.put(payload, AAL34EOM, n+AAL34Trailer)
	s.open, s.data = false, nil
	return nil
}

// put writes header and trailer. A first cell is BOM instead of COM, SSM
// instead of EOM.
func (s *AAL34Sender) put(payload []byte, seg AAL34Segment, li int) {
	if !s.begun {
		seg |= AAL34BOM
	}
	AAL34Cell{Segment: seg, SN: s.sn, MID: s.mid, LI: uint8(li)}.Put((*[PayloadSize]byte)(payload))
	s.sn++
	s.begun = true
}

// Abort gives up the SDU under way. If a cell of it has been written, the
// cell that tells the receiver is written to payload and ok is true.
func (s *AAL34Sender) Abort(payload []byte) (ok bool, err error) {
	switch {
	case len(payload) != PayloadSize:
		return false, ErrPayloadSize
	case !s.open:
		return false, ErrAAL34Idle
	}
	if ok = s.begun; ok {
		clear(payload)
		s.put(payload, AAL34EOM, aal34LIAbort)
	}
	s.open, s.data = false, nil
	return ok, nil
}
