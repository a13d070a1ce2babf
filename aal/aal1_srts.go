package aal

import (
	"errors"
	"math/bits"
)

// The synchronous residual time stamp (I.363.1, 2.5.2).
const (
	srtsNetworkHz = 155_520_000 // f_n, the network clock
	srtsModulus   = 16          // P = 4 bits
	srtsHalf      = srtsModulus / 2

	// SRTSPeriod is N, the service clock cycles of one time stamp: the bits
	// of the eight cells of a cycle.
	SRTSPeriod = aal1Cycle * AAL1Payload * 8
)

// maxSRTSGap is the most periods in a row whose stamp may be missing: after
// seven the tolerance of the clocks, 200 parts in a million each way, exceeds
// half the modulus.
const maxSRTSGap = 5

// ErrSRTSClock is returned for a service clock of 0 or above 155.52 MHz.
var ErrSRTSClock = errors.New("aal1: SRTS service clock out of range")

// SRTS is the arithmetic of one service clock rate, at either end.
type SRTS struct {
	serviceHz uint64
	shift     uint
}

// MakeSRTS chooses the derived network clock f_nx = 155.52 MHz / 2^x, so that
// it is at least the service clock and below twice it. serviceHz is the
// nominal service rate in bits a second.
func MakeSRTS(serviceHz uint64) (SRTS, error) {
	if serviceHz == 0 || serviceHz > srtsNetworkHz {
		return SRTS{}, ErrSRTSClock
	}
	return SRTS{serviceHz: serviceHz, shift: uint(bits.Len64(srtsNetworkHz/serviceHz)) - 1}, nil
}

// Shift gives x, the powers of two between 155.52 MHz and the derived clock.
func (s SRTS) Shift() uint { return s.shift }

// Stamp gives the residual time stamp: the four low bits of the derived clock
// when networkCycles cycles of 155.52 MHz have gone by. It is taken every
// [SRTSPeriod] bits of the service.
func (s SRTS) Stamp(networkCycles uint64) uint8 {
	return uint8(networkCycles>>s.shift) % srtsModulus
}

// nominal gives the cycles of the derived clock in n periods, rounded down.
func (s SRTS) nominal(n uint64) uint64 {
	return n * SRTSPeriod * srtsNetworkHz / (s.serviceHz << s.shift)
}

// SRTSReceiver recovers the service clock's rate from time stamps.
type SRTSReceiver struct {
	srts    SRTS
	started bool
	last    uint8
	gap     uint64 // periods without a stamp since last
	periods uint64
	cycles  uint64 // of the derived clock, in those periods
}

// MakeSRTSReceiver gives a receiver that waits for its first time stamp.
func MakeSRTSReceiver(s SRTS) SRTSReceiver { return SRTSReceiver{srts: s} }

// Miss tells that a period passed whose time stamp did not arrive.
func (r *SRTSReceiver) Miss() {
	r.gap++
	if r.gap > maxSRTSGap {
		r.started = false
	}
}

// Stamp takes the time stamp of the next period and gives the cycles of the
// derived clock since the one before: the nominal number corrected by what
// the stamps, modulo 16, say. ok is false when there is none before.
func (r *SRTSReceiver) Stamp(rts uint8) (cycles uint64, ok bool) {
	if r.started {
		n := r.gap + 1
		base := r.srts.nominal(n)
		off := int((uint64(rts)-uint64(r.last)-base)%srtsModulus+srtsHalf)%srtsModulus - srtsHalf
		cycles, ok = base+uint64(off), true
		r.periods += n
		r.cycles += cycles
	}
	r.last, r.gap, r.started = rts%srtsModulus, 0, true
	return cycles, ok
}

// Rate gives the mean service clock so far in millionths of a hertz, against
// a network clock taken as exact; 0 before two stamps.
func (r *SRTSReceiver) Rate() uint64 {
	if r.cycles == 0 {
		return 0
	}
	hi, lo := bits.Mul64(r.periods, SRTSPeriod*srtsNetworkHz*1_000_000)
	den := r.cycles << r.srts.shift
	if hi >= den {
		return 0
	}
	rate, _ := bits.Div64(hi, lo, den)
	return rate
}
