package modules

import "github.com/cellhub/cellhub/aal"

// Sequence numbers of a control word: RFC 4385, section 4. 0 says that the sender does
// not number its frames, so the count wraps from 65,535 to 1.

// numbering is the sending side of one pseudowire; the zero value is the start.
type numbering uint16

// take gives the number of the next frame to send.
func (n *numbering) take() uint16 {
	*n = numbering(aal.NextSequence(uint16(*n)))
	return uint16(*n)
}

// LendNumbers gives the last number that a port has sent, and has somebody else number frames of it from then on. Frames
// that the port sends itself meanwhile have 0: RFC 4385, 4.1. On the hub.
func (d *Carrier) LendNumbers(number uint32) (last uint16) {
	if p := d.port(number); p != nil {
		p.pw.lent = true
		last = uint16(p.pw.sent)
	}
	return last
}

// TakeNumbers has the port number again, from the one after last on. On the hub.
func (d *Carrier) TakeNumbers(number uint32, last uint16) {
	if p := d.port(number); p != nil {
		p.pw.lent, p.pw.sent = false, numbering(last)
	}
}

// restartRun is how many late frames in a row, each one number after the other, say
// that the sender has begun anew: the RFC would drop up to 32,768 frames of it.
const restartRun = 8

// ordering is the receiving side; the zero value takes the first number as it comes.
type ordering struct {
	last uint16 // taken; 0 for none
	late uint16 // the last number that was dropped
	run  uint8  // how many late ones followed each other up to it
}

// take judges a received number (4.2): false when it is late or repeated, and its frame
// is to be dropped; else how many frames before it are missing. A frame that is not
// numbered is taken.
func (o *ordering) take(got uint16) (missing int, ok bool) {
	const half = 1 << 15
	expected := aal.NextSequence(o.last)
	switch {
	case got == 0:
		return 0, true
	case o.last == 0 || got-expected >= half && o.restarted(got):
		missing = 0
	case got-expected >= half:
		return 0, false
	default:
		missing = int(got - expected)
		if got < expected { // 0 is not among the numbers between
			missing--
		}
	}
	*o = ordering{last: got}
	return missing, true
}

// restarted notes a late number, and tells whether it ends a run of restartRun.
func (o *ordering) restarted(got uint16) bool {
	if o.run > 0 && got == aal.NextSequence(o.late) {
		o.run++
	} else {
		o.run = 1
	}
	o.late = got
	return o.run == restartRun
}
