package aal

import "time"

// MaxAAL2Output is the memory in octets that [AAL2Sender.Send] writes to: two
// full cells of 46 octets waiting and 67 more, and one that is padded when
// the timer has run out.
const MaxAAL2Output = 3 * PayloadSize

// AAL2Sender packs the packets of many channels into the cells of one VC
// (I.363.2, 10.1). Packets straddle cells; a cell that is not full waits for
// more until its timer, Timer_CU, runs out. Use [MakeAAL2Sender].
type AAL2Sender struct {
	limit    int
	timer    time.Duration
	deadline time.Duration     // of the cell in making, when used > 0
	cell     [PayloadSize]byte // the cell in making
	used     int               // octets of its payload filled
	offset   int               // to its first packet, 47 while none has begun
	sn       uint8
}

// MakeAAL2Sender gives a sender. limit is the largest packet payload in
// octets: 1 to [AAL2Info45], or [MaxAAL2Info]. timer is how long the first
// octet in a cell may wait; with 0 every packet leaves at once.
func MakeAAL2Sender(limit int, timer time.Duration) (AAL2Sender, error) {
	if !aal2Limit(limit) {
		return AAL2Sender{}, ErrAAL2Limit
	}
	return AAL2Sender{limit: limit, timer: timer, offset: AAL2Payload}, nil
}

// Send packs one packet and writes the payloads of the cells that this
// completed, 48 octets each, to dst; it gives the octets written. dst holds
// at least [MaxAAL2Output] octets. info is copied. The clock is a time since
// any fixed origin, the same in all calls, that never runs back.
func (s *AAL2Sender) Send(dst []byte, now time.Duration, cid, uui uint8, info []byte) (int, error) {
	switch {
	case len(dst) < MaxAAL2Output:
		return 0, ErrAAL2Space
	case cid != AAL2CIDManagement && cid < AAL2FirstUserCID:
		return 0, ErrAAL2CID
	case uui > MaxAAL2UUI:
		return 0, ErrAAL2UUI
	case len(info) == 0 || len(info) > s.limit:
		return 0, ErrAAL2Size
	}
	if s.used == 0 {
		s.deadline = now + s.timer
	}
	s.begin()
	var header [AAL2HeaderSize]byte
	AAL2Header{CID: cid, Size: len(info), UUI: uui}.Put(header[:])
	n := s.fill(dst, now, header[:])
	n += s.fill(dst[n:], now, info)
	return n + s.expire(dst[n:], now), nil
}

// begin notes that a packet, or padding, begins here.
func (s *AAL2Sender) begin() { s.offset = min(s.offset, s.used) }

// fill adds octets of a packet to the cell, and writes cells that are full.
// The timer of a cell starts with its first octet.
func (s *AAL2Sender) fill(dst []byte, now time.Duration, p []byte) (n int) {
	for {
		c := copy(s.cell[1+s.used:], p)
		s.used += c
		p = p[c:]
		if s.used < AAL2Payload {
			return n
		}
		s.emit(dst[n:])
		n += PayloadSize
		s.deadline = now + s.timer
	}
}

// emit writes the cell and begins the next.
func (s *AAL2Sender) emit(dst []byte) {
	s.cell[0] = uint8(MakeAAL2Start(s.offset, s.sn))
	*(*[PayloadSize]byte)(dst) = s.cell
	s.sn ^= 1
	s.used, s.offset = 0, AAL2Payload
}

// Deadline gives the time at which the cell in making must leave, by
// [AAL2Sender.Expire]; ok is false when there is none.
func (s *AAL2Sender) Deadline() (at time.Duration, ok bool) { return s.deadline, s.used > 0 }

// Expire pads and writes the cell in making if its timer has run out, and
// gives the octets written: 48 or 0. dst holds at least [PayloadSize] octets.
func (s *AAL2Sender) Expire(dst []byte, now time.Duration) (int, error) {
	if len(dst) < PayloadSize {
		return 0, ErrAAL2Space
	}
	return s.expire(dst, now), nil
}

func (s *AAL2Sender) expire(dst []byte, now time.Duration) int {
	if s.used == 0 || now < s.deadline {
		return 0
	}
	return s.flush(dst)
}

// Flush pads and writes the cell in making, if there is one, whatever its
// timer; it gives the octets written. dst holds at least [PayloadSize].
func (s *AAL2Sender) Flush(dst []byte) (int, error) {
	if len(dst) < PayloadSize {
		return 0, ErrAAL2Space
	}
	if s.used == 0 {
		return 0, nil
	}
	return s.flush(dst), nil
}

func (s *AAL2Sender) flush(dst []byte) int {
	s.begin()
	clear(s.cell[1+s.used:])
	s.emit(dst)
	return PayloadSize
}
