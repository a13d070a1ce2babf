package aal

import "errors"

// Errors of AAL1.
var (
	ErrAAL1Block = errors.New("aal1: block size is not 0 to 65535 octets")
	ErrAAL1User  = errors.New("aal1: user octets are not as many as the cell takes")
)

// AAL1Sender makes the SAR-PDUs of one circuit. The zero value is for
// unstructured transfer (UDT): 47 octets a cell, no pointers.
type AAL1Sender struct {
	block int
	pos   int // place in its block of the next octet
	sc    uint8
	used  bool  // this cycle has had its pointer
	rts   uint8 // of this cycle
	next  uint8 // and of the one after
}

// MakeAAL1Sender gives a sender for structured transfer (SDT) of blocks of
// that many octets; 0 means unstructured. The first octet that it is given
// starts a block.
func MakeAAL1Sender(block int) (AAL1Sender, error) {
	if block < 0 || block > MaxAAL1Block {
		return AAL1Sender{}, ErrAAL1Block
	}
	return AAL1Sender{block: block}, nil
}

// SetRTS gives the residual time stamp, four bits, that the next cycle of
// eight cells carries in the CSI of its odd counts. Without it they stay 0.
func (s *AAL1Sender) SetRTS(rts uint8) { s.next = rts & 15 }

// CycleStart tells whether the next cell begins a cycle of eight.
func (s *AAL1Sender) CycleStart() bool { return s.sc == 0 }

// Need gives the user octets that the next cell takes: 46 when it carries a
// pointer, else 47.
func (s *AAL1Sender) Need() int {
	if _, p := aal1Pointer(s.block, s.pos, s.sc, s.used); p {
		return AAL1PPayload
	}
	return AAL1Payload
}

// Cell writes the next SAR-PDU to the 48 octets of payload. user holds
// [AAL1Sender.Need] octets.
func (s *AAL1Sender) Cell(payload, user []byte) error {
	if len(payload) != PayloadSize {
		return ErrPayloadSize
	}
	offset, p := aal1Pointer(s.block, s.pos, s.sc, s.used)
	want := AAL1Payload
	if p {
		want = AAL1PPayload
	}
	if len(user) != want {
		return ErrAAL1User
	}
	if s.sc == 0 {
		s.rts = s.next
	}
	csi := p
	if s.sc&1 == 1 {
		csi = s.rts>>(3-s.sc/2)&1 == 1
	}
	payload[0] = MakeAAL1SN(csi, s.sc).Octet()
	if p {
		payload[1] = PutAAL1Pointer(offset)
	}
	copy(payload[PayloadSize-want:], user)
	s.advance(want, p)
	return nil
}

func (s *AAL1Sender) advance(n int, p bool) {
	s.used = s.used || p
	s.sc = aal1Next(s.sc, 1)
	if s.sc == 0 {
		s.used = false
	}
	if s.block > 0 {
		s.pos = (s.pos + n) % s.block
	}
}
