package aal

import (
	"errors"
	"math/bits"
	"time"
)

// ErrRate is returned for a rate of 0, an interval below a nanosecond, or a
// negative tolerance.
var ErrRate = errors.New("aal: rate, interval or tolerance out of range")

// Interval is the time between cells, exact: nanoseconds and a fraction of
// one. Sums of it do not drift, at whatever rate.
type Interval struct {
	whole    time.Duration
	num, den uint32 // the fraction, below 1
}

// PerSecond gives the interval of a rate in cells a second: 1 and up.
func PerSecond(rate uint32) (Interval, error) {
	if rate == 0 {
		return Interval{}, ErrRate
	}
	return Interval{
		whole: time.Second / time.Duration(rate),
		num:   uint32(uint64(time.Second) % uint64(rate)), den: rate,
	}, nil
}

// Every gives an interval of whole nanoseconds.
func Every(d time.Duration) (Interval, error) {
	if d < 1 {
		return Interval{}, ErrRate
	}
	return Interval{whole: d, den: 1}, nil
}

// add gives t+frac/den, later by one interval.
func (i *Interval) add(t time.Duration, frac uint32) (time.Duration, uint32) {
	t += i.whole
	sum := uint64(frac) + uint64(i.num)
	if sum >= uint64(i.den) {
		return t + 1, uint32(sum - uint64(i.den))
	}
	return t, uint32(sum)
}

// GCRA is the generic cell rate algorithm GCRA(T, tau) by virtual scheduling
// (I.371; TM 4.1, 4.4): a cell conforms unless it comes before
// TAT - tau, TAT being its theoretical arrival time. Use [MakeGCRA].
//
// The clock is a time since any fixed origin, the same in all calls, that
// never runs back. The time of a cell is in whole nanoseconds; what is kept
// is exact.
type GCRA struct {
	interval Interval
	limit    time.Duration
	tat      time.Duration
	frac     uint32 // of a nanosecond, over interval.den
	started  bool
}

// MakeGCRA gives an algorithm at its start: the first cell conforms. limit is
// tau, the tolerance.
func MakeGCRA(t Interval, limit time.Duration) (GCRA, error) {
	if t.den == 0 || limit < 0 {
		return GCRA{}, ErrRate
	}
	return GCRA{interval: t, limit: limit}, nil
}

// Conforms tells whether a cell at this time conforms, and changes nothing.
func (g *GCRA) Conforms(now time.Duration) bool { return now >= g.Earliest() || !g.started }

// Earliest gives the first time at which a cell conforms, in the past where
// one conforms already.
func (g *GCRA) Earliest() time.Duration {
	t := g.tat - g.limit
	if g.frac > 0 {
		t++
	}
	return t
}

// Take counts a cell that conforms.
func (g *GCRA) Take(now time.Duration) {
	if now > g.tat || !g.started {
		g.tat, g.frac, g.started = now, 0, true
	}
	g.tat, g.frac = g.interval.add(g.tat, g.frac)
}

// Arrive tells whether a cell conforms, and counts it if so. One that does
// not changes nothing.
func (g *GCRA) Arrive(now time.Duration) bool {
	if !g.Conforms(now) {
		return false
	}
	g.Take(now)
	return true
}

// LeakyBucket is the generic cell rate algorithm in its other form, the
// continuous-state leaky bucket: content X drains at one a nanosecond, each
// conforming cell pours T in, and a cell conforms unless X is above the limit
// tau when it comes. It decides as [GCRA] does. Use [MakeLeakyBucket].
type LeakyBucket struct {
	interval Interval
	limit    time.Duration
	x        time.Duration
	frac     uint32
	last     time.Duration // LCT: when the last conforming cell came
	started  bool
}

// MakeLeakyBucket gives an empty bucket. limit is tau, the tolerance.
func MakeLeakyBucket(t Interval, limit time.Duration) (LeakyBucket, error) {
	if t.den == 0 || limit < 0 {
		return LeakyBucket{}, ErrRate
	}
	return LeakyBucket{interval: t, limit: limit}, nil
}

// level gives X', the content at a time.
func (b *LeakyBucket) level(now time.Duration) (time.Duration, uint32) {
	if !b.started {
		return 0, 0
	}
	if x := b.x - (now - b.last); x >= 0 {
		return x, b.frac
	}
	return 0, 0
}

// Conforms tells whether a cell at this time conforms, and changes nothing.
func (b *LeakyBucket) Conforms(now time.Duration) bool {
	x, frac := b.level(now)
	return x < b.limit || x == b.limit && frac == 0
}

// Take counts a cell that conforms.
func (b *LeakyBucket) Take(now time.Duration) {
	x, frac := b.level(now)
	b.x, b.frac = b.interval.add(x, frac)
	b.last, b.started = now, true
}

// Arrive tells whether a cell conforms, and counts it if so.
func (b *LeakyBucket) Arrive(now time.Duration) bool {
	if !b.Conforms(now) {
		return false
	}
	b.Take(now)
	return true
}

// BurstTolerance gives the tolerance BT that lets a burst of mbs cells pass
// at the rate pcr where the sustained rate is scr, in cells a second:
// (MBS-1)(1/SCR - 1/PCR), rounded up (TM 4.1, 4.4). It is 0 when scr is 0
// or not below pcr, and the longest time there is when that is exceeded.
func BurstTolerance(pcr, scr, mbs uint32) time.Duration {
	if scr == 0 || scr >= pcr || mbs <= 1 {
		return 0
	}
	// (mbs-1) * 10^9 * (pcr-scr) / (pcr*scr): up to 94 bits over 64.
	hi, lo := bits.Mul64(uint64(mbs-1)*uint64(time.Second), uint64(pcr-scr))
	den := uint64(pcr) * uint64(scr)
	if hi >= den {
		return maxTime
	}
	q, rest := bits.Div64(hi, lo, den)
	if rest > 0 {
		q++
	}
	if q > uint64(maxTime) {
		return maxTime
	}
	return time.Duration(q)
}

// maxTime leaves room for sums with a clock.
const maxTime = time.Duration(1<<61 - 1)

// MaxBurst gives the largest burst in cells at the rate pcr that a tolerance
// bt lets pass, 1 + floor(BT/(1/SCR - 1/PCR)): the inverse of
// [BurstTolerance]. It is 1<<32-1 when bursts have no bound.
func MaxBurst(pcr, scr uint32, bt time.Duration) uint32 {
	const unbounded = 1<<32 - 1
	if scr == 0 || bt < 0 {
		return 1
	}
	if scr >= pcr {
		return unbounded
	}
	den := uint64(pcr-scr) * uint64(time.Second) // 2^32 * 2^30
	hi, lo := bits.Mul64(uint64(bt), uint64(pcr)*uint64(scr))
	if hi >= den {
		return unbounded
	}
	q, _ := bits.Div64(hi, lo, den)
	return uint32(min(q, unbounded-1) + 1)
}
