package aal

import "time"

// Shaper spaces the cells of one connection so that they conform to its
// contract. Use [MakeShaper].
//
// A connection whose SCR is for CLP 0 alone is shaped as if all its cells had
// CLP 0. Several categories have no second bucket, and UBR without a peak is
// not held back at all.
type Shaper struct {
	peak, second   GCRA
	paced, limited bool
}

// MakeShaper gives a shaper. slack is how late the caller may come to send a
// cell without losing rate: cells that were due are then sent closer together
// than the peak allows, which conforms as long as slack is at most the
// contract's CDVT. A slack of 0 never sends two cells closer than the peak.
func MakeShaper(c Contract, slack time.Duration) (Shaper, error) {
	if slack < 0 || slack > c.CDVT {
		return Shaper{}, ErrContract
	}
	peak, second, err := c.buckets(slack)
	if err != nil {
		return Shaper{}, err
	}
	s := Shaper{peak: peak, second: second, paced: c.PCR > 0}
	s.limited = c.Category == VBR || c.Category == RealTimeVBR
	return s, nil
}

// Next gives the first time, now or later, at which a cell may be sent.
func (s *Shaper) Next(now time.Duration) time.Duration {
	at := now
	if s.paced && s.peak.started {
		at = max(at, s.peak.Earliest())
	}
	if s.limited && s.second.started {
		at = max(at, s.second.Earliest())
	}
	return at
}

// Take tells how many of n cells may be sent now, and counts them as sent.
func (s *Shaper) Take(now time.Duration, n int) int {
	if !s.paced {
		return max(n, 0)
	}
	for i := range n {
		if !s.peak.Conforms(now) || s.limited && !s.second.Conforms(now) {
			return i
		}
		s.peak.Take(now)
		if s.limited {
			s.second.Take(now)
		}
	}
	return max(n, 0)
}
