package aal

// FrameDiscard decides, cell by cell of one VC of AAL5, what a full queue
// drops, so that bandwidth is not spent on PDUs that nobody can use:
//
//   - early packet discard: while the queue is above a threshold, PDUs that
//     have not begun are dropped whole;
//   - partial packet discard: once a cell of a PDU is dropped, so is the rest
//     of it but for the end cell, which tells the receiver where the next PDU
//     begins.
//
// TM 4.1, 5.8, calls both frame discard. The zero value is between PDUs.
type FrameDiscard struct{ state discardState }

type discardState uint8

const (
	discardIdle    discardState = iota // between PDUs
	discardPassing                     // within a PDU that passes
	discardRest                        // within a PDU that lost a cell: its end is still to pass
	discardWhole                       // within a PDU of which nothing passed
)

// Pass tells whether the cell with header h, the next of its VC, may be
// queued. early says that the queue is above the threshold of early discard;
// full that this cell cannot be queued, or that a policer refuses it. Cells
// that are not user cells pass unless full, and change nothing.
func (d *FrameDiscard) Pass(h Header, early, full bool) bool {
	if !h.User() {
		return !full
	}
	end := h.AUU()
	switch d.state {
	case discardIdle:
		if early || full {
			d.next(end, discardWhole)
			return false
		}
		d.next(end, discardPassing)
		return true
	case discardPassing:
		if full {
			// Without its end this PDU and the next become one: go on
			// to the end of that one.
			d.state = discardRest
			return false
		}
		d.next(end, discardPassing)
		return true
	case discardRest:
		if !end || full {
			return false
		}
		d.state = discardIdle
		return true
	}
	d.next(end, discardWhole)
	return false
}

func (d *FrameDiscard) next(end bool, within discardState) {
	d.state = within
	if end {
		d.state = discardIdle
	}
}
