package aal

// AAL1Sequence finds lost and misinserted cells by their sequence counts, by
// the algorithms of I.363.1, III.2. Up to six cells lost in a row are found,
// and one misinserted.
//
// The zero value runs the robust algorithm, which judges each cell when the
// next has come, and so delays by one cell. With Fast the same state machine
// judges the cell that has just come: a misinserted cell is then delivered
// before it is found out, and the next cell is dropped in its stead.
type AAL1Sequence struct {
	Fast  bool
	state aal1State
	last  uint8 // count of the last cell in sequence
	odd   uint8 // count of the cell out of sequence
}

type aal1State uint8

const (
	aal1Start     aal1State = iota // no valid count yet
	aal1OutOfSync                  // one valid count
	aal1Sync                       // counting
	aal1OutOfSeq                   // after a cell out of sequence
	aal1Invalid                    // after a cell whose count is unreadable
	numAAL1States
)

var aal1StateNames = [numAAL1States]string{
	"start", "out of sync", "sync", "out of sequence", "invalid",
}

// AAL1Verdict is a decision on one cell: the one before the last with the
// robust algorithm, the last with the fast one.
type AAL1Verdict struct {
	Accept  bool  // deliver the cell
	Dummies uint8 // lost cells to make up for before it, 0 to 6
	Count   uint8 // the cell's place in the cycle, when accepted
	Assumed bool  // the place is inferred: the cell's own SN is not to be believed
	Stray   bool  // not accepted because some cell was misinserted
	Break   bool  // not accepted because counting has failed or has not begun
}

// String names the state.
func (s *AAL1Sequence) String() string {
	if s.state < numAAL1States {
		return aal1StateNames[s.state]
	}
	return "unknown"
}

// Synced tells whether counting is under way: cells are delivered.
func (s *AAL1Sequence) Synced() bool { return s.state >= aal1Sync }

// Step takes the count of the next cell; valid is that of its header.
func (s *AAL1Sequence) Step(count uint8, valid bool) AAL1Verdict {
	count %= aal1Cycle
	switch s.state {
	case aal1Sync:
		return s.sync(count, valid)
	case aal1OutOfSeq, aal1Invalid:
		return s.doubt(count, valid)
	}
	inSequence := s.state == aal1OutOfSync && valid && count == aal1Next(s.last, 1)
	held := s.last
	s.last = count
	switch {
	case inSequence:
		s.state = aal1Sync
		return s.accept(held, count)
	case valid:
		s.state = aal1OutOfSync
	default:
		s.state = aal1Start
	}
	return AAL1Verdict{Break: true}
}

func aal1Next(count, n uint8) uint8 { return (count + n) % aal1Cycle }

// accept delivers the cell that the algorithm is about.
func (s *AAL1Sequence) accept(held, now uint8) AAL1Verdict {
	if s.Fast {
		held = now
	}
	return AAL1Verdict{Accept: true, Count: held}
}

// sync is Step in the state SYNC.
func (s *AAL1Sequence) sync(count uint8, valid bool) AAL1Verdict {
	held, next := s.last, aal1Next(s.last, 1)
	switch {
	case valid && count == next:
		s.last = count
		return s.accept(held, count)
	case valid:
		s.state, s.odd = aal1OutOfSeq, count
	default:
		s.state = aal1Invalid
	}
	v := s.accept(held, next)
	v.Assumed = s.Fast
	return v
}

// doubt is Step in the states OUT OF SEQUENCE and INVALID: this cell tells
// what the one before it was.
func (s *AAL1Sequence) doubt(count uint8, valid bool) AAL1Verdict {
	next := aal1Next(s.last, 1)
	lost := (s.odd - next) % aal1Cycle
	after := s.state == aal1OutOfSeq && count == aal1Next(s.odd, 1)
	held := s.last
	s.last = count
	if !valid {
		s.state = aal1Start
		return AAL1Verdict{Break: true}
	}
	switch count {
	case next: // the cell between was misinserted
		s.state = aal1Sync
		return AAL1Verdict{Stray: true}
	case aal1Next(held, 2): // it was in sequence, its number damaged
		s.state = aal1Sync
		v := s.accept(next, count)
		v.Assumed = !s.Fast
		return v
	}
	if after { // cells were lost before it
		s.state = aal1Sync
		v := s.accept(s.odd, count)
		v.Dummies = lost
		return v
	}
	s.state = aal1OutOfSync
	return AAL1Verdict{Break: true}
}
