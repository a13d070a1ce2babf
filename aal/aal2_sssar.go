package aal

import (
	"errors"
	"time"
)

// The service specific segmentation and reassembly sublayer of I.366.1: SDUs
// longer than a packet, on one channel.
const (
	MaxSSSAR  = 65568 // octets of an SDU
	SSSARMore = 27    // UUI of every packet but the last
	// MaxSSSARUUI is the largest user-to-user indication of an SDU: the last
	// packet carries it.
	MaxSSSARUUI = 26
)

// Errors of sending.
var (
	ErrSSSARSize = errors.New("sssar: SDU is not 1 to 65568 octets")
	ErrSSSARUUI  = errors.New("sssar: user-to-user indication above 26")
)

// SSSARSender cuts one SDU in packets. The zero value is idle.
type SSSARSender struct {
	rest  []byte
	limit int
	uui   uint8
}

// Start takes an SDU, which is kept, not copied. limit is the packet limit of
// the channel, as for [MakeAAL2Sender]. An SDU under way is forgotten.
func (s *SSSARSender) Start(sdu []byte, uui uint8, limit int) error {
	switch {
	case !aal2Limit(limit):
		return ErrAAL2Limit
	case len(sdu) == 0 || len(sdu) > MaxSSSAR:
		return ErrSSSARSize
	case uui > MaxSSSARUUI:
		return ErrSSSARUUI
	}
	*s = SSSARSender{rest: sdu, limit: limit, uui: uui}
	return nil
}

// Next gives the UUI and the payload, a slice of the SDU, of the next packet
// to be sent; ok is false when the whole SDU has been.
func (s *SSSARSender) Next() (uui uint8, info []byte, ok bool) {
	n := min(len(s.rest), s.limit)
	if n == 0 {
		return 0, nil, false
	}
	info, s.rest = s.rest[:n:n], s.rest[n:]
	if len(s.rest) > 0 {
		return SSSARMore, info, true
	}
	s.rest = nil
	return s.uui, info, true
}

// SSSAREvent is what a packet led to.
type SSSAREvent uint8

// The events of an [SSSARReceiver].
const (
	SSSARNone     SSSAREvent = iota
	SSSARDone                // an SDU is whole
	SSSAROversize            // longer than its memory: dropped, up to its last packet
	SSSAROther               // UUI 28 to 31: not of this sublayer
)

// SSSARReceiver joins the packets of one channel to SDUs, in the caller's
// memory. Use [MakeSSSARReceiver].
//
// Nothing in SSSAR tells that a packet is missing: a damaged SDU is found by
// whoever is above, as by the transmission error detection of I.366.1.
type SSSARReceiver struct {
	buf      []byte
	held     int
	discard  bool
	timer    time.Duration
	deadline time.Duration
}

// MakeSSSARReceiver gives a receiver whose SDUs must fit in buf, and be whole
// within timer of their first packet, the RAS_Timer of I.366.1.
func MakeSSSARReceiver(buf []byte, timer time.Duration) SSSARReceiver {
	return SSSARReceiver{buf: buf[:min(len(buf), MaxSSSAR)], timer: timer}
}

// Push takes the next packet of the channel. With SSSARDone sdu is the SDU, a
// slice of the receiver's memory that is good until the next Push; the
// packet's UUI is the SDU's.
func (r *SSSARReceiver) Push(now time.Duration, pkt AAL2Packet) (sdu []byte, ev SSSAREvent) {
	if pkt.UUI > SSSARMore {
		return nil, SSSAROther
	}
	last := pkt.UUI != SSSARMore
	if r.discard {
		r.discard = !last
		return nil, SSSARNone
	}
	if r.held == 0 {
		r.deadline = now + r.timer
	}
	if len(pkt.Info) > len(r.buf)-r.held {
		r.held, r.discard = 0, !last
		return nil, SSSAROversize
	}
	r.held += copy(r.buf[r.held:], pkt.Info)
	if !last {
		return nil, SSSARNone
	}
	sdu = r.buf[:r.held:r.held]
	r.held = 0
	return sdu, SSSARDone
}

// Expire drops an SDU that is not whole in time, and tells whether there was
// one. The packets of it still to come are taken for an SDU of their own.
func (r *SSSARReceiver) Expire(now time.Duration) bool {
	if r.held == 0 || now < r.deadline {
		return false
	}
	r.held = 0
	return true
}
