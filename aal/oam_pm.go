package aal

import (
	"encoding/binary"
	"math/bits"
)

// bip16 gives the bit interleaved parity of a payload over 16 bits: the XOR
// of its 24 words (I.610, 10.3.1).
func bip16(p *[PayloadSize]byte) uint16 {
	x := binary.NativeEndian.Uint64(p[0:]) ^ binary.NativeEndian.Uint64(p[8:]) ^
		binary.NativeEndian.Uint64(p[16:]) ^ binary.NativeEndian.Uint64(p[24:]) ^
		binary.NativeEndian.Uint64(p[32:]) ^ binary.NativeEndian.Uint64(p[40:])
	x ^= x >> 32
	var w [2]byte
	binary.NativeEndian.PutUint16(w[:], uint16(x^x>>16))
	return binary.BigEndian.Uint16(w[:])
}

// oamCounts are the running counts of both ends of a monitored connection.
type oamCounts struct {
	all, clp0 uint16
	bip       uint16
}

func (c *oamCounts) user(payload []byte, clp bool) error {
	if len(payload) != PayloadSize {
		return ErrPayloadSize
	}
	c.bip ^= bip16((*[PayloadSize]byte)(payload))
	c.all++
	if !clp {
		c.clp0++
	}
	return nil
}

// OAMSource makes the forward monitoring cells of a connection (I.610,
// 9.2.1 and 9.2.2). The zero value starts at sequence number 0.
type OAMSource struct {
	counts oamCounts
	block  uint32 // user cells since the last monitoring cell
	mcsn   uint8
}

// User counts a user cell sent. A payload that is not [PayloadSize] octets long
// gives ErrPayloadSize and is not counted.
func (s *OAMSource) User(payload []byte, clp bool) error {
	err := s.counts.user(payload, clp)
	if err == nil {
		s.block++
	}
	return err
}

// Block gives the user cells since the last monitoring cell. A monitoring
// cell goes at the first opportunity when it reaches the nominal block size,
// and must go before it is half as much again.
func (s *OAMSource) Block() uint32 { return s.block }

// Forward gives the monitoring cell that ends the block. stamp is its time
// stamp, or [OAMNoTimestamp].
func (s *OAMSource) Forward(stamp uint32) OAMForward {
	c := OAMForward{
		MCSN: s.mcsn, TUC01: s.counts.all, BEDC: s.counts.bip, TUC0: s.counts.clp0, Time: stamp,
	}
	s.mcsn++
	s.block, s.counts.bip = 0, 0
	return c
}

// OAMBlock is what one forward monitoring cell told of the block before it.
type OAMBlock struct {
	Sent, Received   uint16 // user cells, CLP 0 and 1
	Sent0, Received0 uint16 // user cells with CLP 0
	Missed           uint8  // monitoring cells lost before this one: the block is of several
	BLER             uint8  // errored BIP-16 bits, or OAMNoBLER when the block was not whole
	Severe           bool   // a severely errored cell block
}

// Lost gives the user cells lost; negative when cells were misinserted.
func (b OAMBlock) Lost() int { return int(int16(b.Sent - b.Received)) }

// Lost0 is Lost for cells sent with CLP 0. Cells tagged on the way count as
// lost here and not in Lost.
func (b OAMBlock) Lost0() int { return int(int16(b.Sent0 - b.Received0)) }

// OAMThresholds say when a block is severely errored (I.356). A limit of 0
// stands for none.
type OAMThresholds struct {
	Errors      uint8  // BIP-16 bits
	Lost        uint16 // cells
	Misinserted uint16 // cells
}

func (t OAMThresholds) severe(b OAMBlock) bool {
	lost := b.Lost()
	return t.Lost > 0 && lost > int(t.Lost) ||
		t.Misinserted > 0 && -lost > int(t.Misinserted) ||
		t.Errors > 0 && b.BLER != OAMNoBLER && b.BLER > t.Errors
}

// OAMSink checks a connection against its forward monitoring cells and makes
// the reports. The zero value has no thresholds; the first monitoring cell
// only starts it.
type OAMSink struct {
	Thresholds OAMThresholds
	counts     oamCounts
	last       OAMForward // the forward cell before
	all, clp0  uint16     // counts when it came
	started    bool
	mcsn       uint8 // of reports
	severe     uint8
	bler       uint8
}

// User counts a user cell received, as [OAMSource.User].
func (s *OAMSink) User(payload []byte, clp bool) error { return s.counts.user(payload, clp) }

// Forward takes a forward monitoring cell. ok is false for the first, which
// ends no block.
func (s *OAMSink) Forward(c OAMForward) (b OAMBlock, ok bool) {
	if s.started {
		b = s.judge(c)
	}
	ok = s.started
	s.bler = OAMNoBLER
	if ok {
		s.bler = b.BLER
	}
	s.last, s.all, s.clp0, s.started = c, s.counts.all, s.counts.clp0, true
	s.counts.bip = 0
	return b, ok
}

// judge compares the block that c ends with what was received of it.
func (s *OAMSink) judge(c OAMForward) OAMBlock {
	b := OAMBlock{
		Sent: c.TUC01 - s.last.TUC01, Received: s.counts.all - s.all,
		Sent0: c.TUC0 - s.last.TUC0, Received0: s.counts.clp0 - s.clp0,
		Missed: c.MCSN - s.last.MCSN - 1,
		BLER:   OAMNoBLER,
	}
	if b.Missed == 0 && b.Sent == b.Received {
		b.BLER = uint8(bits.OnesCount16(c.BEDC ^ s.counts.bip))
	}
	if s.Thresholds.severe(b) {
		b.Severe = true
		s.severe++
	}
	return b
}

// Backward gives the report on the last forward monitoring cell. Each call
// takes a sequence number.
func (s *OAMSink) Backward(stamp uint32) OAMBackward {
	c := OAMBackward{
		MCSN: s.mcsn, TUC01: s.last.TUC01, TUC0: s.last.TUC0, Time: stamp,
		RMCSN: s.last.MCSN, SECBC: s.severe,
		TRCC0: s.clp0, BLER: s.bler, TRCC01: s.all,
	}
	s.mcsn++
	return c
}
